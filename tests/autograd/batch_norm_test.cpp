#include <cmath>
#include <lafs/autograd/batch_norm.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <string>

#include "catch.hpp"

namespace {

using lafs::BatchNormOptions;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;

template <class T>
struct Layer {
    Variable<T> gain, bias;
    lafs::RunningStatistics<T, lafs::Cpu> running;

    explicit Layer(std::int64_t channels)
        : gain(lafs::uniform_tensor<T>({channels}, 11, 0.5, 2.0), true),
          bias(lafs::normal_tensor<T>({channels}, 12), true),
          running{lafs::normal_tensor<T>({channels}, 13), lafs::uniform_tensor<T>({channels}, 14, 0.5, 2.0)} {
    }
};

double hard_swish(double z) {
    return z * std::min(std::max(z + 3.0, 0.0), 6.0) / 6.0;
}

/// Values and running statistics against the formulas, written out in double.
template <class T>
void check_values(const Shape& shape, bool training, double offset) {
    Layer<T> layer(shape[1]);
    auto x = lafs::normal_tensor<T>(shape, 1);
    for (T& v : x.span())
        v = static_cast<T>(v + offset);
    const auto mean_before = layer.running.mean.to_vector(),
               variance_before = layer.running.variance.to_vector();
    const auto plain =
        lafs::batch_norm(Variable<T>(x), layer.gain, layer.bias, layer.running, {training, 0.0, 1e-5});
    const auto fused = lafs::batch_norm<lafs::HardSwish>(Variable<T>(x), layer.gain, layer.bias,
                                                         layer.running, {training, 0.3, 1e-5});
    const std::int64_t plane = shape.size_between(2, shape.rank()), channels = shape[1];
    const double count = static_cast<double>(shape[0] * plane);
    double worst = 0, worst_statistic = 0;
    for (std::int64_t c = 0; c < channels; ++c) {
        const auto each = [&](const auto& body) {
            for (std::int64_t n = 0; n < shape[0]; ++n)
                for (std::int64_t p = 0; p < plane; ++p)
                    body((n * channels + c) * plane + p);
        };
        const auto k = static_cast<std::size_t>(c);
        double mean = 0, variance = 0;
        each([&](auto i) { mean += x.data()[i] / count; });
        each([&](auto i) { variance += (x.data()[i] - mean) * (x.data()[i] - mean) / count; });
        const double new_mean = training ? 0.7 * mean_before[k] + 0.3 * mean : mean_before[k];
        const double new_variance =
            training ? 0.7 * variance_before[k] + 0.3 * variance * count / (count - 1) : variance_before[k];
        worst_statistic = std::max({worst_statistic, std::abs(new_mean - layer.running.mean.data()[c]),
                                    std::abs(new_variance - layer.running.variance.data()[c])});
        if (!training)
            mean = mean_before[k], variance = variance_before[k];
        each([&](auto i) {
            const double z =
                (x.data()[i] - mean) / std::sqrt(variance + 1e-5) * layer.gain.value().data()[c] +
                layer.bias.value().data()[c];
            worst = std::max({worst, std::abs(z - plain.value().data()[i]),
                              std::abs(hard_swish(z) - fused.value().data()[i])});
        });
    }
    const double allowed = sizeof(T) == 4 ? 3e-6 * (1 + std::abs(offset)) : 1e-12;
    CHECK(worst < allowed);
    CHECK(worst_statistic < allowed);
}

TEST_CASE("batch_norm equals its formula, running statistics too", "[autograd]") {
    for (const Shape& shape : {Shape{3, 2, 4, 4}, Shape{2, 3, 7, 7}, Shape{5, 4, 1, 3}, Shape{2, 2, 13, 17},
                               Shape{6, 5}, Shape{1, 2, 9, 56}})
        for (const bool training : {true, false}) {
            INFO("x " << shape << (training ? ", training" : ", evaluation"));
            check_values<float>(shape, training, 0.0);
            check_values<double>(shape, training, 0.0);
        }
}

// The naive E[x^2] - E[x]^2 loses every digit here.
TEST_CASE("batch_norm's variance does not cancel far from zero", "[autograd]") {
    check_values<float>({4, 3, 7, 7}, true, 1000.0);
}

template <class Op>
void check_gradients_of(const Shape& shape, bool training) {
    Layer<double> layer(shape[1]);
    const Variable<double> x(lafs::normal_tensor(shape, 1), true);
    const auto result = lafs::check_gradients(
        [&](const auto& in) {
            return lafs::batch_norm<Op>(in[0], in[1], in[2], layer.running, {training, 0.0, 1e-5});
        },
        {x, layer.gain, layer.bias});
    INFO("x " << shape << (training ? ", training: " : ", evaluation: ") << result);
    CHECK(result.ok());
}

TEST_CASE("batch_norm has the gradients of its formula in both modes", "[autograd]") {
    for (const bool training : {true, false})
        for (const Shape& shape : {Shape{3, 2, 4, 4}, Shape{2, 3, 5, 7}, Shape{4, 3, 1, 3}, Shape{7, 5}}) {
            check_gradients_of<lafs::Identity>(shape, training);
            check_gradients_of<lafs::HardSwish>(shape, training);
            check_gradients_of<lafs::Relu>(shape, training);
        }
}

TEST_CASE("batch_norm computes only the gradients that are wanted", "[autograd]") {
    for (const bool training : {true, false})
        for (int wanted = 0; wanted < 3; ++wanted) {
            Layer<double> layer(3);
            const Variable<double> x(lafs::normal_tensor({2, 3, 5}, 1), wanted == 0);
            layer.gain.set_requires_grad(wanted == 1);
            layer.bias.set_requires_grad(wanted == 2);
            const auto result = lafs::check_gradients(
                [&](const auto& in) {
                    return lafs::batch_norm(in[0], in[1], in[2], layer.running, {training, 0.0, 1e-5});
                },
                {x, layer.gain, layer.bias});
            INFO(result);
            CHECK(result.ok());
        }
}

TEST_CASE("batch_norm keeps the statistics of its forward pass for the backward pass", "[autograd]") {
    Layer<float> layer(2);
    const Variable<float> x(lafs::normal_tensor<float>({3, 2, 4}, 1), true);
    const auto run = [&](bool disturb) {
        x.zero_grad();
        const auto y = lafs::batch_norm(x, layer.gain, layer.bias, layer.running, {false, 0.1, 1e-5});
        if (disturb)
            lafs::batch_norm(x, layer.gain, layer.bias, layer.running, {true, 0.1, 1e-5});
        y.backward(lafs::normal_tensor<float>(y.shape(), 2));
        return x.grad().to_vector();
    };
    const auto expected = run(false);
    CHECK(run(true) == expected);
}

TEST_CASE("batch_norm gives the same bits for one and two threads", "[autograd]") {
    const Shape shape{5, 60, 14, 14};
    std::vector<float> found[2][5];
    for (int threads = 1; threads <= 2; ++threads) {
        lafs::set_threads(threads);
        Layer<float> layer(60);
        const Variable<float> x(lafs::normal_tensor<float>(shape, 1), true);
        const auto y = lafs::batch_norm<lafs::HardSwish>(x, layer.gain, layer.bias, layer.running);
        y.backward(lafs::normal_tensor<float>(shape, 2));
        auto& to = found[threads - 1];
        to[0] = y.value().to_vector(), to[1] = x.grad().to_vector(), to[2] = layer.gain.grad().to_vector();
        to[3] = layer.bias.grad().to_vector(), to[4] = layer.running.variance.to_vector();
    }
    for (int i = 0; i < 5; ++i)
        CHECK(found[0][i] == found[1][i]);
}

TEST_CASE("batch_norm refuses what it cannot normalise", "[autograd]") {
    Layer<float> layer(3);
    const auto run = [&](const Shape& shape, bool training) {
        lafs::batch_norm(Variable<float>(Tensor<float>::zeros(shape)), layer.gain, layer.bias, layer.running,
                         {training, 0.1, 1e-5});
    };
    CHECK_THROWS_AS(run({3}, true), lafs::Error);
    CHECK_THROWS_AS(run({2, 4, 5, 5}, true), lafs::Error);
    CHECK_THROWS_AS(run({1, 3, 1, 1}, true), lafs::Error);
    CHECK_NOTHROW(run({1, 3, 1, 1}, false));
    try {
        run({2, 4, 5, 5}, true);
    } catch (const lafs::Error& error) {
        const std::string text = error.what();
        CHECK(text.find("(2, 4, 5, 5)") != text.npos);
        CHECK(text.find("(3,)") != text.npos);
    }
}

}  // namespace
