// Heads whose margin depends on the features' lengths, AdaFace and MagFace, against their formulas in plain loops;
// gradients by differences; on every device.
#include <algorithm>
#include <cmath>
#include <lafs/losses/adaface.hpp>
#include <lafs/losses/magface.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

constexpr std::int64_t batch = 6, width = 9, classes = 7;
constexpr double pi = 3.141592653589793;
const std::vector<std::int64_t> right_classes{0, 5, 6, 5, 2, 1};

std::int64_t label(std::int64_t row) {
    return right_classes[static_cast<std::size_t>(row)];
}

Labels some_labels() {
    return Labels::from({batch}, right_classes);
}

Tensor<double> one_hot() {
    const auto targets = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row)
        targets.data()[row * classes + label(row)] = 1;
    return targets;
}

/// Features of these lengths; the second lies near its class, the third opposite to its own.
Tensor<double> features_of(const MarginHead<double, Device>& head, const std::vector<double>& lengths) {
    const auto x = normal_tensor({batch, width}, 1), weight = host(head.weight);
    for (std::int64_t row = 0; row < batch; ++row) {
        double* at = x.data() + row * width;
        for (std::int64_t i = 0; i < width; ++i)
            if (row == 1 || row == 2)
                at[i] = 0.01 * at[i] + (row == 1 ? 1 : -1) * weight.data()[label(row) * width + i];
        double squares = 0;
        for (std::int64_t i = 0; i < width; ++i)
            squares += at[i] * at[i];
        for (std::int64_t i = 0; i < width; ++i)
            at[i] *= lengths[static_cast<std::size_t>(row)] / std::sqrt(squares);
    }
    return x;
}

/// Mean cross entropy of scaled cosines, with margin(row, cosine) for the right class's.
template <class Margin>
double plain_loss(const MarginHead<double, Device>& head, const Tensor<double>& x, const Margin& margin) {
    const auto weight = host(head.weight);
    double total = 0;
    for (std::int64_t row = 0; row < batch; ++row) {
        double sum = 0, right = 0;
        for (std::int64_t j = 0; j < classes; ++j) {
            double inner = 0, xx = 0, ww = 0;
            for (std::int64_t i = 0; i < width; ++i) {
                const double a = x.data()[row * width + i], w = weight.data()[j * width + i];
                inner += a * w;
                xx += a * a;
                ww += w * w;
            }
            const double cosine = inner / std::sqrt(xx * ww);
            const double logit = head.scale() * (j == label(row) ? margin(row, cosine) : cosine);
            sum += std::exp(logit);
            right = j == label(row) ? logit : right;
        }
        total += std::log(sum) - right;
    }
    return total / batch;
}

}  // namespace

TEST_CASE("AdaFace: margin from the length, against running averages", "[losses]") {
    const AdaFaceOptions options{.scale = 8, .margin = 0.4, .h = 0.333, .t_alpha = 0.25};
    AdaFace<double, Device> head(width, classes, options);
    // Beyond both limits of lengths, beyond both limits of z, and between.
    const std::vector<double> lengths{0.0001, 60, 30, 95, 300, 45}, limited{0.001, 60, 30, 95, 100, 45};
    const auto features = features_of(head, lengths);
    const Var x(on_device(features), true);

    double mean = 20, deviation = 100;  // as they start
    for (const bool hard : {true, false}) {
        double average = 0, squares = 0;
        for (const double length : limited)
            average += length / batch;
        for (const double length : limited)
            squares += (length - average) * (length - average);
        mean = 0.75 * mean + 0.25 * average;
        deviation = 0.75 * deviation + 0.25 * std::sqrt(squares / (batch - 1));
        if (!hard) {  // let z reach its limits
            deviation = 5;
            head.batch_std.copy_from(
                DeviceTensor<double>::from({1}, {(5 - 0.25 * std::sqrt(squares / (batch - 1))) / 0.75}));
        }
        const double expected = plain_loss(head, features, [&](std::int64_t row, double cosine) {
            const double length = limited[static_cast<std::size_t>(row)];
            const double z = std::clamp((length - mean) / (deviation + 0.001) * 0.333, -1.0, 1.0);
            const double angle = std::acos(std::clamp(cosine, -0.999, 0.999)) - 0.4 * z;
            return std::cos(std::clamp(angle, 0.001, pi - 0.001)) - (0.4 * z + 0.4);
        });
        const Var loss = hard ? head.loss(x, some_labels()) : head.loss(x, on_device(one_hot()));
        CHECK(loss.item() == Approx(expected).epsilon(1e-9));
        CHECK(head.batch_mean.item() == Approx(mean));
        CHECK(head.batch_std.item() == Approx(deviation));
    }

    head.eval();  // averages rest
    CHECK(head.loss(x, some_labels()).item() ==
          Approx(head.loss(x, on_device(one_hot())).item()).epsilon(1e-9));
    CHECK(head.batch_mean.item() == Approx(mean));
    // Lengths that stay: the gradient is that along the sphere.
    const auto column = DeviceTensor<double>::from({batch, 1}, lengths);
    check_derivative([&](const Inputs& in) { return head.loss(l2_normalize(in[0]) * column, some_labels()); },
                     {Var(normal({batch, width}, 4), true), head.weight});
    // None flows through the lengths: along a feature there is none.
    x.zero_grad();
    head.loss(x, some_labels()).backward();
    const auto g = x.grad().to_vector();
    for (std::int64_t row = 0; row < batch; ++row) {
        double along = 0;
        for (std::int64_t i = row * width; i < (row + 1) * width; ++i)
            along += features.data()[i] * g[static_cast<std::size_t>(i)];
        CHECK(std::abs(along) < 1e-9);
    }
}

TEST_CASE("AdaFace starts as published; its averages are buffers; one row has no deviation", "[losses]") {
    AdaFace<float, Device> head(width, classes);
    CHECK(head.scale() == 64);
    const auto buffers = head.buffers();
    REQUIRE(buffers.size() == 2);
    CHECK(buffers[0].first == "batch_mean");
    CHECK(buffers[1].first == "batch_std");
    CHECK(buffers[0].second.to_vector() == std::vector<float>{20});
    CHECK(buffers[1].second.to_vector() == std::vector<float>{100});
    const DeviceVariable<float> x(DeviceTensor<float>::full({1, width}, 2));  // of length 6
    CHECK(std::isfinite(head.loss(x, Labels::zeros({1})).item()));
    CHECK(head.batch_mean.item() == Approx(20 * 0.99 + 6 * 0.01));
    CHECK(head.batch_std.item() == 100);
    CHECK_THROWS_AS((AdaFace<float, Device>(width, classes, {.margin = 2})), Error);
    CHECK_THROWS_AS((AdaFace<float, Device>(width, classes, {.h = -1})), Error);
    CHECK_THROWS_AS((AdaFace<float, Device>(width, classes, {.t_alpha = 1.5})), Error);
}

TEST_CASE("MagFace: margin and regulariser from the length, with gradients through it", "[losses]") {
    MagFaceOptions options;
    options.scale = 8;
    const MagFace<double, Device> head(width, classes, options);
    const std::vector<double> lengths{5, 60, 30, 95, 300, 12}, limited{10, 60, 30, 95, 110, 12};
    const auto features = features_of(head, lengths);
    double regulariser = 0;
    for (const double a : limited)
        regulariser += (a / 12100 + 1 / a) / batch;
    const double expected =
        plain_loss(head, features,
                   [&](std::int64_t row, double cosine) {
                       const double m = 0.45 + 0.35 * (limited[static_cast<std::size_t>(row)] - 10) / 100;
                       return cosine > 0 ? std::cos(std::acos(std::min(cosine, 1.0)) + m) : cosine;
                   }) +
        35 * regulariser;
    const Var x(on_device(features), true);
    CHECK(head.loss(x, some_labels()).item() == Approx(expected).epsilon(1e-9));
    CHECK(head.loss(x, on_device(one_hot())).item() == Approx(expected).epsilon(1e-9));
    const Var between(on_device(features_of(head, {11, 60, 30, 95, 109, 12})), true);
    check_derivative([&](const Inputs& in) { return head.loss(in[0], some_labels()); },
                     {between, head.weight});
    check_derivative([&](const Inputs& in) { return head.loss(in[0], on_device(one_hot())); },
                     {x, head.weight});

    const auto refused = [](auto change) {
        MagFaceOptions wrong;
        change(wrong);
        CHECK_THROWS_AS((MagFace<double, Device>(width, classes, wrong)), Error);
    };
    refused([](auto& o) { o.shortest = 0; });
    refused([](auto& o) { o.longest = 10; });
    refused([](auto& o) { o.most_margin = 0.4; });
    refused([](auto& o) { o.most_margin = 2; });
    refused([](auto& o) { o.regularization = -1; });
}

TEST_CASE("features that lie on their class weight or opposite have finite gradients", "[losses]") {
    const auto check = [](const MarginHead<float, Device>& head) {
        for (const double sign : {20.0, -20.0}) {
            const DeviceVariable<float> x((head.weight.value().slice(2, 4) * sign).eval(), true);
            head.loss(x, Labels::from({2}, {2, 3})).backward();
            for (const float g : x.grad().to_vector())
                CHECK(std::isfinite(g));
        }
        for (const float g : head.weight.grad().to_vector())
            CHECK(std::isfinite(g));
    };
    check(AdaFace<float, Device>(width, classes));
    check(MagFace<float, Device>(width, classes));
}
