// The order of emulated threads and blocks: another from launch to launch, so that a test that computes something twice
// sees different ones; the tests of kernels choose it themselves.
#include <cuda_runtime.h>

#include "cuda/reference.hpp"

namespace {

const bool installed = [] {
    using lafs_test::ThreadOrder;
    lafs_test::set_order() = [](ThreadOrder order) {
        auto& device = lafs::testing::cuda_emulation();
        device.reversed() = order == ThreadOrder::descending;
        device.varied() = order == ThreadOrder::varied;
    };
    lafs_test::set_order()(ThreadOrder::varied);
    return true;
}();

}  // namespace
