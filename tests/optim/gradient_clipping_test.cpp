// Norms and clipping: by hand, against plain loops, NaN and infinity, threads; on every device.
#include <lafs/core/counter.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <limits>
#include <numeric>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::bfloat16, lafs::Error, lafs::kernel_launches, lafs::set_threads, lafs::Shape, lafs::threads;

namespace {

template <class T>
using NamedParameters = lafs::NamedParameters<T, Device>;

template <class T>
DeviceVariable<T> zeros(const Shape& shape) {
    return {DeviceTensor<T>::zeros(shape), true};
}

/// Gradients (3, 4) and (0.3, 0.4, 0), and a parameter without one.
struct Example {
    Var large = zeros<double>({1, 2}), small = zeros<double>({3}), frozen = zeros<double>({2, 2});
    NamedParameters<double> parameters{{"large", large}, {"frozen", frozen}, {"small", small}};

    Example() {
        large.set_grad(DeviceTensor<double>::from({1, 2}, {3.0, 4.0}));
        small.set_grad(DeviceTensor<double>::from({3}, {0.3, 0.4, 0.0}));
    }
};

}  // namespace

TEST_CASE("every parameter is clipped on its own", "[optim]") {
    const Example example;
    CHECK(clip_each(example.parameters, 1.0).item() == Approx(std::sqrt(25.25)));
    CHECK(example.large.grad().to_vector()[0] == 3.0 * (1.0 / (5.0 + 1e-6)));
    CHECK(example.large.grad().to_vector()[1] == 4.0 * (1.0 / (5.0 + 1e-6)));
    CHECK(example.small.grad().to_vector() == std::vector<double>{0.3, 0.4, 0.0});
    CHECK_FALSE(example.frozen.grad().defined());
}

TEST_CASE("all parameters are clipped together", "[optim]") {
    const Example example;
    const double norm = std::sqrt(25.25);
    CHECK(gradient_norm(example.parameters).item() == Approx(norm));
    CHECK(clip_global(example.parameters, 6.0).item() == Approx(norm));
    CHECK(example.large.grad().to_vector()[1] == 4.0);
    CHECK(clip_global(example.parameters, 1.0).item() == Approx(norm));
    CHECK(example.large.grad().to_vector()[1] == Approx(4.0 / norm));
    CHECK(example.small.grad().to_vector()[1] == Approx(0.4 / norm));
    CHECK(gradient_norm(example.parameters).item() == Approx(1.0));
}

TEST_CASE("the mean of accumulated gradients", "[optim]") {
    const Example example;
    accumulate(example.large, DeviceTensor<double>::from({1, 2}, {1.0, -4.0}));
    scale_gradients(example.parameters, 0.5);
    CHECK(example.large.grad().to_vector() == std::vector<double>{2.0, 0.0});
    CHECK_THROWS_AS(scale_gradients(example.parameters, std::nan("")), Error);
}

TEST_CASE("a gradient that is not finite gives a norm that is not, and nothing is changed", "[optim]") {
    const double bad =
        GENERATE(std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity());
    const Example example;
    example.small.set_grad(DeviceTensor<double>::from({3}, {0.3, bad, 0.0}));
    CHECK_FALSE(std::isfinite(gradient_norm(example.parameters).item()));
    CHECK_FALSE(std::isfinite(clip_each(example.parameters, 1.0).item()));
    CHECK_FALSE(std::isfinite(clip_global(example.parameters, 1.0).item()));
    CHECK(example.large.grad().to_vector() == std::vector<double>{3.0, 4.0});
}

TEST_CASE("norms are exact to the last digits of double, and the same for any number of threads", "[optim]") {
    NamedParameters<float> parameters;
    double expected = 0;
    for (const std::int64_t n : {1, 7, 197, 32768, 32769, 100003}) {
        const auto parameter = zeros<float>({n});
        parameter.set_grad(uniform<float>({n}, static_cast<std::uint64_t>(n), -1e15, 1e15));
        for (const float x : parameter.grad().to_vector())
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

TEMPLATE_TEST_CASE("norms and clipping agree with plain loops", "[optim]", float, double, bfloat16) {
    const bool each = GENERATE(true, false);
    NamedParameters<TestType> parameters;
    std::vector<std::vector<double>> expected;
    std::vector<double> squares;
    for (const Shape& shape : {Shape{3}, Shape{33001}, Shape{0}, Shape{41}, Shape{2, 8192}}) {
        // Every second gradient begins one element behind the start of its memory: it is not aligned.
        const auto offset = static_cast<std::int64_t>(parameters.size() % 2);
        const auto memory = uniform<TestType>({offset + shape.size()}, 1, -2.0, 2.0);
        const auto parameter = zeros<TestType>(shape);
        parameter.set_grad(memory.slice(offset, memory.size()).reshape(shape));
        expected.emplace_back();
        squares.push_back(0);
        for (const TestType element : parameter.grad().to_vector()) {
            const auto x = static_cast<double>(element);
            expected.back().push_back(x);
            squares.back() += x * x;
        }
        parameters.emplace_back(std::to_string(shape.size()), parameter);
    }
    const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
    const double largest = each ? 5.0 : 50.0;
    CHECK((each ? clip_each(parameters, largest) : clip_global(parameters, largest)).item() ==
          Approx(norm).epsilon(1e-13));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const double factor = std::min(1.0, largest / ((each ? std::sqrt(squares[i]) : norm) + 1e-6));
        for (double& x : expected[i])
            x *= factor;
        check_close(parameters[i].second.grad().to_vector(), expected[i],
                    sizeof(TestType) == 2 ? 4e-3 : 1e-6);
    }
}

TEST_CASE("norms of nothing are 0, and a zero gradient is not divided by", "[optim]") {
    CHECK(gradient_norm(NamedParameters<float>{}).item() == 0);
    const auto p = zeros<float>({3});
    const NamedParameters<float> parameters{{"p", p}};
    CHECK(clip_each(parameters, 1.0).item() == 0);
    p.set_grad(DeviceTensor<float>::zeros({3}));
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
    const std::uint64_t norms = on_cpu ? 1 : 3;  // on a GPU over elements, over sums of blocks, over tensors
    gradient_norm(example.parameters);
    CHECK(passed() == norms);
    clip_each(example.parameters, 0.1);
    CHECK(passed() == norms + 1);
    clip_global(example.parameters, 0.1);
    CHECK(passed() == norms + 1);
    scale_gradients(example.parameters, 0.5);
    CHECK(passed() == 1);
    CHECK(clip_each(example.parameters, 1.0).shape() == Shape{});
}

TEST_CASE("16-bit gradients are summed and scaled in float", "[optim]") {
    // 300 ones and a 1/256: their squares in bfloat16 would add up to 256, and the last one to nothing.
    std::vector<bfloat16> values(300, bfloat16(1.0f));
    values.push_back(bfloat16(1.0f / 256));
    const auto p = zeros<bfloat16>({301});
    p.set_grad(DeviceTensor<bfloat16>::from({301}, values));
    const NamedParameters<bfloat16> parameters{{"p", p}};
    const double norm = std::sqrt(300 + 1.0 / 65536);
    CHECK(clip_global(parameters, 2.0).item() == Approx(norm).epsilon(1e-14));
    const auto factor = static_cast<float>(2.0 / (norm + 1e-6));
    CHECK(p.grad().to_vector()[0].bits == bfloat16(factor).bits);
    CHECK(p.grad().to_vector()[300].bits == bfloat16(factor / 256).bits);
}
