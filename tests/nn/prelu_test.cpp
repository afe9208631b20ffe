// PReLU against its formula in plain loops, gradients by differences; on every device.
#include <lafs/nn/prelu.hpp>

#include "device_values.hpp"

namespace {

using namespace lafs_test;

TEST_CASE("PReLU has a slope a channel", "[nn]") {
    for (const lafs::Shape& shape : {lafs::Shape{3, 5}, lafs::Shape{2, 5, 7}, lafs::Shape{2, 5, 3, 4}}) {
        lafs::PReLU<double, Device> layer(5);
        CHECK(layer.weight.value().to_vector() == std::vector<double>(5, 0.25));
        layer.weight.value().copy_from(normal({5}, 2));
        const Var x(normal(shape, 1), true);
        const auto from = host(x), y = host(layer.forward(x)), slopes = host(layer.weight);
        const std::int64_t plane = shape.size_between(2, shape.rank());
        for (std::int64_t i = 0; i < from.size(); ++i) {
            const double v = from.data()[i];
            CHECK(y.data()[i] == (v > 0 ? v : v * slopes.data()[i / plane % 5]));
        }
        check_derivative([&](const Inputs& in) { return layer.forward(in[0]); }, {x, layer.weight});
    }
}

TEST_CASE("PReLU with one slope for all, and what it refuses", "[nn]") {
    lafs::PReLU<double, Device> layer(1, 0.5);
    const auto y = layer.forward(Var(DeviceTensor<double>::from({1, 3}, {-2, 0, 2}))).value().to_vector();
    CHECK(y == std::vector<double>{-1, 0, 2});
    const auto parameters = lafs::PReLU<float, Device>(7).parameters();
    REQUIRE(parameters.size() == 1);
    CHECK(parameters[0].first == "weight");
    CHECK_THROWS_AS((lafs::PReLU<double, Device>(4).forward(Var(normal({2, 3}, 1)))), lafs::Error);
    CHECK_THROWS_AS((lafs::PReLU<double, Device>(4).forward(Var(normal({4}, 1)))), lafs::Error);
    CHECK_THROWS_AS((lafs::PReLU<double, Device>(0)), lafs::Error);
}

}  // namespace
