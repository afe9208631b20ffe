// Sums and products have the same bits for any number of threads of the host.
#include <lafs/autograd/batch_norm.hpp>
#include <lafs/autograd/conv.hpp>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

using namespace lafs;
using Values = std::vector<std::vector<float>>;

namespace {

/// Runs with one and with two threads; gives both results and leaves the number of threads as it was.
template <class Function>
std::pair<Values, Values> by_threads(const Function& function) {
    const int before = threads();
    set_threads(1);
    Values one = function();
    set_threads(2);
    Values two = function();
    set_threads(before);
    return {std::move(one), std::move(two)};
}

Variable<float> trained(const Shape& shape, std::uint64_t seed) {
    return {normal_tensor<float>(shape, seed), true};
}

}  // namespace

TEST_CASE("sums have the same bits for one and two threads", "[autograd]") {
    for (const Shape& shape : {Shape{1, 1'000'003, 1}, Shape{1, 300'007, 3}, Shape{2, 100'003, 5},
                               Shape{3, 70'001, 1}, Shape{1, 999, 1100}, Shape{1, 5, 70'000}}) {
        const Variable<float> x(uniform_tensor<float>(shape, 1, 0.0, 1.0));
        const auto [one, two] = by_threads([&] { return Values{sum(x, 1).value().to_vector()}; });
        INFO(shape);
        CHECK(one == two);
    }
}

TEST_CASE("products have the same bits for one and two threads", "[autograd]") {
    const Variable<float> a(normal_tensor<float>({300, 700}, 1)), b(normal_tensor<float>({700, 530}, 2));
    const auto [one, two] = by_threads([&] { return Values{matmul(a, b).value().to_vector()}; });
    CHECK(one == two);
}

/// Sizes of several tasks, chunks and strips: values and gradients must not depend on who computes them.
TEST_CASE("conv2d gives the same bits for one and two threads", "[autograd]") {
    const struct {
        Shape x, w;
        ConvOptions options;
    } large[] = {{{6, 20, 14, 14}, {36, 20, 1, 1}, {}},
                 {{9, 300, 7, 7}, {24, 300, 1, 1}, {}},
                 {{3, 3, 56, 56}, {16, 3, 3, 3}, {2, 1, 1}},
                 {{4, 70, 14, 14}, {70, 1, 5, 5}, {2, 2, 70}}};
    for (const auto& c : large) {
        const auto [one, two] = by_threads([&] {
            const auto x = trained(c.x, 1), w = trained(c.w, 2);
            const auto y = conv2d(x, w, {}, c.options);
            y.backward(normal_tensor<float>(y.shape(), 3));
            return Values{y.value().to_vector(), x.grad().to_vector(), w.grad().to_vector()};
        });
        CHECK(one == two);
    }
}

TEST_CASE("batch_norm gives the same bits for one and two threads", "[autograd]") {
    const Shape shape{5, 60, 14, 14};
    const auto [one, two] = by_threads([&] {
        const auto x = trained(shape, 1), gain = trained({60}, 11), bias = trained({60}, 12);
        RunningStatistics<float, Cpu> running{normal_tensor<float>({60}, 13),
                                              uniform_tensor<float>({60}, 14, 0.5, 2.0)};
        const auto y = batch_norm<HardSwish>(x, gain, bias, running);
        y.backward(normal_tensor<float>(shape, 2));
        return Values{y.value().to_vector(), x.grad().to_vector(), gain.grad().to_vector(),
                      bias.grad().to_vector(), running.variance.to_vector()};
    });
    CHECK(one == two);
}
