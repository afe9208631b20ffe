// The gradient checker: right derivatives pass, each kind of fault is found and named.
#include <lafs/autograd/reductions.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <sstream>

#include "catch.hpp"

using namespace lafs;
using Var = Variable<double>;
using Inputs = std::vector<Var>;

namespace {

Var input(const Shape& shape, std::uint64_t seed) {
    return {normal_tensor(shape, seed), true};
}

/// x^3 with a backward of the test's choice, called with (x, output gradient, x's target).
template <class Backward>
Var cube(const Var& x, Backward backward) {
    auto y = Tensor<double>::empty(x.shape());
    for (std::int64_t i = 0; i < y.size(); ++i)
        y.data()[i] = std::pow(x.value().data()[i], 3);
    return record(y, {x}, [x, backward](const Tensor<double>& g) { backward(x, g, x.gradient_target()); });
}

void right(const Var& x, const Tensor<double>& g, const GradientTarget<double>& to) {
    for (std::int64_t i = 0; i < g.size(); ++i) {
        const double v = x.value().data()[i];
        to.data[i] = (to.accumulate ? to.data[i] : 0.0) + 3 * v * v * g.data()[i];
    }
}

/// An operation whose derivative is wrong by 1 in 1000.
struct WrongSquare {
    template <class V>
    static V f(V x) {
        return x * x;
    }
    template <class V>
    static V df(V x, V) {
        return x * V(2.002);
    }
};

std::string text(const GradientCheckResult& result) {
    std::ostringstream out;
    out << result;
    return out.str();
}

}  // namespace

TEST_CASE("a right derivative passes", "[testing]") {
    const auto result = check_gradients([](const Inputs& in) { return cube(in[0], right); }, {input({7}, 1)});
    INFO(result);
    CHECK(result.ok());
    CHECK(result.worst_error < 1e-8);
}

TEST_CASE("a derivative that is wrong everywhere is found", "[testing]") {
    const auto result =
        check_gradients([](const Inputs& in) { return apply<WrongSquare>(in[0]); }, {input({197}, 2)});
    CHECK_FALSE(result.ok());
    CHECK(result.worst_error == Approx(1e-3).epsilon(0.1));
}

TEST_CASE("one wrong element is found and named", "[testing]") {
    const auto result = check_gradients(
        [](const Inputs& in) {
            return cube(in[0] * in[1], [](const Var& x, const Tensor<double>& g, GradientTarget<double> to) {
                right(x, g, to);
                to.data[5] += 1.0;
            });
        },
        {input({7}, 3), Var(Tensor<double>::full({7}, 2.0))});
    CHECK_FALSE(result.ok());
    CHECK(result.input == 0);
    CHECK(result.element == 5);
    CHECK(text(result).find("input 0, element 5") != std::string::npos);
}

TEST_CASE("overwriting instead of accumulating is found", "[testing]") {
    const auto result = check_gradients(
        [](const Inputs& in) {
            return cube(in[0], [](const Var& x, const Tensor<double>& g, GradientTarget<double> to) {
                right(x, g, {to.data, false});
            });
        },
        {input({7}, 4)});
    CHECK_FALSE(result.ok());
    CHECK(text(result).find("accumulate") != std::string::npos);
}

TEST_CASE("a gradient for an input that wants none is found", "[testing]") {
    const Var frozen(normal_tensor({7}, 5));
    const auto result = check_gradients(
        [](const Inputs& in) {
            in[1].set_grad(Tensor<double>::zeros({7}));
            return in[0] * in[1];
        },
        {input({7}, 6), frozen});
    CHECK_FALSE(result.ok());
    CHECK(text(result).find("input 1 got a gradient") != std::string::npos);
}

TEST_CASE("a result that depends on the threads is found", "[testing]") {
    const auto result = check_gradients(
        [](const Inputs& in) { return in[0] * (threads() == 2 ? 1.0 + 1e-15 : 1.0); }, {input({7}, 7)});
    CHECK_FALSE(result.ok());
    CHECK(text(result).find("threads") != std::string::npos);
}

TEST_CASE("an output without history is reported", "[testing]") {
    const auto result = check_gradients([](const Inputs& in) { return in[0].detach(); }, {input({7}, 8)});
    CHECK_FALSE(result.ok());
}

TEST_CASE("NaN is an error, not a pass", "[testing]") {
    const auto result = check_gradients(
        [](const Inputs& in) {
            return cube(in[0], [](const Var& x, const Tensor<double>& g, GradientTarget<double> to) {
                right(x, g, to);
                to.data[0] = std::nan("");
            });
        },
        {input({1}, 9)});
    CHECK_FALSE(result.ok());
}

TEST_CASE("inputs, gradients and the generator are left as they were; undefined inputs pass", "[testing]") {
    const Var x = input({3, 5}, 10);
    const auto values = x.value().to_vector();
    x.set_grad(Tensor<double>::full({3, 5}, 4.0));
    manual_seed(7);
    const auto result = check_gradients(
        [](const Inputs& in) {
            CHECK_FALSE(in[1].defined());
            return in[0] * static_cast<double>(1 + default_generator().take());
        },
        {x, Var()});
    INFO(result);
    CHECK(result.ok());
    CHECK(x.value().to_vector() == values);
    CHECK(x.grad().to_vector() == std::vector<double>(15, 4.0));
    CHECK(default_generator().next == 0);
}
