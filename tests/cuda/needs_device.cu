// Ends the program with the code that CTest reads as "skipped" where no CUDA device is, before any test runs.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>

namespace {

const bool device_is_present = [] {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) {
        std::puts("SKIPPED: no CUDA device");
        std::fflush(stdout);
        std::_Exit(77);
    }
    return true;
}();

}  // namespace
