#include <cmath>
#include <lafs/nn/squeeze_excite.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

namespace {

using lafs::Variable;

double relu(double x) {
    return std::max(x, 0.0);
}
double hard_sigmoid(double x) {
    return std::min(relu(x + 3.0), 6.0) / 6.0;
}

void randomize(lafs::SqueezeExcite<double>& layer) {
    layer.squeeze.weight.value().copy_from(lafs::normal_tensor(layer.squeeze.weight.shape(), 5));
    layer.excite.weight.value().copy_from(lafs::normal_tensor(layer.excite.weight.shape(), 6));
}

TEST_CASE("squeeze-excite equals its formula", "[nn]") {
    lafs::SqueezeExcite<double> layer(6, 2);
    randomize(layer);
    const Variable<double> x(lafs::normal_tensor({2, 6, 3, 5}, 1));
    const auto y = layer.forward(x), rectified = layer.forward<lafs::Relu>(x);
    for (int n = 0; n < 2; ++n) {
        double mean[6] = {}, hidden[3] = {};
        for (int c = 0; c < 6; ++c)
            for (int p = 0; p < 15; ++p)
                mean[c] += x.value().data()[(n * 6 + c) * 15 + p] / 15;
        for (int h = 0; h < 3; ++h) {
            for (int c = 0; c < 6; ++c)
                hidden[h] += layer.squeeze.weight.value().data()[h * 6 + c] * mean[c];
            hidden[h] = relu(hidden[h]);
        }
        for (int c = 0; c < 6; ++c) {
            double gate = 0;
            for (int h = 0; h < 3; ++h)
                gate += layer.excite.weight.value().data()[c * 3 + h] * hidden[h];
            for (int p = 0; p < 15; ++p) {
                const int at = (n * 6 + c) * 15 + p;
                const double expected = x.value().data()[at] * hard_sigmoid(gate);
                CHECK(y.value().data()[at] == Approx(expected).margin(1e-13));
                CHECK(rectified.value().data()[at] == Approx(relu(expected)).margin(1e-13));
            }
        }
    }
}

TEST_CASE("squeeze-excite has the gradients of its formula", "[nn]") {
    lafs::SqueezeExcite<double> layer(7, 3);
    randomize(layer);
    const auto result =
        lafs::check_gradients([&](const auto& in) { return layer.template forward<lafs::HardSwish>(in[0]); },
                              {Variable<double>(lafs::normal_tensor({3, 7, 5, 3}, 1), true),
                               layer.squeeze.weight, layer.excite.weight});
    INFO(result);
    CHECK(result.ok());
}

TEST_CASE("squeeze-excite names its parts and refuses other sizes", "[nn]") {
    lafs::SqueezeExcite<float> layer(72);
    const auto parameters = layer.parameters();
    REQUIRE(parameters.size() == 2);
    CHECK(parameters[0].first == "fc.0.weight");
    CHECK(parameters[0].second.shape() == lafs::Shape{18, 72});
    CHECK(parameters[1].first == "fc.2.weight");
    CHECK(parameters[1].second.shape() == lafs::Shape{72, 18});
    CHECK_THROWS_AS(lafs::SqueezeExcite<float>(3, 4), lafs::Error);
    CHECK_THROWS_AS(layer.forward(Variable<float>(lafs::Tensor<float>::zeros({2, 71, 4, 4}))), lafs::Error);
}

}  // namespace
