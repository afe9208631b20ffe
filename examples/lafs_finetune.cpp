// The trainer of stages 1 and 3, with the heads and sources of the library.
#include "finetune_program.hpp"

int main(int argc, char** argv) {
    return finetune_program(argc, argv);
}
