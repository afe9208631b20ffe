// The convolution layer: its weights' shape with groups, and that it calls its function; on every device.
#include <lafs/nn/conv2d.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("a convolution layer has groups and dilation", "[nn]") {
    Conv2d<double, Device> layer(6, 4, 3, {2, 1, 2, 2}, true);
    CHECK(layer.weight.shape() == Shape{4, 3, 3, 3});
    CHECK(layer.bias.shape() == Shape{4});
    const Var x(normal({2, 6, 9, 9}, 1));
    const auto y = layer.forward(x);
    CHECK(y.shape() == Shape{2, 4, 4, 4});
    CHECK(y.value().to_vector() == conv2d(x, layer.weight, layer.bias, {2, 1, 2, 2}).value().to_vector());
    CHECK_THROWS_AS((Conv2d<double, Device>(6, 4, 3, {1, 1, 3})), Error);
    CHECK_THROWS_AS((Conv2d<double, Device>(6, 4, 3, {1, 1, 0})), Error);
    CHECK_THROWS_AS((Conv2d<double, Device>(6, 0, 3)), Error);
}
