// Heads of a user: CurricularFace against its paper's formula in plain loops, with gradients by differences, and a margin
// that sees the labels; on every device.
#include <cmath>
#include <lafs/autograd/reshape.hpp>
#include <lafs/losses/margin_head.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

constexpr std::int64_t batch = 5, width = 11, classes = 7;
constexpr double scale = 16;
const std::vector<std::int64_t> right_classes{0, 5, 6, 5, 2};

using Head = MarginHead<double, Device>;
using Rows = MarginRows<double, Device>;

/// CurricularFace (Huang et al., arXiv 2004.00288, equations 4 to 7), with t given and CosFace's margin:
/// a wrong class whose cosine exceeds the right one's margin counts as cos (t + cos).
struct CurricularHead final : Head {
    static constexpr double m = 0.4, t = 0.3;
    using Head::Head;
    using Head::loss;
    Var margin(const Var& cosine) const override { return cosine - m; }
    Var loss(const Var& features, const Labels& labels) const override {
        const Var right = margin(right_cosines(features, labels)), all = cosines(features);
        const Var others = where(all > reshape(right, {batch, 1}), all * (all + t), all);
        return cross_entropy(Var(replace_at_labels(others, labels, right) * this->scale()), labels);
    }
};

/// A margin by class, known from the labels alone.
struct ByClass final : Head {
    using Head::Head;
    Var row_margin(const Var& cosine, const Rows& rows) const override {
        std::vector<double> margins;
        for (const std::int64_t label : rows.labels.to_vector())
            margins.push_back(0.1 * static_cast<double>(label));
        return cosine - DeviceTensor<double>::from(cosine.shape(), margins);
    }
};

struct Plain {
    Tensor<double> features, weight;
    explicit Plain(const Head& head)
        : features(normal_tensor({batch, width}, 1)), weight(host(head.weight)) {}
    double cosine(std::int64_t row, std::int64_t j) const {
        const double *x = row_of(features, row), *w = row_of(weight, j);
        return inner(x, w) / std::sqrt(inner(x, x) * inner(w, w));
    }
    /// Mean cross entropy of `logit(row, class)`.
    template <class Logit>
    double loss(Logit logit) const {
        double total = 0;
        for (std::int64_t row = 0; row < batch; ++row) {
            double sum = 0;
            for (std::int64_t j = 0; j < classes; ++j)
                sum += std::exp(logit(row, j));
            total += std::log(sum) - logit(row, label(row));
        }
        return total / static_cast<double>(batch);
    }
    static std::int64_t label(std::int64_t row) { return right_classes[static_cast<std::size_t>(row)]; }

private:
    static const double* row_of(const Tensor<double>& x, std::int64_t row) { return x.data() + row * width; }
    static double inner(const double* a, const double* b) {
        double sum = 0;
        for (std::int64_t i = 0; i < width; ++i)
            sum += a[i] * b[i];
        return sum;
    }
};

Labels some_labels() {
    return Labels::from({batch}, right_classes);
}

}  // namespace

TEST_CASE("CurricularFace as a head of a user: other classes' cosines change", "[losses]") {
    const CurricularHead head(width, classes, scale);
    const Plain plain(head);
    const double expected = plain.loss([&](std::int64_t row, std::int64_t j) {
        const double c = plain.cosine(row, j), right = plain.cosine(row, Plain::label(row)) - 0.4;
        return scale * (j == Plain::label(row) ? right : c > right ? c * (0.3 + c) : c);
    });
    const Var x(on_device(plain.features), true);
    CHECK(head.loss(x, some_labels()).item() == Approx(expected).epsilon(1e-9));
    check_derivative([&](const Inputs& in) { return head.loss(in[0], some_labels()); }, {x, head.weight});
}

TEST_CASE("a margin sees the labels", "[losses]") {
    const ByClass head(width, classes, scale);
    const Plain plain(head);
    const auto logits = host(head.logits(Var(on_device(plain.features)), some_labels()));
    for (std::int64_t row = 0; row < batch; ++row)
        for (std::int64_t j = 0; j < classes; ++j) {
            const double margin = j == Plain::label(row) ? 0.1 * static_cast<double>(j) : 0;
            CHECK(logits.data()[row * classes + j] == Approx(scale * (plain.cosine(row, j) - margin)));
        }
}

TEST_CASE("replacing at labels; lengths of rows", "[losses]") {
    const Var x(normal({batch, classes}, 1), true), values(normal({batch}, 2), true);
    const auto labels = some_labels();
    const auto replaced = host(replace_at_labels(x, labels, values)), before = host(x), at = host(values);
    for (std::int64_t row = 0; row < batch; ++row)
        for (std::int64_t j = 0; j < classes; ++j)
            CHECK(replaced.data()[row * classes + j] ==
                  (j == Plain::label(row) ? at.data()[row] : before.data()[row * classes + j]));
    check_derivative([&](const Inputs& in) { return replace_at_labels(in[0], labels, in[1]); }, {x, values});
    CHECK_THROWS_AS(replace_at_labels(x, labels, x), Error);
    CHECK_THROWS_AS(replace_at_labels(values, labels, values), Error);

    check_derivative([](const Inputs& in) { return row_norms(in[0]); }, {x});
    CHECK(row_norms(x, true).shape() == Shape{batch, 1});
    const Var zeros(DeviceTensor<double>::zeros({2, 3}), true);
    sum(row_norms(zeros)).backward();
    for (const double g : zeros.grad().to_vector())
        CHECK(g == 0);
}

TEST_CASE("a head without a margin says so", "[losses]") {
    const Head head(width, classes, scale);
    CHECK_THROWS_AS(head.logits(Var(normal({batch, width}, 1)), some_labels()), Error);
}
