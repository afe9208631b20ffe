// Lets the shared tests of CUDA kernels reverse the order of emulated threads and blocks.
#include <cuda_runtime.h>

#include "cuda/reference.hpp"

namespace {

const bool installed = [] {
    lafs_test::set_reversed() = [](bool reversed) { lafs::testing::cuda_emulation().reversed() = reversed; };
    return true;
}();

}  // namespace
