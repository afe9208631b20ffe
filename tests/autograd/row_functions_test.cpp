// Softmax, log-softmax, L2 normalise, layer norm against their formulas in long double, gradients by
// differences, extreme values.
#include <lafs/autograd/row_functions.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <numeric>

#include "catch.hpp"

using namespace lafs;
using Var = Variable<double>;
using Inputs = std::vector<Var>;

namespace {

constexpr std::int64_t widths[] = {1, 7, 197, 1000};

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
    for (const std::int64_t n : widths) {
        const auto x = normal_tensor<T>({5, n}, 3, 4.0);
        const auto y = function(Variable<T>(x)).value();
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
    for (const std::int64_t n : widths) {
        const Var x(normal_tensor({3, n}, 4), true);
        const auto result = check_gradients([&](const Inputs& in) { return function(in[0]); }, {x});
        INFO(n << " columns: " << result);
        CHECK(result.ok());
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
    const Variable<float> x(Tensor<float>::from({2, 3}, {1e30f, 1e30f, -1e30f, 88, -infinity, 88}), true);
    const auto y = softmax(x), logs = log_softmax(x);
    const std::vector<float> expected = {0.5f, 0.5f, 0, 0.5f, 0, 0.5f};
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(y.value().data()[i] == Approx(expected[i]).margin(1e-30));
    CHECK(logs.value().data()[0] == Approx(std::log(0.5)));
    CHECK(logs.value().data()[3] == Approx(std::log(0.5)));
    CHECK(logs.value().data()[4] == -infinity);
    y.backward(Tensor<float>::full({2, 3}, 1));
    for (const float g : x.grad().span())
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
    for (const std::int64_t n : {7, 197, 1000}) {
        const Var x(normal_tensor({3, n}, 4), true);
        const auto result = check_gradients([&](const Inputs& in) { return function(in[0]); }, {x});
        INFO(n << " columns: " << result);
        CHECK(result.ok());
    }
    CHECK(l2_normalize(Variable<float>(Tensor<float>::zeros({1, 5}))).value().to_vector() ==
          std::vector<float>(5, 0));
}

TEST_CASE("layer_norm", "[autograd]") {
    for (const std::int64_t n : {7, 197, 1000}) {
        const Var x(normal_tensor({70, n}, 1, 3.0), true), gain(normal_tensor({n}, 2), true),
            bias(normal_tensor({n}, 3), true);
        const auto y = layer_norm(x, gain, bias, 1e-5);
        double worst = 0.0;
        for (std::int64_t row = 0; row < 70; ++row) {
            const double* v = x.value().data() + row * n;
            const double mean = std::accumulate(v, v + n, 0.0) / static_cast<double>(n);
            double variance = 0.0;
            for (std::int64_t i = 0; i < n; ++i)
                variance += (v[i] - mean) * (v[i] - mean) / static_cast<double>(n);
            for (std::int64_t i = 0; i < n; ++i) {
                const double expected = (v[i] - mean) / std::sqrt(variance + 1e-5) * gain.value().data()[i] +
                                        bias.value().data()[i];
                worst = std::max(worst, std::abs(y.value().data()[row * n + i] - expected));
            }
        }
        CHECK(worst < 1e-12);
        const auto result = check_gradients(
            [](const Inputs& in) { return layer_norm(in[0], in[1], in[2], 1e-5); }, {x, gain, bias});
        INFO(n << " columns: " << result);
        CHECK(result.ok());
    }
    // One column: the deviation is 0, the value is the bias.
    const Var x(normal_tensor({3, 1}, 1), true), one(Tensor<double>::full({1}, 2), true);
    CHECK(layer_norm(x, one, one, 1e-5).value().to_vector() == std::vector<double>(3, 2.0));
}

TEST_CASE("gradients of some of layer norm's inputs only", "[autograd]") {
    const Var x(normal_tensor({3, 7}, 1), true), gain(normal_tensor({7}, 2)),
        bias(normal_tensor({7}, 3), true);
    const auto result = check_gradients(
        [](const Inputs& in) { return layer_norm(in[0], in[1], in[2], 1e-5); }, {x, gain, bias});
    INFO(result);
    CHECK(result.ok());
}

TEST_CASE("row functions are one launch each way", "[autograd]") {
    const Variable<float> x(normal_tensor<float>({64, 197}, 1), true);
    const std::uint64_t start = kernel_launches();
    const auto y = softmax(x);
    CHECK(kernel_launches() - start == 1);
    y.backward(Tensor<float>::full({64, 197}, 1));
    CHECK(kernel_launches() - start == 2);
}

TEST_CASE("row functions name bad shapes", "[autograd]") {
    const Variable<float> x(Tensor<float>::zeros({3, 0})), row(Tensor<float>::zeros({3, 4})),
        gain(Tensor<float>::zeros({5}));
    CHECK_THROWS_AS(softmax(x), Error);
    CHECK_THROWS_AS(softmax(Variable<float>(Tensor<float>::zeros({}))), Error);
    CHECK_THROWS_AS(layer_norm(row, gain, gain, 1e-5f), Error);
}
