// What the emulated device is set to for all tests.
//
// The order of threads and blocks is another from launch to launch, so that a test that computes something
// twice sees different ones; the tests of kernels choose it themselves. Each test starts with an empty pool:
// it finds no values of others in new memory, and does not pay for opening and closing their pages.
#define CATCH_CONFIG_EXTERNAL_INTERFACES  // Catch2 v2 has listeners with it only

#include <lafs/backend/cuda/device.hpp>

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

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

struct EmptyPool final : Listener {
    using Listener::Listener;
    void testCaseEnded(const Catch::TestCaseStats&) override { lafs::pool<lafs::Cuda>().trim(); }
};
CATCH_REGISTER_LISTENER(EmptyPool)

}  // namespace
