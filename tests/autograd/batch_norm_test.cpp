// Batch norm against its formula in double, statistics too, gradients by differences; on every device.
#include <cmath>
#include <lafs/autograd/batch_norm.hpp>
#include <string>

#include "device_values.hpp"

namespace {

using namespace lafs_test;
using lafs::Shape;

template <class T>
struct Layer {
    DeviceVariable<T> gain, bias;
    lafs::RunningStatistics<T, Device> running;

    explicit Layer(std::int64_t channels)
        : gain(uniform<T>({channels}, 11, 0.5, 2.0), true),
          bias(normal<T>({channels}, 12), true),
          running{normal<T>({channels}, 13), uniform<T>({channels}, 14, 0.5, 2.0)} {}
};

double hard_swish(double z) {
    return z * std::min(std::max(z + 3.0, 0.0), 6.0) / 6.0;
}

/// Values and running statistics against the formulas, written out in double.
template <class T>
void check_values(const Shape& shape, bool training, double offset) {
    Layer<T> layer(shape[1]);
    const auto x = lafs::normal_tensor<T>(shape, 1);
    for (T& v : x.span())
        v = static_cast<T>(v + offset);
    const auto mean_before = layer.running.mean.to_vector(),
               variance_before = layer.running.variance.to_vector();
    const DeviceVariable<T> in(on_device(x));
    const auto plain =
        host(lafs::batch_norm(in, layer.gain, layer.bias, layer.running, {training, 0.0, 1e-5}));
    const auto fused = host(
        lafs::batch_norm<lafs::HardSwish>(in, layer.gain, layer.bias, layer.running, {training, 0.3, 1e-5}));
    const auto gain = host(layer.gain), bias = host(layer.bias), mean_after = host(layer.running.mean),
               variance_after = host(layer.running.variance);
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
        worst_statistic = std::max({worst_statistic, std::abs(new_mean - mean_after.data()[c]),
                                    std::abs(new_variance - variance_after.data()[c])});
        if (!training)
            mean = mean_before[k], variance = variance_before[k];
        each([&](auto i) {
            const double z =
                (x.data()[i] - mean) / std::sqrt(variance + 1e-5) * gain.data()[c] + bias.data()[c];
            worst =
                std::max({worst, std::abs(z - plain.data()[i]), std::abs(hard_swish(z) - fused.data()[i])});
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
    const Var x(normal(shape, 1), true);
    INFO("x " << shape << (training ? ", training" : ", evaluation"));
    check_derivative(
        [&](const Inputs& in) {
            return lafs::batch_norm<Op>(in[0], in[1], in[2], layer.running, {training, 0.0, 1e-5});
        },
        {x, layer.gain, layer.bias});
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
            const Var x(normal({2, 3, 5}, 1), wanted == 0);
            layer.gain.set_requires_grad(wanted == 1);
            layer.bias.set_requires_grad(wanted == 2);
            check_derivative(
                [&](const Inputs& in) {
                    return lafs::batch_norm(in[0], in[1], in[2], layer.running, {training, 0.0, 1e-5});
                },
                {x, layer.gain, layer.bias});
        }
}

TEST_CASE("batch_norm keeps the statistics of its forward pass for the backward pass", "[autograd]") {
    Layer<float> layer(2);
    const DeviceVariable<float> x(normal<float>({3, 2, 4}, 1), true);
    const auto run = [&](bool disturb) {
        x.zero_grad();
        const auto y = lafs::batch_norm(x, layer.gain, layer.bias, layer.running, {false, 0.1, 1e-5});
        if (disturb)
            lafs::batch_norm(x, layer.gain, layer.bias, layer.running, {true, 0.1, 1e-5});
        y.backward(normal<float>(y.shape(), 2));
        return x.grad().to_vector();
    };
    const auto expected = run(false);
    CHECK(run(true) == expected);
}

TEST_CASE("batch_norm refuses what it cannot normalise", "[autograd]") {
    Layer<float> layer(3);
    const auto run = [&](const Shape& shape, bool training) {
        lafs::batch_norm(DeviceVariable<float>(DeviceTensor<float>::zeros(shape)), layer.gain, layer.bias,
                         layer.running, {training, 0.1, 1e-5});
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
