// Softmax, log-softmax, L2 normalise, layer norm against their formulas in long double, gradients by
// differences, extreme values; on every device.
#include <lafs/autograd/row_functions.hpp>
#include <lafs/core/counter.hpp>
#include <numeric>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

using Row = std::vector<long double>;

Row softmax_of(const Row& x) {
    const long double largest = *std::max_element(x.begin(), x.end());
    long double total = 0;
    Row y;
    for (const auto v : x) {
        y.push_back(std::exp(v - largest));
        total += y.back();
    }
    for (auto& v : y)
        v /= total;
    return y;
}

/// Largest error of `function` on rows of every width, in T, against `truth` of one row.
template <class T, class Function, class Truth>
double worst_error(Function function, Truth truth) {
    double worst = 0.0;
    for (const std::int64_t n : lengths()) {
        const auto in = normal<T>({5, n}, 3, 4.0);
        const auto x = host(in), y = host(function(DeviceVariable<T>(in)));
        for (std::int64_t row = 0; row < 5; ++row) {
            const Row expected = truth(Row(x.data() + row * n, x.data() + (row + 1) * n));
            for (std::int64_t i = 0; i < n; ++i) {
                const double e = static_cast<double>(expected[static_cast<std::size_t>(i)]);
                worst = std::max(worst, std::abs(static_cast<double>(y.data()[row * n + i]) - e) /
                                            std::max(1.0, std::abs(e)));
            }
        }
    }
    return worst;
}

template <class Function>
void check_row_gradients(Function function) {
    for (const std::int64_t n : lengths()) {
        INFO(n << " columns");
        check_derivative([&](const Inputs& in) { return function(in[0]); }, {Var(normal({3, n}, 4), true)});
    }
}

}  // namespace

TEST_CASE("softmax", "[autograd]") {
    const auto function = [](const auto& x) { return softmax(x); };
    CHECK(worst_error<float>(function, softmax_of) < 2e-6);
    CHECK(worst_error<double>(function, softmax_of) < 1e-14);
    check_row_gradients(function);
}

TEST_CASE("log_softmax", "[autograd]") {
    const auto function = [](const auto& x) { return log_softmax(x); };
    const auto truth = [](const Row& x) {
        const long double largest = *std::max_element(x.begin(), x.end());
        long double total = 0;
        for (const auto v : x)
            total += std::exp(v - largest);
        Row y;
        for (const auto v : x)
            y.push_back(v - largest - std::log(total));
        return y;
    };
    CHECK(worst_error<float>(function, truth) < 1e-6);
    CHECK(worst_error<double>(function, truth) < 1e-14);
    check_row_gradients(function);
}

TEST_CASE("softmax of huge values and of -inf", "[autograd]") {
    const float infinity = HUGE_VALF;
    const DeviceVariable<float> x(
        DeviceTensor<float>::from({2, 3}, {1e30f, 1e30f, -1e30f, 88, -infinity, 88}), true);
    const auto y = softmax(x);
    const auto values = host(y), logs = host(log_softmax(x));
    const std::vector<float> expected = {0.5f, 0.5f, 0, 0.5f, 0, 0.5f};
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(values.data()[i] == Approx(expected[i]).margin(1e-30));
    CHECK(logs.data()[0] == Approx(std::log(0.5)));
    CHECK(logs.data()[3] == Approx(std::log(0.5)));
    CHECK(logs.data()[4] == -infinity);
    y.backward(DeviceTensor<float>::full({2, 3}, 1));
    for (const float g : x.grad().to_vector())
        CHECK(g == 0.0f);
}

TEST_CASE("l2_normalize", "[autograd]") {
    const auto function = [](const auto& x) { return l2_normalize(x); };
    const auto truth = [](Row x) {
        long double squares = 0;
        for (const auto v : x)
            squares += v * v;
        for (auto& v : x)
            v /= std::sqrt(squares);
        return x;
    };
    CHECK(worst_error<float>(function, truth) < 1e-6);
    CHECK(worst_error<double>(function, truth) < 1e-14);
    for (const std::int64_t n : lengths().subspan(1)) {  // of one column it is the sign
        INFO(n << " columns");
        check_derivative([&](const Inputs& in) { return function(in[0]); }, {Var(normal({3, n}, 4), true)});
    }
    CHECK(l2_normalize(DeviceVariable<float>(DeviceTensor<float>::zeros({1, 5}))).value().to_vector() ==
          std::vector<float>(5, 0));
}

TEST_CASE("layer_norm", "[autograd]") {
    const std::int64_t rows = sized(70, 13);
    for (const std::int64_t n : lengths().subspan(1)) {
        const Var x(normal({rows, n}, 1, 3.0), true), gain(normal({n}, 2), true), bias(normal({n}, 3), true);
        const auto y = host(layer_norm(x, gain, bias, 1e-5)), from = host(x), scale = host(gain),
                   shift = host(bias);
        double worst = 0.0;
        for (std::int64_t row = 0; row < rows; ++row) {
            const double* v = from.data() + row * n;
            const double mean = std::accumulate(v, v + n, 0.0) / static_cast<double>(n);
            double variance = 0.0;
            for (std::int64_t i = 0; i < n; ++i)
                variance += (v[i] - mean) * (v[i] - mean) / static_cast<double>(n);
            for (std::int64_t i = 0; i < n; ++i) {
                const double expected =
                    (v[i] - mean) / std::sqrt(variance + 1e-5) * scale.data()[i] + shift.data()[i];
                worst = std::max(worst, std::abs(y.data()[row * n + i] - expected));
            }
        }
        CHECK(worst < 1e-12);
        INFO(n << " columns");
        check_derivative([](const Inputs& in) { return layer_norm(in[0], in[1], in[2], 1e-5); },
                         {x, gain, bias});
    }
    // One column: the deviation is 0, the value is the bias.
    const Var x(normal({3, 1}, 1), true), one(DeviceTensor<double>::full({1}, 2), true);
    CHECK(layer_norm(x, one, one, 1e-5).value().to_vector() == std::vector<double>(3, 2.0));
}

TEST_CASE("gradients of some of layer norm's inputs only", "[autograd]") {
    const Var x(normal({3, 7}, 1), true), gain(normal({7}, 2)), bias(normal({7}, 3), true);
    check_derivative([](const Inputs& in) { return layer_norm(in[0], in[1], in[2], 1e-5); }, {x, gain, bias});
}

TEST_CASE("row functions are one launch each way", "[autograd]") {
    const DeviceVariable<float> x(normal<float>({64, 197}, 1), true);
    const auto gradient = DeviceTensor<float>::full({64, 197}, 1);  // a launch of its own on a GPU
    const std::uint64_t start = kernel_launches();
    const auto y = softmax(x);
    CHECK(kernel_launches() - start == 1);
    y.backward(gradient);
    CHECK(kernel_launches() - start == 2);
}

TEST_CASE("row functions name bad shapes", "[autograd]") {
    const auto zeros = [](const Shape& shape) {
        return DeviceVariable<float>(DeviceTensor<float>::zeros(shape));
    };
    CHECK_THROWS_AS(softmax(zeros({3, 0})), Error);
    CHECK_THROWS_AS(softmax(zeros({})), Error);
    CHECK_THROWS_AS(layer_norm(zeros({3, 4}), zeros({5}), zeros({5}), 1e-5f), Error);
}
