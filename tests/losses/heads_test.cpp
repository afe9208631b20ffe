// The heads against their formulas, written out in plain loops, with gradients by differences.
#include <lafs/losses/arcface.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/losses/scaled_softmax.hpp>
#include <lafs/losses/sface.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

using namespace lafs;
using Var = Variable<double>;
using Inputs = std::vector<Var>;
using Labels = Tensor<std::int64_t>;

namespace {

constexpr std::int64_t batch = 6, width = 19, classes = 33;

Labels some_labels() {
    return Labels::from({batch}, {0, 5, 32, 5, 11, 17});
}

/// Soft labels of mixup: two classes a row.
Tensor<double> mixed_labels() {
    const auto soft = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row) {
        soft.data()[row * classes + some_labels().data()[row]] += 0.3;
        soft.data()[row * classes + some_labels().data()[batch - 1 - row]] += 0.7;
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
void check_head(const MarginHead<double>& head, double scale, Margin margin) {
    const Var x(normal_tensor({batch, width}, 1), true);
    // Angles near 0, near pi, and exactly 0.
    for (std::int64_t i = 0; i < width; ++i) {
        x.value().data()[i] = head.weight.value().data()[i] * 3 + 0.01 * x.value().data()[i];
        x.value().data()[width + i] =
            -head.weight.value().data()[5 * width + i] + 0.01 * x.value().data()[width + i];
    }
    const auto labels = some_labels();
    const auto soft = mixed_labels();
    const auto hard_logits = head.logits(x, labels).value(), soft_logits = head.logits(x, soft).value();
    for (std::int64_t row = 0; row < batch; ++row)
        for (std::int64_t j = 0; j < classes; ++j) {
            const double c = cosine(x.value().data() + row * width, head.weight.value().data() + j * width);
            const double t = soft.data()[row * classes + j];
            const double expected = scale * (labels.data()[row] == j ? margin(c) : c);
            CHECK(hard_logits.data()[row * classes + j] == Approx(expected).margin(1e-10));
            CHECK(soft_logits.data()[row * classes + j] ==
                  Approx(scale * (c + t * (margin(c) - c))).margin(1e-10));
        }
    const auto hard =
        check_gradients([&](const Inputs& in) { return head.logits(in[0], labels); }, {x, head.weight});
    INFO("hard labels: " << hard);
    CHECK(hard.ok());
    const auto mixed =
        check_gradients([&](const Inputs& in) { return head.loss(in[0], soft); }, {x, head.weight});
    INFO("soft labels: " << mixed);
    CHECK(mixed.ok());
    const auto trained =
        check_gradients([&](const Inputs& in) { return head.loss(in[0], labels); }, {x, head.weight});
    INFO("loss: " << trained);
    CHECK(trained.ok());
}

}  // namespace

TEST_CASE("CosFace", "[losses]") {
    check_head(CosFace<double>(width, classes, 64, 0.4), 64, [](double c) { return c - 0.4; });
}

TEST_CASE("ArcFace", "[losses]") {
    check_head(ArcFace<double>(width, classes, 64, 0.5), 64, [](double c) {
        const double t = std::acos(c);
        return t < M_PI - 0.5 ? std::cos(t + 0.5) : c - std::sin(M_PI - 0.5) * 0.5;
    });
    check_head(ArcFace<double>(width, classes, 30, 0.3, ArcMargin::easy), 30,
               [](double c) { return c > 0 ? std::cos(std::acos(c) + 0.3) : c; });
}

TEST_CASE("scaled softmax", "[losses]") {
    const ScaledSoftmax<double> head(width, classes, 16);
    check_head(head, 16, [](double c) { return c; });
    const Var x(normal_tensor({batch, width}, 3));
    CHECK(head.logits(x).value().to_vector()[7] ==
          Approx(head.logits(x, some_labels()).value().to_vector()[7]));
}

TEST_CASE("a feature that equals its class weight has finite gradients", "[losses]") {
    const ArcFace<float> head(width, classes);
    const Variable<float> x(head.weight.value().slice(5, 6).clone(), true);
    head.loss(x, Labels::from({1}, {5})).backward();
    for (const float g : x.grad().span())
        CHECK(std::abs(g) < 1.0f);
    for (const float g : head.weight.grad().span())
        CHECK(std::isfinite(g));
}

TEST_CASE("SFace: loss and gradient from the paper's formula", "[losses]") {
    const SFaceOptions options{.scale = 20, .slope = 10, .inner_angle = 0.9, .outer_angle = 1.3};
    const SFace<double> head(width, classes, options);
    const Var x(normal_tensor({batch, width}, 1), true);
    const auto check = [&](const Tensor<double>& t, auto&& loss) {
        double expected = 0;
        std::vector<double> weights;  // d loss / d cosine: the brackets are constants
        for (std::int64_t row = 0; row < batch; ++row)
            for (std::int64_t j = 0; j < classes; ++j) {
                const double c =
                    cosine(x.value().data() + row * width, head.weight.value().data() + j * width);
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
        const auto frozen = Tensor<double>::from({batch, classes}, weights);
        const auto by_x = x.grad().clone(), by_weight = head.weight.grad().clone();
        x.zero_grad();
        head.weight.zero_grad();
        sum(Var(linear(l2_normalize(x), l2_normalize(head.weight)) * frozen)).backward();
        for (std::int64_t i = 0; i < by_x.size(); ++i)
            CHECK(by_x.data()[i] == Approx(x.grad().data()[i]).margin(1e-12));
        for (std::int64_t i = 0; i < by_weight.size(); ++i)
            CHECK(by_weight.data()[i] == Approx(head.weight.grad().data()[i]).margin(1e-12));
    };
    const auto one_hot = Tensor<double>::zeros({batch, classes});
    for (std::int64_t row = 0; row < batch; ++row)
        one_hot.data()[row * classes + some_labels().data()[row]] = 1;
    check(one_hot, [&] { return head.loss(x, some_labels()); });
    check(one_hot, [&] { return head.loss(x, one_hot); });
    check(mixed_labels(), [&] { return head.loss(x, mixed_labels()); });
}

TEST_CASE("SFace in float agrees with double", "[losses]") {
    const SFace<double> wide(width, classes);
    const SFace<float> head(width, classes);
    const auto x = normal_tensor({batch, width}, 1);
    const auto narrow = Tensor<float>::empty(x.shape());
    std::copy(x.span().begin(), x.span().end(), narrow.data());
    std::copy(wide.weight.value().span().begin(), wide.weight.value().span().end(),
              head.weight.value().data());
    CHECK(head.loss(Variable<float>(narrow), some_labels()).item() ==
          Approx(wide.loss(Var(x), some_labels()).item()).epsilon(1e-4));
}

TEST_CASE("heads refuse what does not fit", "[losses]") {
    const CosFace<float> head(width, classes);
    const Variable<float> x(Tensor<float>::zeros({2, width})), narrow(Tensor<float>::zeros({2, width - 1}));
    CHECK_THROWS_AS(head.loss(narrow, Labels::zeros({2})), Error);
    CHECK_THROWS_AS(head.loss(x, Labels::zeros({3})), Error);
    CHECK_THROWS_AS(head.loss(x, Labels::from({2}, {0, classes})), Error);
    CHECK_THROWS_AS(head.loss(x, Tensor<float>::zeros({2, 3})), Error);
    CHECK_THROWS_AS((SFace<float>(width, classes).loss(x, Labels::from({2}, {0, -1}))), Error);
    CHECK_THROWS_AS(CosFace<float>(width, 0), Error);
    CHECK_THROWS_AS(CosFace<float>(width, classes, -1), Error);
    CHECK_THROWS_AS(CosFace<float>(width, classes, 64, 2), Error);
    CHECK_THROWS_AS(ArcFace<float>(width, classes, 64, 2), Error);
}

TEST_CASE("the parameter has the published name", "[losses]") {
    CosFace<float> head(width, classes);
    const auto parameters = head.parameters();
    REQUIRE(parameters.size() == 1);
    CHECK(parameters[0].first == "weight");
    CHECK(parameters[0].second.shape() == Shape{classes, width});
}
