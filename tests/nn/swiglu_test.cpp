// SwiGLU against its formula in plain loops, gradients by differences; on every device.
#include <cmath>
#include <lafs/nn/swiglu.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("SwiGLU equals its formula", "[nn]") {
    SwiGLU<double, Device> layer(5, 7, true);
    const Var x(normal({2, 3, 5}, 1), true);
    const auto product = [](const std::vector<double>& row, const Linear<double, Device>& by) {
        const auto weight = host(by.weight), bias = host(by.bias);
        std::vector<double> y;
        for (std::int64_t o = 0; o < weight.shape(0); ++o) {
            y.push_back(bias.data()[o]);
            for (std::size_t k = 0; k < row.size(); ++k)
                y.back() += weight.data()[static_cast<std::size_t>(o) * row.size() + k] * row[k];
        }
        return y;
    };
    const auto from = host(x).to_vector();
    std::vector<double> expected;
    for (std::size_t row = 0; row < 6; ++row) {
        const std::vector<double> in(from.begin() + static_cast<std::ptrdiff_t>(row * 5),
                                     from.begin() + static_cast<std::ptrdiff_t>(row * 5 + 5));
        auto hidden = product(in, layer.w1);
        const auto value = product(in, layer.w3);
        for (std::size_t k = 0; k < hidden.size(); ++k)
            hidden[k] = hidden[k] / (1 + std::exp(-hidden[k])) * value[k];
        for (const double y : product(hidden, layer.w2))
            expected.push_back(y);
    }
    check_close(layer.forward(x).value().to_vector(), expected, 1e-13);
    check_derivative([&](const Inputs& in) { return layer.forward(in[0]); },
                     {x, layer.w1.weight, layer.w2.weight, layer.w3.weight, layer.w1.bias});
}

TEST_CASE("SwiGLU has the published names and no biases unless asked", "[nn]") {
    SwiGLU<float, Device> layer(4, 6);
    const auto parameters = layer.parameters();
    REQUIRE(parameters.size() == 3);
    CHECK(parameters[0].first == "w1.weight");
    CHECK(parameters[0].second.shape() == Shape{6, 4});
    CHECK(parameters[1].first == "w2.weight");
    CHECK(parameters[1].second.shape() == Shape{4, 6});
    CHECK(parameters[2].first == "w3.weight");
    CHECK_THROWS_AS((SwiGLU<float, Device>(4, 0)), Error);
}
