// Binary cross entropy against its definition in long double, gradients by differences; on every device.
#include <cmath>
#include <lafs/losses/binary_cross_entropy.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

/// -t log s(x) - (1 - t) log(1 - s(x)) = t log(1 + e^-x) + (1 - t) log(1 + e^x).
long double of_logit(long double x, long double t) {
    const auto softplus = [](long double v) {
        return v > 0 ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v));
    };
    return t * softplus(-x) + (1 - t) * softplus(x);
}

}  // namespace

TEST_CASE("binary cross entropy of logits equals its definition", "[losses]") {
    for (const double scale : {1.0, 30.0}) {
        const Var x(normal({4, 37}, 1, scale), true), t(uniform({4, 37}, 2, 0, 1), true);
        const auto a = host(x).to_vector(), b = host(t).to_vector();
        long double expected = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            expected += of_logit(a[i], b[i]) / 148;
        CHECK(binary_cross_entropy_with_logits(x, t).item() == Approx(static_cast<double>(expected)));
        check_derivative([&](const Inputs& in) { return binary_cross_entropy_with_logits(in[0], in[1]); },
                         {x, t});
    }
}

TEST_CASE("binary cross entropy of logits is stable", "[losses]") {
    const auto loss = [](float x, float t) {
        return binary_cross_entropy_with_logits(DeviceVariable<float>(DeviceTensor<float>::from({1}, {x})),
                                                DeviceTensor<float>::from({1}, {t}))
            .item();
    };
    CHECK(loss(0, 1) == Approx(0.6931472f));
    CHECK(loss(200, 0) == Approx(200));
    CHECK(loss(-200, 1) == Approx(200));
    CHECK(loss(200, 1) == Approx(0).margin(1e-30));
    for (const float x : {5.0f, 12.0f, 16.0f, 20.0f, 40.0f})  // small losses keep their digits
        CHECK(loss(x, 1) == Approx(std::log1p(std::exp(-double{x}))).epsilon(1e-5));
    CHECK(loss(1e30f, 0) == Approx(1e30f));
    const DeviceVariable<float> zero(DeviceTensor<float>::from({2}, {0, 1000}), true);
    binary_cross_entropy_with_logits(zero, DeviceTensor<float>::from({2}, {0, 1})).backward();
    CHECK(zero.grad().to_vector() == std::vector<float>{0.25f, 0});
    CHECK(std::isnan(loss(NAN, 0)));
}

TEST_CASE("binary cross entropy of probabilities equals its definition", "[losses]") {
    const Var p(uniform({3, 29}, 1, 0.02, 0.98), true), t(uniform({3, 29}, 2, 0, 1), true);
    const auto a = host(p).to_vector(), b = host(t).to_vector();
    double expected = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        expected -= (b[i] * std::log(a[i]) + (1 - b[i]) * std::log(1 - a[i])) / 87;
    CHECK(binary_cross_entropy(p, t).item() == Approx(expected));
    check_derivative([&](const Inputs& in) { return binary_cross_entropy(in[0], in[1]); }, {p, t});
}

TEST_CASE("binary cross entropy limits the logarithm of zero as PyTorch does", "[losses]") {
    const auto loss = [](float p, float t) {
        return binary_cross_entropy(DeviceVariable<float>(DeviceTensor<float>::from({1}, {p})),
                                    DeviceTensor<float>::from({1}, {t}))
            .item();
    };
    CHECK(loss(0, 1) == 100);
    CHECK(loss(1, 0) == 100);
    CHECK(loss(0, 0) == 0);
    CHECK(loss(1, 1) == 0);
    CHECK(loss(1e-10f, 0) == Approx(1e-10f));  // 1 - p is 1
    const DeviceVariable<float> p(DeviceTensor<float>::from({2}, {0, 0.5f}), true);
    binary_cross_entropy(p, DeviceTensor<float>::from({2}, {1, 1})).backward();
    CHECK(p.grad().to_vector()[0] == Approx(-0.5e12f));
    CHECK(p.grad().to_vector()[1] == Approx(-1.0f));
    if constexpr (on_cpu) {
        CHECK_THROWS_AS(loss(1.5f, 0), Error);
        CHECK_THROWS_AS(loss(-0.1f, 0), Error);
        CHECK_THROWS_AS(loss(NAN, 0), Error);
    } else {
        CHECK(std::isnan(loss(1.5f, 0)));
        CHECK(std::isnan(loss(-0.1f, 0)));
    }
}

TEST_CASE("binary cross entropy refuses shapes that differ", "[losses]") {
    const Var x(uniform({2, 3}, 1, 0, 1)), t(uniform({3, 2}, 1, 0, 1));
    CHECK_THROWS_AS(binary_cross_entropy(x, t), Error);
    CHECK_THROWS_AS(binary_cross_entropy_with_logits(x, t), Error);
}
