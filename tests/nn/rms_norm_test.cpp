// RMS norm against its formula in plain loops, gradients by differences; on every device.
#include <cmath>
#include <lafs/nn/rms_norm.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

std::vector<double> plain(const std::vector<double>& x, const std::vector<double>& gain, double epsilon) {
    std::vector<double> y;
    const std::size_t n = gain.size();
    for (std::size_t row = 0; row < x.size(); row += n) {
        double squares = 0;
        for (std::size_t k = 0; k < n; ++k)
            squares += x[row + k] * x[row + k] / static_cast<double>(n);
        for (std::size_t k = 0; k < n; ++k)
            y.push_back(x[row + k] / std::sqrt(squares + epsilon) * gain[k]);
    }
    return y;
}

}  // namespace

TEST_CASE("RMS norm equals its formula", "[nn]") {
    for (const std::int64_t n : lengths()) {
        INFO(n << " columns");
        RMSNorm<double, Device> layer(n, 1e-3);
        layer.weight.value().copy_from(normal({n}, 2));
        const Var x(normal({3, 5, n}, 1), true);
        check_close(layer.forward(x).value().to_vector(),
                    plain(host(x).to_vector(), host(layer.weight).to_vector(), 1e-3), 1e-13);
        check_derivative([&](const Inputs& in) { return rms_norm(in[0], in[1], 1e-3); }, {x, layer.weight});
    }
}

TEST_CASE("RMS norm of many rows sums the gradient of its gain", "[nn]") {
    const std::int64_t rows = sized(3000, 70), n = 24;
    const DeviceVariable<float> x(normal<float>({rows, n}, 1)), gain(uniform<float>({n}, 2, 0.5, 2), true);
    const auto g = normal<float>({rows, n}, 3);
    rms_norm(x, gain, 1e-6f).backward(g);
    const auto hx = host(x).to_vector(), hg = host(g).to_vector();
    std::vector<double> expected(static_cast<std::size_t>(n));
    for (std::size_t row = 0; row < hx.size(); row += expected.size()) {
        double squares = 0;
        for (std::size_t k = 0; k < expected.size(); ++k)
            squares += double{hx[row + k]} * hx[row + k] / static_cast<double>(n);
        for (std::size_t k = 0; k < expected.size(); ++k)
            expected[k] += double{hg[row + k]} * hx[row + k] / std::sqrt(squares + 1e-6);
    }
    check_close(gain.grad().to_vector(), expected, 1e-5);
}

TEST_CASE("RMS norm of 16-bit elements, its names and refusals", "[nn]") {
    RMSNorm<bfloat16, Device> layer(4);
    const DeviceVariable<bfloat16> x(DeviceTensor<bfloat16>::full({1, 4}, bfloat16(2.0f)));
    CHECK(static_cast<float>(layer.forward(x).value().to_vector()[3]) == 1.0f);
    const auto parameters = layer.parameters();
    REQUIRE(parameters.size() == 1);
    CHECK(parameters[0].first == "weight");
    CHECK_THROWS_AS(
        layer.forward(DeviceVariable<bfloat16>(DeviceTensor<bfloat16>::full({1, 5}, bfloat16(1)))), Error);
}
