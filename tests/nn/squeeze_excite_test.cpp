// Squeeze-excite against its formula in plain loops, gradients by differences; on every device.
#include <cmath>
#include <lafs/nn/squeeze_excite.hpp>

#include "device_values.hpp"

namespace {

using namespace lafs_test;

template <class T>
using SqueezeExcite = lafs::SqueezeExcite<T, Device>;

double relu(double x) {
    return std::max(x, 0.0);
}
double hard_sigmoid(double x) {
    return std::min(relu(x + 3.0), 6.0) / 6.0;
}

void randomize(SqueezeExcite<double>& layer) {
    layer.squeeze.weight.value().copy_from(normal(layer.squeeze.weight.shape(), 5));
    layer.excite.weight.value().copy_from(normal(layer.excite.weight.shape(), 6));
}

TEST_CASE("squeeze-excite equals its formula", "[nn]") {
    SqueezeExcite<double> layer(6, 2);
    randomize(layer);
    const Var x(normal({2, 6, 3, 5}, 1));
    const auto from = host(x), y = host(layer.forward(x)), rectified = host(layer.forward<lafs::Relu>(x)),
               squeeze = host(layer.squeeze.weight), excite = host(layer.excite.weight);
    for (int n = 0; n < 2; ++n) {
        double mean[6] = {}, hidden[3] = {};
        for (int c = 0; c < 6; ++c)
            for (int p = 0; p < 15; ++p)
                mean[c] += from.data()[(n * 6 + c) * 15 + p] / 15;
        for (int h = 0; h < 3; ++h) {
            for (int c = 0; c < 6; ++c)
                hidden[h] += squeeze.data()[h * 6 + c] * mean[c];
            hidden[h] = relu(hidden[h]);
        }
        for (int c = 0; c < 6; ++c) {
            double gate = 0;
            for (int h = 0; h < 3; ++h)
                gate += excite.data()[c * 3 + h] * hidden[h];
            for (int p = 0; p < 15; ++p) {
                const int at = (n * 6 + c) * 15 + p;
                const double expected = from.data()[at] * hard_sigmoid(gate);
                CHECK(y.data()[at] == Approx(expected).margin(1e-13));
                CHECK(rectified.data()[at] == Approx(relu(expected)).margin(1e-13));
            }
        }
    }
}

TEST_CASE("squeeze-excite has the gradients of its formula", "[nn]") {
    SqueezeExcite<double> layer(7, 3);
    randomize(layer);
    check_derivative([&](const Inputs& in) { return layer.template forward<lafs::HardSwish>(in[0]); },
                     {Var(normal({3, 7, 5, 3}, 1), true), layer.squeeze.weight, layer.excite.weight});
}

TEST_CASE("squeeze-excite names its parts and refuses other sizes", "[nn]") {
    SqueezeExcite<float> layer(72);
    const auto parameters = layer.parameters();
    REQUIRE(parameters.size() == 2);
    CHECK(parameters[0].first == "fc.0.weight");
    CHECK(parameters[0].second.shape() == lafs::Shape{18, 72});
    CHECK(parameters[1].first == "fc.2.weight");
    CHECK(parameters[1].second.shape() == lafs::Shape{72, 18});
    CHECK_THROWS_AS(SqueezeExcite<float>(3, 4), lafs::Error);
    CHECK_THROWS_AS(layer.forward(DeviceVariable<float>(DeviceTensor<float>::zeros({2, 71, 4, 4}))),
                    lafs::Error);
}

}  // namespace
