// Broadcasting and fusion: every pattern against a plain index loop, gradients by differences, launches
// counted; on every device.
#include <lafs/autograd/expression.hpp>
#include <lafs/core/counter.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// Element of `x` at position `at` of `shape`, by NumPy's rule, the slow way.
double element(const Tensor<double>& x, const Shape& shape, std::int64_t at) {
    std::int64_t offset = 0, step = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const int own = axis - (shape.rank() - x.rank());
        const std::int64_t index = at % shape[axis];
        at /= shape[axis];
        if (own >= 0) {
            offset += (x.shape(own) == 1 ? 0 : index) * step;
            step *= x.shape(own);
        }
    }
    return x.data()[offset];
}

void check_pattern(const Shape& a_shape, const Shape& b_shape, const Shape& expected) {
    const Var a(uniform(a_shape, 1, 0.5, 2.0), true), b(uniform(b_shape, 2, 0.5, 2.0), true);
    INFO(a_shape << " with " << b_shape);
    const auto function = [](const Var& x, const Var& y) { return (x * y + x / y).eval(); };
    const Var value = function(a, b);
    REQUIRE(value.shape() == expected);
    const auto left = host(a), right = host(b), got = host(value);
    double worst = 0.0;
    for (std::int64_t i = 0; i < got.size(); ++i) {
        const double x = element(left, expected, i), y = element(right, expected, i);
        worst = std::max(worst, std::abs(got.data()[i] - (x * y + x / y)));
    }
    CHECK(worst < 1e-14);
    check_derivative([&](const Inputs& in) { return function(in[0], in[1]); }, {a, b});
}

std::uint64_t launches(const std::function<void()>& work) {
    const std::uint64_t before = kernel_launches();
    work();
    return kernel_launches() - before;
}

}  // namespace

TEST_CASE("broadcast patterns", "[expr]") {
    for (const std::int64_t n : lengths()) {
        check_pattern({n}, {n}, {n});
        check_pattern({3, n}, {}, {3, n});                     // scalar tensor
        check_pattern({3, n}, {1}, {3, n});                    // one element
        check_pattern({3, n}, {n}, {3, n});                    // last axis (bias)
        check_pattern({n}, {3, n}, {3, n});                    // the other way round
        check_pattern({5, n}, {5, 1}, {5, n});                 // row (per-sample scale)
        check_pattern({2, 3, n}, {3, 1}, {2, 3, n});           // channel
        check_pattern({2, 3, n}, {1, 3, 1}, {2, 3, n});        // channel, written out
        check_pattern({n, 3}, {3}, {n, 3});                    // many short rows
        check_pattern({n, 1}, {1, 5}, {n, 5});                 // outer product
        check_pattern({2, 1, n, 1}, {3, 1, 2}, {2, 3, n, 2});  // general
    }
    check_pattern({2, 3, 1, 5, 7}, {4, 1, 7}, {2, 3, 4, 5, 7});
    check_pattern({1, 1, 1, 1, 1}, {2, 3, 2, 3, 2}, {2, 3, 2, 3, 2});
    check_pattern({64, 1030}, {1030}, {64, 1030});  // several chunks of partial sums
    check_pattern({40'000}, {1}, {40'000});         // one long row, cut into pieces
    check_pattern({0, 5}, {5}, {0, 5});             // nothing
}

TEST_CASE("shapes that do not broadcast name both", "[expr]") {
    const auto a = DeviceTensor<float>::zeros({2, 3}), b = DeviceTensor<float>::zeros({4});
    CHECK_THROWS_AS((a + b).eval(), Error);
    try {
        (a + b).eval();
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("(2, 3)") != std::string::npos);
        CHECK(std::string(error.what()).find("(4,)") != std::string::npos);
    }
}

TEST_CASE("an expression is one launch forward and one backward", "[expr]") {
    const auto variable = [](std::uint64_t seed) {
        return DeviceVariable<float>(normal<float>({7, 197}, seed), true);
    };
    const auto x = variable(1), scale = variable(2), bias = variable(3), gate = variable(4);
    DeviceVariable<float> y;
    CHECK(launches([&] { y = gelu(x * scale + bias) * sigmoid(gate); }) == 1);
    const auto gradient = DeviceTensor<float>::full({7, 197}, 1);
    CHECK(launches([&] { y.backward(gradient); }) == 1);
    for (const auto& v : {x, scale, bias, gate})
        CHECK(v.grad().defined());
}

TEST_CASE("broadcast operands: the same one launch, then an ordered sum of its partial sums", "[expr]") {
    const DeviceVariable<float> x(normal<float>({200, 197}, 1), true), bias(normal<float>({197}, 2), true);
    DeviceVariable<float> y;
    const auto gradient = DeviceTensor<float>::full({200, 197}, 1);
    CHECK(launches([&] { y = gelu(x + bias); }) == 1);
    CHECK(launches([&] { y.backward(gradient); }) <= 2);
}

TEST_CASE("fuse reads an operand that is used twice once", "[expr]") {
    const Var x(normal({3, 197}, 1), true), w(normal({197}, 2), true);
    const auto function = [](const Inputs& in) {
        return fuse([](auto a, auto b) { return tanh(a) * b + a * a; }, in[0], in[1]).eval();
    };
    const auto expression = fuse([](auto a, auto b) { return tanh(a) * b + a * a; }, x, w);
    static_assert(decltype(expression)::inputs == 2);
    check_derivative(function, {x, w});
    const double a = host(x).data()[200], b = host(w).data()[3];
    CHECK(host(function({x, w})).data()[200] == Approx(std::tanh(a) * b + a * a));
}

TEST_CASE("expressions hold their operands", "[expr]") {
    auto make = [] {
        const DeviceVariable<float> x(DeviceTensor<float>::full({3}, 2.0f));
        return x * 3 + DeviceTensor<float>::full({3}, 1.0f);  // both operands end here
    };
    CHECK(make().eval().value().to_vector() == std::vector<float>{7, 7, 7});
}

TEST_CASE("16-bit storage is computed in float and rounded once", "[expr]") {
    const auto check = [](auto zero, double epsilon) {
        using T = decltype(zero);
        for (const std::int64_t n : {1, 7, 197}) {
            const auto narrow = [](const Tensor<float>& wide) {
                auto result = Tensor<T>::empty(wide.shape());
                for (std::int64_t i = 0; i < wide.size(); ++i)
                    result.data()[i] = static_cast<T>(wide.data()[i]);
                return result;
            };
            const auto a = narrow(normal_tensor<float>({n}, 1)), b = narrow(normal_tensor<float>({n}, 2));
            const DeviceVariable<T> x(on_device(a), true), y(on_device(b), true);
            const DeviceVariable<T> z = gelu(x * y) + x;
            z.backward(DeviceTensor<T>::full({n}, T(1.0f)));
            const auto value = host(z), gradient = host(y.grad());
            for (std::int64_t i = 0; i < n; ++i) {
                const double u = a.data()[i], v = b.data()[i], p = u * v;
                const double cdf = std::erfc(-p / std::sqrt(2.0)) / 2;
                const double density = std::exp(-p * p / 2) / std::sqrt(2 * 3.141592653589793);
                CHECK(double(value.data()[i]) == Approx(p * cdf + u).epsilon(epsilon).margin(1e-6));
                CHECK(double(gradient.data()[i]) ==
                      Approx((cdf + p * density) * u).epsilon(epsilon).margin(1e-6));
            }
        }
    };
    check(bfloat16{}, 1.0 / 256);
    check(lafs::half{}, 1.0 / 2048);
}
