// The heads against their formulas, written out in plain loops, with gradients by differences; on every
// device.
#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <lafs/losses/sface.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

constexpr std::int64_t batch = 6, width = 19, classes = 33;

const std::vector<std::int64_t> right_classes{0, 5, 32, 5, 11, 17};

Labels some_labels() {
    return Labels::from({batch}, right_classes);
}

/// Soft labels of mixup: two classes a row.
Tensor<double> mixed_labels() {
    const auto soft = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row) {
        soft.data()[row * classes + right_classes[static_cast<std::size_t>(row)]] += 0.3;
        soft.data()[row * classes + right_classes[static_cast<std::size_t>(batch - 1 - row)]] += 0.7;
    }
    return soft;
}

double cosine(const double* x, const double* w) {
    double inner = 0, xx = 0, ww = 0;
    for (std::int64_t i = 0; i < width; ++i) {
        inner += x[i] * w[i];
        xx += x[i] * x[i];
        ww += w[i] * w[i];
    }
    return inner / std::sqrt(xx * ww);
}

/// Checks logits for hard and soft labels against scale * (c + t (margin(c) - c)), and all gradients.
template <class Margin>
void check_head(const MarginHead<double, Device>& head, double scale, Margin margin) {
    const auto features = normal_tensor({batch, width}, 1), weight = host(head.weight),
               targets = mixed_labels();
    // Angles near 0 and near pi.
    for (std::int64_t i = 0; i < width; ++i) {
        features.data()[i] = weight.data()[i] * 3 + 0.01 * features.data()[i];
        features.data()[width + i] = -weight.data()[5 * width + i] + 0.01 * features.data()[width + i];
    }
    const Var x(on_device(features), true);
    const auto labels = some_labels();
    const auto soft = on_device(targets);
    const auto hard_logits = host(head.logits(x, labels)), soft_logits = host(head.logits(x, soft));
    for (std::int64_t row = 0; row < batch; ++row)
        for (std::int64_t j = 0; j < classes; ++j) {
            const double c = cosine(features.data() + row * width, weight.data() + j * width);
            const double t = targets.data()[row * classes + j];
            const double expected =
                scale * (right_classes[static_cast<std::size_t>(row)] == j ? margin(c) : c);
            CHECK(hard_logits.data()[row * classes + j] == Approx(expected).margin(1e-10));
            CHECK(soft_logits.data()[row * classes + j] ==
                  Approx(scale * (c + t * (margin(c) - c))).margin(1e-10));
        }
    check_derivative([&](const Inputs& in) { return head.logits(in[0], labels); }, {x, head.weight});
    check_derivative([&](const Inputs& in) { return head.loss(in[0], soft); }, {x, head.weight});
    check_derivative([&](const Inputs& in) { return head.loss(in[0], labels); }, {x, head.weight});
}

}  // namespace

TEST_CASE("CosFace", "[losses]") {
    check_head(CosFace<double, Device>(width, classes, 64, 0.4), 64, [](double c) { return c - 0.4; });
}

TEST_CASE("ArcFace", "[losses]") {
    check_head(ArcFace<double, Device>(width, classes, 64, 0.5), 64, [](double c) {
        const double t = std::acos(c);
        return t < M_PI - 0.5 ? std::cos(t + 0.5) : c - std::sin(M_PI - 0.5) * 0.5;
    });
    check_head(ArcFace<double, Device>(width, classes, 30, 0.3, ArcMargin::easy), 30,
               [](double c) { return c > 0 ? std::cos(std::acos(c) + 0.3) : c; });
}

TEST_CASE("scaled softmax", "[losses]") {
    const ScaledSoftmax<double, Device> head(width, classes, 16);
    check_head(head, 16, [](double c) { return c; });
    const Var x(normal({batch, width}, 3));
    CHECK(head.logits(x).value().to_vector()[7] ==
          Approx(head.logits(x, some_labels()).value().to_vector()[7]));
}

TEST_CASE("label smoothing gives a share of the label to all classes", "[losses]") {
    CosFace<double, Device> head(width, classes, 16, 0.4);
    const Var x(normal({batch, width}, 3), true);
    const auto one_hot = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row)
        one_hot.data()[row * classes + right_classes[static_cast<std::size_t>(row)]] = 1;
    const auto expected = [&](const Tensor<double>& targets, const std::vector<double>& logits,
                              double share) {
        double loss = 0;
        for (std::int64_t row = 0; row < batch; ++row) {
            double sum = 0;
            for (std::int64_t j = 0; j < classes; ++j)
                sum += std::exp(logits[static_cast<std::size_t>(row * classes + j)]);
            for (std::int64_t j = 0; j < classes; ++j)
                loss -= ((1 - share) * targets.data()[row * classes + j] + share / classes) *
                        (logits[static_cast<std::size_t>(row * classes + j)] - std::log(sum)) / batch;
        }
        return loss;
    };
    for (const double share : {0.0, 0.1, 0.5}) {
        head.smooth_labels(share);
        CHECK(head.label_smoothing() == share);
        const auto hard = head.logits(x, some_labels()).value().to_vector();
        CHECK(head.loss(x, some_labels()).item() == Approx(expected(one_hot, hard, share)));
        const auto mixed = on_device(mixed_labels());
        CHECK(head.loss(x, mixed).item() ==
              Approx(expected(mixed_labels(), head.logits(x, mixed).value().to_vector(), share)));
    }
    check_derivative([&](const Inputs& in) { return head.loss(in[0], some_labels()); }, {x, head.weight});
    CHECK_THROWS_AS(head.smooth_labels(1.0), Error);
    CHECK_THROWS_AS(head.smooth_labels(-0.1), Error);
    SFace<double, Device> sface(width, classes);  // no cross entropy
    sface.smooth_labels(0);
    CHECK_THROWS_AS(sface.smooth_labels(0.1), Error);
}

TEST_CASE("a feature that equals its class weight has finite gradients", "[losses]") {
    const ArcFace<float, Device> head(width, classes);
    const DeviceVariable<float> x(head.weight.value().slice(5, 6).clone(), true);
    head.loss(x, Labels::from({1}, {5})).backward();
    for (const float g : x.grad().to_vector())
        CHECK(std::abs(g) < 1.0f);
    for (const float g : head.weight.grad().to_vector())
        CHECK(std::isfinite(g));
}

TEST_CASE("SFace: loss and gradient from the paper's formula", "[losses]") {
    const SFaceOptions options{.scale = 20, .slope = 10, .inner_angle = 0.9, .outer_angle = 1.3};
    const SFace<double, Device> head(width, classes, options);
    const Var x(normal({batch, width}, 1), true);
    const auto features = host(x), weight = host(head.weight);
    const auto check = [&](const Tensor<double>& t, auto&& loss) {
        double expected = 0;
        std::vector<double> weights;  // d loss / d cosine: the brackets are constants
        for (std::int64_t row = 0; row < batch; ++row)
            for (std::int64_t j = 0; j < classes; ++j) {
                const double c = cosine(features.data() + row * width, weight.data() + j * width);
                const double in = 20 / (1 + std::exp(-10 * (std::acos(c) - 0.9)));
                const double out = 20 / (1 + std::exp(10 * (std::acos(c) - 1.3)));
                const double tj = t.data()[row * classes + j];
                weights.push_back(((1 - tj) * out - tj * in) / batch);
                expected += weights.back() * c;
            }
        const Var value = loss();
        CHECK(value.item() == Approx(expected));
        x.zero_grad();
        head.weight.zero_grad();
        value.backward();
        const auto frozen = DeviceTensor<double>::from({batch, classes}, weights);
        const auto by_x = x.grad().to_vector(), by_weight = head.weight.grad().to_vector();
        x.zero_grad();
        head.weight.zero_grad();
        sum(Var(linear(l2_normalize(x), l2_normalize(head.weight)) * frozen)).backward();
        check_close(by_x, x.grad().to_vector(), 1e-12);
        check_close(by_weight, head.weight.grad().to_vector(), 1e-12);
    };
    const auto one_hot = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row)
        one_hot.data()[row * classes + right_classes[static_cast<std::size_t>(row)]] = 1;
    check(one_hot, [&] { return head.loss(x, some_labels()); });
    check(one_hot, [&] { return head.loss(x, on_device(one_hot)); });
    check(mixed_labels(), [&] { return head.loss(x, on_device(mixed_labels())); });
}

TEST_CASE("SFace in float agrees with double", "[losses]") {
    const SFace<double, Device> wide(width, classes);
    const SFace<float, Device> head(width, classes);
    const auto x = normal_tensor({batch, width}, 1);
    const auto narrow = [](const Tensor<double>& values) {
        const auto result = Tensor<float>::empty(values.shape());
        std::copy(values.span().begin(), values.span().end(), result.data());
        return on_device(result);
    };
    head.weight.value().copy_from(narrow(host(wide.weight)));
    CHECK(head.loss(DeviceVariable<float>(narrow(x)), some_labels()).item() ==
          Approx(wide.loss(Var(on_device(x)), some_labels()).item()).epsilon(1e-4));
}

TEST_CASE("heads refuse what does not fit", "[losses]") {
    const CosFace<float, Device> head(width, classes);
    const DeviceVariable<float> x(DeviceTensor<float>::zeros({2, width})),
        narrow(DeviceTensor<float>::zeros({2, width - 1}));
    CHECK_THROWS_AS(head.loss(narrow, Labels::zeros({2})), Error);
    CHECK_THROWS_AS(head.loss(x, Labels::zeros({3})), Error);
    CHECK_THROWS_AS(head.loss(x, DeviceTensor<float>::zeros({2, 3})), Error);
    CHECK_THROWS_AS((CosFace<float, Device>(width, 0)), Error);
    CHECK_THROWS_AS((CosFace<float, Device>(width, classes, -1)), Error);
    CHECK_THROWS_AS((CosFace<float, Device>(width, classes, 64, 2)), Error);
    CHECK_THROWS_AS((ArcFace<float, Device>(width, classes, 64, 2)), Error);
}

TEST_CASE("labels that are none throw on the host and give NaN elsewhere", "[losses]") {
    const CosFace<float, Device> cosface(width, classes);
    const SFace<float, Device> sface(width, classes);
    const DeviceVariable<float> x(normal<float>({2, width}, 1), true);
    const auto check = [&](const auto& head, std::int64_t label) {
        const auto loss = [&] { return head.loss(x, Labels::from({2}, {0, label})); };
        if constexpr (on_cpu) {
            CHECK_THROWS_AS(loss(), Error);
        } else {
            const auto value = loss();
            CHECK(std::isnan(value.item()));
            value.backward();  // touches no memory that is not the table's
            CHECK(head.weight.grad().shape() == head.weight.shape());
        }
    };
    check(cosface, classes);
    check(cosface, -1);
    check(sface, -1);
    check(sface, classes);
}

TEST_CASE("the parameter has the published name", "[losses]") {
    CosFace<float, Device> head(width, classes);
    const auto parameters = head.parameters();
    REQUIRE(parameters.size() == 1);
    CHECK(parameters[0].first == "weight");
    CHECK(parameters[0].second.shape() == Shape{classes, width});
}
