// Norms and clipping: by hand, NaN and infinity, threads.
#include <lafs/core/counter.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <limits>

#include "catch.hpp"

using namespace lafs;

namespace {

/// Gradients (3, 4) and (0.3, 0.4, 0), and a parameter without one.
struct Example {
    Variable<double> large{Tensor<double>::zeros({1, 2}), true}, small{Tensor<double>::zeros({3}), true},
        frozen{Tensor<double>::zeros({2, 2}), true};
    NamedParameters<double> parameters{{"large", large}, {"frozen", frozen}, {"small", small}};

    Example() {
        large.set_grad(Tensor<double>::from({1, 2}, {3.0, 4.0}));
        small.set_grad(Tensor<double>::from({3}, {0.3, 0.4, 0.0}));
    }
};

}  // namespace

TEST_CASE("every parameter is clipped on its own", "[optim]") {
    const Example example;
    CHECK(clip_each(example.parameters, 1.0).item() == Approx(std::sqrt(25.25)));
    CHECK(example.large.grad().data()[0] == 3.0 * (1.0 / (5.0 + 1e-6)));
    CHECK(example.large.grad().data()[1] == 4.0 * (1.0 / (5.0 + 1e-6)));
    CHECK(example.small.grad().to_vector() == std::vector<double>{0.3, 0.4, 0.0});
    CHECK_FALSE(example.frozen.grad().defined());
}

TEST_CASE("all parameters are clipped together", "[optim]") {
    const Example example;
    const double norm = std::sqrt(25.25);
    CHECK(gradient_norm(example.parameters).item() == Approx(norm));
    CHECK(clip_global(example.parameters, 6.0).item() == Approx(norm));
    CHECK(example.large.grad().data()[1] == 4.0);
    CHECK(clip_global(example.parameters, 1.0).item() == Approx(norm));
    CHECK(example.large.grad().data()[1] == Approx(4.0 / norm));
    CHECK(example.small.grad().data()[1] == Approx(0.4 / norm));
    CHECK(gradient_norm(example.parameters).item() == Approx(1.0));
}

TEST_CASE("the mean of accumulated gradients", "[optim]") {
    const Example example;
    accumulate(example.large, Tensor<double>::from({1, 2}, {1.0, -4.0}));
    scale_gradients(example.parameters, 0.5);
    CHECK(example.large.grad().to_vector() == std::vector<double>{2.0, 0.0});
    CHECK_THROWS_AS(scale_gradients(example.parameters, std::nan("")), Error);
}

TEST_CASE("a gradient that is not finite gives a norm that is not, and nothing is changed", "[optim]") {
    const double bad =
        GENERATE(std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity());
    const Example example;
    example.small.grad().data()[1] = bad;
    CHECK_FALSE(std::isfinite(gradient_norm(example.parameters).item()));
    CHECK_FALSE(std::isfinite(clip_each(example.parameters, 1.0).item()));
    CHECK_FALSE(std::isfinite(clip_global(example.parameters, 1.0).item()));
    CHECK(example.large.grad().to_vector() == std::vector<double>{3.0, 4.0});
}

TEST_CASE("norms are exact to the last digits of double, and the same for any number of threads", "[optim]") {
    NamedParameters<float> parameters;
    double expected = 0;
    for (const std::int64_t n : {1, 7, 197, 32768, 32769, 100003}) {
        const Variable<float> parameter(Tensor<float>::zeros({n}), true);
        parameter.set_grad(uniform_tensor<float>({n}, static_cast<std::uint64_t>(n), -1e15, 1e15));
        for (const float x : parameter.grad().span())
            expected += static_cast<double>(x) * static_cast<double>(x);
        parameters.emplace_back(std::to_string(n), parameter);
    }
    const int before = threads();
    set_threads(1);
    const double one = gradient_norm(parameters).item();
    set_threads(2);
    const double two = gradient_norm(parameters).item();
    set_threads(before);
    CHECK(one == Approx(std::sqrt(expected)).epsilon(1e-13));
    CHECK(one == two);
}

TEST_CASE("norms of nothing are 0, and a zero gradient is not divided by", "[optim]") {
    CHECK(gradient_norm(NamedParameters<float>{}).item() == 0);
    const Variable<float> p(Tensor<float>::zeros({3}), true);
    const NamedParameters<float> parameters{{"p", p}};
    CHECK(clip_each(parameters, 1.0).item() == 0);
    p.set_grad(Tensor<float>::zeros({3}));
    CHECK(clip_global(parameters, 1e-9).item() == 0);
    CHECK(clip_each(parameters, 1e-9).item() == 0);
    CHECK(p.grad().to_vector() == std::vector<float>{0, 0, 0});
    for (const double nonsense : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK_THROWS_AS(clip_each(parameters, nonsense), Error);
        CHECK_THROWS_AS(clip_global(parameters, nonsense), Error);
    }
}

TEST_CASE("norms and clipping are a pass each, whatever the number of gradients", "[optim]") {
    const Example example;
    auto launches = kernel_launches().load();
    const auto passed = [&] { return kernel_launches() - std::exchange(launches, kernel_launches().load()); };
    gradient_norm(example.parameters);
    CHECK(passed() == 1);
    clip_each(example.parameters, 0.1);
    CHECK(passed() == 2);
    clip_global(example.parameters, 0.1);
    CHECK(passed() == 2);
    scale_gradients(example.parameters, 0.5);
    CHECK(passed() == 1);
    CHECK(clip_each(example.parameters, 1.0).shape() == Shape{});
}

TEST_CASE("16-bit gradients are summed and scaled in float", "[optim]") {
    // 300 ones and a 1/256: their squares in bfloat16 would add up to 256, and the last one to nothing.
    std::vector<bfloat16> values(300, bfloat16(1.0f));
    values.push_back(bfloat16(1.0f / 256));
    const Variable<bfloat16> p(Tensor<bfloat16>::zeros({301}), true);
    p.set_grad(Tensor<bfloat16>::from({301}, values));
    const NamedParameters<bfloat16> parameters{{"p", p}};
    const double norm = std::sqrt(300 + 1.0 / 65536);
    CHECK(clip_global(parameters, 2.0).item() == Approx(norm).epsilon(1e-14));
    const auto factor = static_cast<float>(2.0 / (norm + 1e-6));
    CHECK(p.grad().data()[0].bits == bfloat16(factor).bits);
    CHECK(p.grad().data()[300].bits == bfloat16(factor / 256).bits);
}
