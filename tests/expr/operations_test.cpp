// Element-wise operations: values against the standard library over ranges with every remainder of a pack,
// derivatives against differences; on every device.
#include <lafs/autograd/expression.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// The largest error of `function` against `truth`, relative to max(1, |truth|).
template <class T, class Function, class Truth>
double worst_error(std::int64_t n, double low, double high, Function function, Truth truth) {
    const auto x = uniform_tensor<T>({n}, 1, low, high);
    if (n > 1) {
        x.data()[0] = static_cast<T>(low);
        x.data()[n - 1] = static_cast<T>(high);
    }
    const auto y = host<T>(function(on_device(x)));
    double worst = 0.0;
    for (std::int64_t i = 0; i < n; ++i) {
        const double expected = truth(static_cast<double>(x.data()[i]));
        const double error =
            std::abs(static_cast<double>(y.data()[i]) - expected) / std::max(1.0, std::abs(expected));
        worst = std::max(worst, std::isnan(error) ? HUGE_VAL : error);
    }
    return worst;
}

template <class Function, class Truth>
void check_values(double low, double high, Function function, Truth truth, double float_error = 4e-7) {
    for (const std::int64_t n : lengths()) {
        INFO("length " << n);
        CHECK(worst_error<float>(n, low, high, function, truth) < float_error);
        CHECK(worst_error<double>(n, low, high, function, truth) < 4e-15);
    }
}

template <class Function>
void check_derivative_between(double low, double high, Function function) {
    for (const std::int64_t n : lengths()) {
        INFO("length " << n);
        check_derivative([&](const Inputs& in) { return function(in[0]); },
                         {Var(uniform({n}, 2, low, high), true)});
    }
}

/// Values in float and double, and the derivative, of one operation.
template <class Function, class Truth>
void check_operation(double low, double high, Function function, Truth truth) {
    check_values(
        low, high, [&](const auto& x) { return function(x).eval(); }, truth);
    check_derivative_between(low, high, function);
}

}  // namespace

TEST_CASE("unary operations", "[expr]") {
    SECTION("neg") {
        check_operation(
            -9, 9, [](const auto& x) { return -x; }, [](double v) { return -v; });
    }
    SECTION("exp") {
        check_operation(
            -20, 5, [](const auto& x) { return exp(x); }, [](double v) { return std::exp(v); });
    }
    SECTION("log") {
        check_operation(
            0.05, 50, [](const auto& x) { return log(x); }, [](double v) { return std::log(v); });
    }
    SECTION("sqrt") {
        check_operation(
            0.05, 50, [](const auto& x) { return sqrt(x); }, [](double v) { return std::sqrt(v); });
    }
    SECTION("rsqrt") {
        check_operation(
            0.05, 50, [](const auto& x) { return rsqrt(x); }, [](double v) { return 1 / std::sqrt(v); });
    }
    SECTION("square") {
        check_operation(
            -9, 9, [](const auto& x) { return square(x); }, [](double v) { return v * v; });
    }
    SECTION("abs") {
        check_operation(
            -9, 9, [](const auto& x) { return abs(x); }, [](double v) { return std::abs(v); });
    }
    SECTION("tanh") {
        check_operation(
            -6, 6, [](const auto& x) { return tanh(x); }, [](double v) { return std::tanh(v); });
    }
    SECTION("sin") {
        check_operation(
            -20, 20, [](const auto& x) { return sin(x); }, [](double v) { return std::sin(v); });
    }
    SECTION("cos") {
        check_operation(
            -20, 20, [](const auto& x) { return cos(x); }, [](double v) { return std::cos(v); });
    }
    SECTION("pow") {
        check_operation(
            0.05, 3, [](const auto& x) { return pow(x, 2.5); }, [](double v) { return std::pow(v, 2.5); });
        check_operation(
            -3, 3, [](const auto& x) { return pow(x, 3); }, [](double v) { return v * v * v; });
        check_operation(
            -3, 3, [](const auto& x) { return pow(2, x); }, [](double v) { return std::exp2(v); });
    }
    SECTION("silu") {
        check_operation(
            -15, 15, [](const auto& x) { return silu(x); }, [](double v) { return v / (1 + std::exp(-v)); });
    }
    SECTION("acos") {
        check_operation(
            -0.99, 0.99, [](const auto& x) { return acos(x); }, [](double v) { return std::acos(v); });
    }
    SECTION("sigmoid") {
        check_operation(
            -15, 15, [](const auto& x) { return sigmoid(x); },
            [](double v) { return 1 / (1 + std::exp(-v)); });
    }
    SECTION("prelu of x, and of the slope") {
        check_operation(
            -9, 9, [](const auto& x) { return prelu(x, 0.3); }, [](double v) { return v > 0 ? v : 0.3 * v; });
        check_operation(
            -9, 9, [](const auto& slope) { return prelu(-2, slope); }, [](double v) { return -2 * v; });
        check_operation(
            -9, 9, [](const auto& slope) { return prelu(2, slope); }, [](double) { return 2; });
    }
    SECTION("relu") {
        check_operation(
            -9, 9, [](const auto& x) { return relu(x); }, [](double v) { return v > 0 ? v : 0; });
    }
    SECTION("hard_sigmoid") {
        check_operation(
            -6, 6, [](const auto& x) { return hard_sigmoid(x); },
            [](double v) { return std::min(std::max(v + 3, 0.0), 6.0) / 6; });
    }
    SECTION("hard_swish") {
        check_operation(
            -6, 6, [](const auto& x) { return hard_swish(x); },
            [](double v) { return v * std::min(std::max(v + 3, 0.0), 6.0) / 6; });
    }
    SECTION("gelu") {
        check_operation(
            -8, 8, [](const auto& x) { return gelu(x); },
            [](double v) { return v / 2 * std::erfc(-v / std::sqrt(2.0)); });
    }
    SECTION("clamp") {
        check_operation(
            -3, 3, [](const auto& x) { return clamp(x, -1.25, 0.5); },
            [](double v) { return std::min(std::max(v, -1.25), 0.5); });
    }
}

TEST_CASE("operations with a number", "[expr]") {
    check_operation(
        -9, 9, [](const auto& x) { return x + 3; }, [](double v) { return v + 3; });
    check_operation(
        -9, 9, [](const auto& x) { return 3.5 - x; }, [](double v) { return 3.5 - v; });
    check_operation(
        -9, 9, [](const auto& x) { return x * -0.25; }, [](double v) { return v * -0.25; });
    check_operation(
        0.5, 9, [](const auto& x) { return 2 / x; }, [](double v) { return 2 / v; });
    check_operation(
        -9, 9, [](const auto& x) { return where(x < 1, x * 2, square(x)); },
        [](double v) { return v < 1 ? 2 * v : v * v; });
    check_operation(
        -9, 9, [](const auto& x) { return min(x, 2) + max(x, -1); },
        [](double v) { return std::min(v, 2.0) + std::max(v, -1.0); });
}

TEST_CASE("saturation and special values", "[expr]") {
    const double infinity = HUGE_VAL;
    const auto at = [](float v, auto f) { return f(DeviceTensor<float>::full({3}, v)).to_vector()[1]; };
    CHECK(at(1000, [](const auto& x) { return sigmoid(x).eval(); }) == 1.0f);
    CHECK(at(-1000, [](const auto& x) { return sigmoid(x).eval(); }) < 1e-37f);
    CHECK(at(1000, [](const auto& x) { return tanh(x).eval(); }) == 1.0f);
    CHECK(at(-1000, [](const auto& x) { return gelu(x).eval(); }) == 0.0f);
    CHECK(at(1000, [](const auto& x) { return gelu(x).eval(); }) == 1000.0f);
    CHECK(at(-2000, [](const auto& x) { return exp(x).eval(); }) < 1e-37f);
    CHECK(at(200, [](const auto& x) { return exp(x).eval(); }) == static_cast<float>(infinity));
    CHECK(at(0, [](const auto& x) { return log(x).eval(); }) == static_cast<float>(-infinity));
    CHECK(std::isnan(at(-1, [](const auto& x) { return log(x).eval(); })));
    CHECK(std::isnan(at(-1, [](const auto& x) { return sqrt(x).eval(); })));
    CHECK(std::isnan(at(NAN, [](const auto& x) { return exp(x).eval(); })));
    CHECK(std::isnan(at(NAN, [](const auto& x) { return (x * 0 + 1).eval(); })));
    CHECK(at(0, [](const auto& x) { return abs(x).eval(); }) == 0.0f);
    CHECK(at(-1000, [](const auto& x) { return silu(x).eval(); }) == 0.0f);
    CHECK(at(0, [](const auto& x) { return pow(x, 0).eval(); }) == 1.0f);
    CHECK(std::isnan(at(-1, [](const auto& x) { return pow(x, 0.5).eval(); })));
}

TEST_CASE("pow has the gradients of its limits at 0", "[expr]") {
    const auto gradients = [](double base, double exponent) {
        const Var a(DeviceTensor<double>::full({1}, base), true),
            b(DeviceTensor<double>::full({1}, exponent), true);
        pow(a, b).eval().backward();
        return std::pair(a.grad().item(), b.grad().item());
    };
    CHECK(gradients(0, 2) == std::pair(0.0, 0.0));
    CHECK(gradients(0, 1) == std::pair(1.0, 0.0));
    CHECK(gradients(0, 0) == std::pair(0.0, 0.0));
    CHECK(gradients(3, 0).first == 0.0);
    CHECK(gradients(3, 0).second == Approx(std::log(3.0)));
}

TEST_CASE("erf of floats is within 2e-7", "[expr]") {
    const auto worst = worst_error<float>(
        sized(100'000, 10'000), -5, 5, [](const auto& x) { return (gelu(x) / x * 2 - 1).eval(); },
        [](double v) { return std::erf(v / std::sqrt(2.0)); });
    CHECK(worst < 4e-7);
}

TEST_CASE("binary operations and their derivatives", "[expr]") {
    for (const std::int64_t n : lengths()) {
        const Var a(uniform({n}, 3, 0.5, 2.0), true), b(uniform({n}, 4, -2.0, -0.5), true),
            c(uniform({n}, 5), true);
        const auto from_a = host(a), from_b = host(b), from_c = host(c);
        const auto check = [&](auto function, auto truth) {
            INFO("length " << n);
            check_derivative([&](const Inputs& in) { return function(in[0], in[1], in[2]); }, {a, b, c});
            const auto y = host(function(a.value(), b.value(), c.value()));
            for (std::int64_t i = 0; i < n; ++i)
                CHECK(y.data()[i] == Approx(truth(from_a.data()[i], from_b.data()[i], from_c.data()[i]))
                                         .epsilon(1e-14)
                                         .margin(1e-15));  // a difference of numbers near 1 may be near 0
        };
        check([](auto x, auto y, auto z) { return (x + y * z).eval(); },
              [](double x, double y, double z) { return x + y * z; });
        check([](auto x, auto y, auto z) { return (x - y / x * z).eval(); },
              [](double x, double y, double z) { return x - y / x * z; });
        check([](auto x, auto y, auto z) { return pow(x, y * z).eval(); },
              [](double x, double y, double z) { return std::pow(x, y * z); });
        check([](auto x, auto y, auto z) { return where(z < 0.1, x, y).eval(); },
              [](double x, double y, double z) { return z < 0.1 ? x : y; });
        check([](auto x, auto y, auto z) { return max(min(x * z, 1), y).eval(); },
              [](double x, double y, double z) { return std::max(std::min(x * z, 1.0), y); });
    }
}

TEST_CASE("comparisons give 1 or 0", "[expr]") {
    const auto a = DeviceTensor<float>::from({4}, {1, 2, 3, NAN}),
               b = DeviceTensor<float>::from({4}, {2, 2, 2, 2});
    const auto values = [](const auto& e) { return e.eval().to_vector(); };
    CHECK(values(a < b) == std::vector<float>{1, 0, 0, 0});
    CHECK(values(a <= b) == std::vector<float>{1, 1, 0, 0});
    CHECK(values(a > b) == std::vector<float>{0, 0, 1, 0});
    CHECK(values(a >= b) == std::vector<float>{0, 1, 1, 0});
    CHECK(values(equal(a, b)) == std::vector<float>{0, 1, 0, 0});
}

TEST_CASE("on a tie the gradient of min and max goes to the first operand", "[expr]") {
    const Var a(DeviceTensor<double>::full({1}, 2), true), b(DeviceTensor<double>::full({1}, 2), true);
    min(a, b).eval().backward();
    max(a, b).eval().backward();
    CHECK(a.grad().item() == 2.0);
    CHECK(b.grad().item() == 0.0);
}
