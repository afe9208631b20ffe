// Pooling layers do what their functions do; on every device.
#include <lafs/nn/pooling.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("pooling layers have no parameters and call their functions", "[nn]") {
    const DeviceVariable<float> x(DeviceTensor<float>::from({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}));
    MaxPool2d<float, Device> largest({2});
    CHECK(largest.parameters().empty());
    CHECK(largest.forward(x).value().to_vector() == std::vector<float>{6, 8});
    CHECK(AvgPool2d<float, Device>({2}).forward(x).value().to_vector() == std::vector<float>{3.5f, 5.5f});
    CHECK(AdaptiveAvgPool2d<float, Device>().forward(x).value().to_vector() == std::vector<float>{4.5f});
    CHECK(AdaptiveMaxPool2d<float, Device>(2, 1).forward(x).value().to_vector() == std::vector<float>{4, 8});
}
