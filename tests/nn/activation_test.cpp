// Element-wise layers against the standard library, gradients by differences; on every device.
#include <cmath>
#include <lafs/nn/activation.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("activation layers apply their function and have no parameters", "[nn]") {
    const Var x(normal({3, 37}, 1, 3.0), true);
    const auto values = host(x).to_vector();
    const auto expected = [&](auto f) {
        std::vector<double> y;
        for (const double v : values)
            y.push_back(f(v));
        return y;
    };
    SiLU<double, Device> silu;
    CHECK(silu.parameters().empty());
    check_close(silu.forward(x).value().to_vector(),
                expected([](double v) { return v / (1 + std::exp(-v)); }), 1e-14);
    check_derivative([&](const Inputs& in) { return silu.forward(in[0]); }, {x});
    check_close(ReLU<double, Device>().forward(x).value().to_vector(),
                expected([](double v) { return std::max(v, 0.0); }), 0);
    check_close(GELU<double, Device>().forward(x).value().to_vector(),
                expected([](double v) { return v * 0.5 * std::erfc(-v * std::sqrt(0.5)); }), 1e-14);
    check_close(Activation<Tanh, double, Device>().forward(x).value().to_vector(),
                expected([](double v) { return std::tanh(v); }), 1e-14);
}

TEST_CASE("SiLU of large numbers is finite", "[nn]") {
    const DeviceVariable<float> x(DeviceTensor<float>::from({4}, {-1e4f, -100, 100, 1e4f}), true);
    const auto y = SiLU<float, Device>().forward(x);
    check_close(y.value().to_vector(), {0, 0, 100, 1e4}, 1e-6);
    y.backward(DeviceTensor<float>::full({4}, 1));
    check_close(x.grad().to_vector(), {0, 0, 1, 1}, 1e-6);
}
