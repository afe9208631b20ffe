// What the tests that run on every device share: tensors and variables on lafs_test::Device, their elements
// on the host, gradients. The host cannot touch a device's memory: make tensors by `from`, `normal`,
// `uniform` or `on_device`, read them by `host`, `to_vector` or `item`.
#pragma once

#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <span>

#include "close.hpp"
#include "test_device.hpp"

namespace lafs_test {

inline constexpr bool on_cpu = std::is_same_v<Device, lafs::Cpu>;

template <class T>
using DeviceTensor = lafs::Tensor<T, Device>;
template <class T>
using DeviceVariable = lafs::Variable<T, Device>;
using Var = DeviceVariable<double>;
using Inputs = std::vector<Var>;
using Labels = DeviceTensor<std::int64_t>;

/// Random numbers, the same on every device.
template <class T = double>
DeviceTensor<T> normal(const lafs::Shape& shape, std::uint64_t seed, double deviation = 1.0) {
    return lafs::normal_tensor<T, Device>(shape, seed, deviation);
}
template <class T = double>
DeviceTensor<T> uniform(const lafs::Shape& shape, std::uint64_t seed, double low = -1.0, double high = 1.0) {
    return lafs::uniform_tensor<T, Device>(shape, seed, low, high);
}

/// A copy in the host's memory.
template <class T>
lafs::Tensor<T> host(const DeviceTensor<T>& x) {
    return x.template to<lafs::Cpu>();
}
template <class T>
lafs::Tensor<T> host(const DeviceVariable<T>& x) {
    return host(x.value());
}

/// A copy in the device's memory.
template <class T>
DeviceTensor<T> on_device(const lafs::Tensor<T>& x) {
    return x.template to<Device>();
}

/// A size of tests: `small` where kernels may be emulated, at about a microsecond for each thread and
/// barrier.
constexpr std::int64_t sized(std::int64_t size, std::int64_t small) {
    return on_cpu ? size : small;
}

/// Lengths with every remainder of a pack.
inline std::span<const std::int64_t> lengths() {
    static constexpr std::int64_t all[] = {1, 7, 197, 1000};
    return {all, on_cpu ? 4u : 3u};
}

/// How much `check_derivative` looks at: single elements less where kernels may be emulated.
inline lafs::GradientCheckOptions gradient_options() {
    lafs::GradientCheckOptions options;
    if (!on_cpu) {
        options.directions = 1;
        options.elements = 4;
    }
    return options;
}

/// Checks the derivative of `function` (testing/gradient_check.hpp).
template <class Function>
void check_derivative(Function function, const Inputs& inputs,
                      const lafs::GradientCheckOptions& options = gradient_options()) {
    const auto result = lafs::check_gradients(std::move(function), inputs, options);
    INFO(result);
    CHECK(result.ok());
}

}  // namespace lafs_test
