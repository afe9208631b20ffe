// Group norm against its formula in plain loops, gradients by differences; on every device.
#include <cmath>
#include <lafs/nn/group_norm.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("group norm equals its formula", "[nn]") {
    for (const std::int64_t groups : {1, 2, 6}) {
        INFO(groups << " groups");
        GroupNorm<double, Device> layer(groups, 6, 1e-3);
        layer.weight.value().copy_from(normal({6}, 2));
        layer.bias.value().copy_from(normal({6}, 3));
        const Var x(normal({2, 6, 3, 4}, 1), true);
        const auto from = host(x).to_vector(), weight = host(layer.weight).to_vector(),
                   bias = host(layer.bias).to_vector();
        std::vector<double> expected(from.size());
        const std::size_t row = static_cast<std::size_t>(6 / groups * 12);
        for (std::size_t begin = 0; begin < from.size(); begin += row) {
            double mean = 0, variance = 0;
            for (std::size_t i = begin; i < begin + row; ++i)
                mean += from[i] / static_cast<double>(row);
            for (std::size_t i = begin; i < begin + row; ++i)
                variance += (from[i] - mean) * (from[i] - mean) / static_cast<double>(row);
            for (std::size_t i = begin; i < begin + row; ++i)
                expected[i] =
                    (from[i] - mean) / std::sqrt(variance + 1e-3) * weight[i / 12 % 6] + bias[i / 12 % 6];
        }
        check_close(layer.forward(x).value().to_vector(), expected, 1e-13);
        check_derivative([&](const Inputs& in) { return layer.forward(in[0]); },
                         {x, layer.weight, layer.bias});
        // (batch, channels): every channel is a plane of one.
        CHECK(layer.forward(Var(normal({4, 6}, 1))).shape() == Shape{4, 6});
    }
}

TEST_CASE("group norm names its parts and refuses other sizes", "[nn]") {
    GroupNorm<float, Device> layer(3, 6);
    const auto parameters = layer.parameters();
    REQUIRE(parameters.size() == 2);
    CHECK(parameters[0].first == "weight");
    CHECK(parameters[1].first == "bias");
    CHECK_THROWS_AS((GroupNorm<float, Device>(4, 6)), Error);
    CHECK_THROWS_AS((GroupNorm<float, Device>(0, 6)), Error);
    CHECK_THROWS_AS(layer.forward(DeviceVariable<float>(DeviceTensor<float>::zeros({2, 5, 3}))), Error);
}
