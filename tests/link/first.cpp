// With second.cpp: two translation units that include everything link into one program.
#include <lafs/lafs.hpp>
#include <typeinfo>

const std::type_info& error_type_of_second();

int main() {
    return typeid(lafs::Error) == error_type_of_second() ? 0 : 1;
}
