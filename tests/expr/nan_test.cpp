// NaN passes element-wise operations and extrema over an axis, value and gradient; numbers keep their bits.
#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/extremum.hpp>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape;

namespace {

/// n elements, `value` at `place` and 1 elsewhere.
template <class T = double>
DeviceTensor<T> ones_but(std::int64_t n, std::int64_t place, T value) {
    std::vector<T> values(static_cast<std::size_t>(n), T(1));
    values[static_cast<std::size_t>(place)] = value;
    return DeviceTensor<T>::from({n}, values);
}

/// Whether exactly the element at `place` is NaN.
template <class T>
bool only_nan_at(const std::vector<T>& values, std::int64_t place) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (std::isnan(values[i]) != (static_cast<std::int64_t>(i) == place))
            return false;
    return true;
}

}  // namespace

TEMPLATE_TEST_CASE("relu, clamp, min, max and the hard operations let NaN through, with its gradient",
                   "[expr]", float, double) {
    using T = TestType;
    for (const std::int64_t n : {1, 19}) {
        const std::int64_t place = n / 2;
        const auto check = [&](auto function) {
            const DeviceVariable<T> x(ones_but<T>(n, place, NAN), true);
            const DeviceVariable<T> y = function(x);
            CHECK(only_nan_at(y.value().to_vector(), place));
            y.backward(DeviceTensor<T>::full({n}, T(3)));
            return x.grad().to_vector()[static_cast<std::size_t>(place)];
        };
        CHECK(check([](const auto& x) { return relu(x); }) == 3);
        CHECK(check([](const auto& x) { return prelu(x, 0.5); }) == 3);
        CHECK(check([](const auto& x) { return clamp(x, -1, 1); }) == 3);
        CHECK(check([](const auto& x) { return min(x, 2); }) == 3);
        CHECK(check([](const auto& x) { return max(x, 2); }) == 3);
        CHECK(check([](const auto& x) { return min(2, x); }) == 3);
        CHECK(check([](const auto& x) { return max(2, x); }) == 3);
        check([](const auto& x) { return hard_sigmoid(x); });
        check([](const auto& x) { return hard_swish(x); });
    }
}

TEST_CASE("of NaN and a number the gradient of min and max goes to NaN", "[expr]") {
    const auto gradients = [](double a, double b, auto function) {
        const Var x(DeviceTensor<double>::full({5}, a), true), y(DeviceTensor<double>::full({5}, b), true);
        const Var z = function(x, y);
        CHECK(std::isnan(z.value().to_vector()[4]));
        z.backward(DeviceTensor<double>::full({5}, 1));
        return std::pair(x.grad().to_vector()[4], y.grad().to_vector()[4]);
    };
    const auto smaller = [](const Var& x, const Var& y) { return min(x, y).eval(); };
    const auto larger = [](const Var& x, const Var& y) { return max(x, y).eval(); };
    CHECK(gradients(NAN, 2, smaller) == std::pair(1.0, 0.0));
    CHECK(gradients(2, NAN, smaller) == std::pair(0.0, 1.0));
    CHECK(gradients(NAN, 2, larger) == std::pair(1.0, 0.0));
    CHECK(gradients(2, NAN, larger) == std::pair(0.0, 1.0));
}

TEMPLATE_TEST_CASE("zeros keep their sign as a comparison and a choice give it", "[expr]", float, double) {
    using T = TestType;
    const auto sign = [](T a, T b, auto function) {
        const auto z = function(DeviceTensor<T>::full({17}, a), DeviceTensor<T>::full({17}, b)).eval();
        return std::signbit(z.to_vector()[16]);
    };
    const T zero = 0, negative = -zero;
    CHECK_FALSE(sign(negative, zero, [](auto a, auto) { return relu(a); }));
    CHECK(sign(zero, negative, [](auto a, auto b) { return max(a, b); }));  // of equal ones the second
    CHECK_FALSE(sign(negative, zero, [](auto a, auto b) { return max(a, b); }));
    CHECK(sign(zero, negative, [](auto a, auto b) { return min(a, b); }));
    CHECK_FALSE(sign(negative, zero, [](auto a, auto b) { return min(a, b); }));
    CHECK_FALSE(sign(negative, zero, [](auto a, auto b) { return clamp(a, b, 1); }));
    const auto relu_of = [](T value) {
        return relu(DeviceTensor<T>::full({17}, value)).eval().to_vector()[16];
    };
    CHECK(relu_of(std::numeric_limits<T>::infinity()) == std::numeric_limits<T>::infinity());
    CHECK(relu_of(-std::numeric_limits<T>::infinity()) == 0);
    CHECK(relu_of(std::numeric_limits<T>::denorm_min()) == std::numeric_limits<T>::denorm_min());
}

TEST_CASE("a NaN wins over an axis, the first of several, and takes the gradient", "[autograd]") {
    for (const std::int64_t n : {3, 40, 999})
        for (const std::int64_t place : {std::int64_t{0}, n / 2, n - 1})
            for (const bool along_last : {true, false}) {
                std::vector<double> values(static_cast<std::size_t>(n), -2.0), expected(values.size(), 0.0);
                values[values.size() - 1] = values[static_cast<std::size_t>(place)] = NAN;
                values[1] += place == 1 ? 0 : 9;
                expected[static_cast<std::size_t>(place)] = 1;
                const Var x(DeviceTensor<double>::from(along_last ? Shape{1, n} : Shape{n, 1}, values), true);
                const int axis = along_last ? 1 : 0;
                for (const Var& y : {max_over(x, axis), min_over(x, axis)}) {
                    CHECK(std::isnan(y.value().item()));
                    x.zero_grad();
                    y.backward(DeviceTensor<double>::full({1}, 1));
                    CHECK(x.grad().to_vector() == expected);
                }
            }
}
