// Base of the recognition heads: class weights, cosines, and a margin on the right class.
//
//   cos_j = <x / |x|, w_j / |w_j|>,   logit_j = s (cos_j + t_j (margin(cos_j) - cos_j)),   loss = cross
//   entropy
//
// with t the one-hot label, or the soft label of mixup, which weighs the margin. A head is one function,
// `margin`: what the right class's cosine is replaced by, as an expression of a variable of any shape:
//
//   template <class T, class D = Cpu>
//   struct Shifted : MarginHead<T, D> {
//       using MarginHead<T, D>::MarginHead;
//       Variable<T, D> margin(const Variable<T, D>& cosine) const override { return cosine - 0.1; }
//   };
//
// A margin that depends on more than the cosine (lengths of features, labels) is written as `row_margin`
// instead, which is given the batch's rows as well. What changes other classes' cosines, or adds to the loss,
// overrides `loss`; `cosines`, `right_cosines` and `replace_at_labels` are its parts.
//
// Requires: differentiable on [-1, 1] with finite derivative. Ensures: with hard labels, no tensor of the
// logits' size besides the logits and their gradient.
#pragma once

#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/backend/cpu/label_product.hpp>
#include <lafs/losses/cross_entropy.hpp>
#include <lafs/nn/init.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Adds factor g_b table_l to the gradient of x_b and factor g_b x_b to that of table_l, l the label of row
/// b.
template <class T, class D>
void add_label_gradients(const Variable<T, D>& x, const Variable<T, D>& table,
                         const Tensor<std::int64_t, D>& labels, T factor, const Tensor<T, D>& g) {
    const GradientTarget<T> dx = x.gradient_target(), dtable = table.gradient_target();
    if (dx && !dx.accumulate)
        x.grad().zero();
    if (dtable && !dtable.accumulate)
        table.grad().zero();
    add_label_products(D{}, x.shape(0), x.shape(1), table.shape(0), factor, g.data(), x.data(), table.data(),
                       labels.data(), dx.data, dtable.data);
}

/// The cosine of each row of x (B, D) and the row of table (C, D) that its label names -> (B,). The rows have
/// length 1 (the derivative is that of the inner product).
template <class T, class D>
Variable<T, D> label_cosine(const Variable<T, D>& x, const Variable<T, D>& table,
                            const Tensor<std::int64_t, D>& labels) {
    const std::int64_t rows = x.shape(0), n = x.shape(1);
    auto y = Tensor<T, D>::empty({rows});
    label_cosines(D{}, rows, n, table.shape(0), x.data(), table.data(), labels.data(), y.data());
    return record(y, {x, table},
                  [=](const Tensor<T, D>& g) { add_label_gradients(x, table, labels, T(1), g); });
}

/// scale x table' (B, C), with the elements at the labels replaced by label_logits (B,).
template <class T, class D>
Variable<T, D> label_product(const Variable<T, D>& x, const Variable<T, D>& table,
                             const Tensor<std::int64_t, D>& labels, const Variable<T, D>& label_logits,
                             T scale) {
    const std::int64_t rows = x.shape(0), n = x.shape(1), classes = table.shape(0);
    const auto matrix = [](const Tensor<T, D>& t) { return matrix_of(t.data(), t.shape(), Transpose::no); };
    auto y = Tensor<T, D>::empty({rows, classes});
    gemm(D{}, scale, matrix(x.value()), matrix(table.value()).transposed(), false, y.data(), classes);
    write_at_labels(D{}, rows, classes, y.data(), labels.data(), label_logits.data());
    return record(y, {x, table, label_logits}, [=](const Tensor<T, D>& g) {
        const auto at_labels = Tensor<T, D>::empty({rows});
        read_at_labels(D{}, rows, classes, g.data(), labels.data(), at_labels.data());
        accumulate(label_logits, at_labels);
        // The product as a whole, less the elements that were replaced.
        if (const GradientTarget<T> dx = x.gradient_target())
            gemm(D{}, scale, matrix(g), matrix(table.value()), dx.accumulate, dx.data, n);
        if (const GradientTarget<T> dtable = table.gradient_target())
            gemm(D{}, scale, matrix(g).transposed(), matrix(x.value()), dtable.accumulate, dtable.data, n);
        add_label_gradients(x, table, labels, -scale, at_labels);
    });
}

}  // namespace detail

/// x (B, C) with the elements at the labels (B) replaced by values (B,).
template <class T, class D>
Variable<T, D> replace_at_labels(const Variable<T, D>& x, const Tensor<std::int64_t, D>& labels,
                                 const Variable<T, D>& values) {
    require(x.shape().rank() == 2, "replace_at_labels", "got shape ", x.shape(),
            ", expected (batch, classes)");
    const std::int64_t rows = x.shape(0), classes = x.shape(1);
    detail::check_labels(labels, rows, classes, "replace_at_labels");
    require(values.shape() == Shape{rows}, "replace_at_labels", "got values of shape ", values.shape(),
            ", expected ", Shape{rows});
    const Tensor<T, D> y = x.value().clone();
    write_at_labels(D{}, rows, classes, y.data(), labels.data(), values.data());
    return record(y, {x, values}, [=](const Tensor<T, D>& g) {
        auto at_labels = Tensor<T, D>::empty({rows});
        read_at_labels(D{}, rows, classes, g.data(), labels.data(), at_labels.data());
        accumulate(values, at_labels);
        at_labels.zero();
        const Tensor<T, D> others = g.clone();
        write_at_labels(D{}, rows, classes, others.data(), labels.data(), at_labels.data());
        accumulate(x, others);
    });
}

/// The lengths of the rows of x (B, D), with gradient -> (B,), or (B, 1) if `keep`.
template <class T, class D>
Variable<T, D> row_norms(const Variable<T, D>& x, bool keep = false) {
    const Variable<T, D> squares = square(x);
    return sqrt(max(sum(squares, -1, keep), 1e-24));  // the root of 0 has no derivative
}

/// The rows of a batch, as a margin sees them beside their cosines.
template <class T, class D = Cpu>
struct MarginRows {
    Variable<T, D> features;         ///< (B, D), as they came from the network
    Tensor<std::int64_t, D> labels;  ///< (B); undefined where the labels are soft

    /// The features' lengths, with gradient (`detach` stops it), in a shape that broadcasts with the cosines:
    /// (B) with hard labels, (B, 1) with soft ones.
    Variable<T, D> norms() const { return row_norms(features, !labels.defined()); }
};

/// A head with `classes` weight vectors over `features` numbers. See the top of the file.
template <class T, class D = Cpu>
class MarginHead : public Module<T, D> {
public:
    /// Class weights, one a row: (classes, features).
    Variable<T, D> weight;

    /// Random weights (Glorot, uniform). Throws for sizes or a scale that are not positive.
    MarginHead(std::int64_t features, std::int64_t classes, double scale) : scale_(static_cast<T>(scale)) {
        require(features > 0 && classes > 0, "head", "got ", features, " features and ", classes,
                " classes, expected both above 0");
        require(scale > 0 && std::isfinite(scale), "head", "got scale ", scale,
                ", expected a number above 0");
        weight = Variable<T, D>(Tensor<T, D>::empty({classes, features}), true);
        xavier_uniform(weight.value());
    }

    void visit(Visitor<T, D>& visitor) override { visitor.parameter("weight", weight); }

    /// What replaces the right class's cosine; of any shape. A head writes this function or `row_margin`.
    virtual Variable<T, D> margin(const Variable<T, D>&) const {
        fail("head", "got a head with neither margin nor row_margin, expected one of them");
    }

    /// The same where it depends on more: cosines (B) with hard labels, (B, C) with soft ones.
    virtual Variable<T, D> row_margin(const Variable<T, D>& cosine, const MarginRows<T, D>&) const {
        return margin(cosine);
    }

    T scale() const { return scale_; }

    /// Label smoothing of the cross entropy (losses/cross_entropy.hpp), 0 unless set. Throws outside 0 .. 1, and for
    /// heads whose loss is none: a head that overrides `loss` takes `label_smoothing()` into account or refuses here.
    virtual void smooth_labels(double share) {
        detail::check_smoothing(share);
        label_smoothing_ = share;
    }
    double label_smoothing() const { return label_smoothing_; }

    /// s cos without margin, (B, D) -> (B, C): to predict classes.
    Variable<T, D> logits(const Variable<T, D>& features) const { return cosines(features) * scale_; }

    /// Logits with the margin on the labels' classes: features (B, D), labels (B) -> (B, C).
    Variable<T, D> logits(const Variable<T, D>& features, const Tensor<std::int64_t, D>& labels) const {
        check_features(features.shape());
        detail::check_labels(labels, features.shape(0), weight.shape(0), "head");
        const Variable<T, D> x = l2_normalize(features), table = l2_normalize(weight);
        const Variable<T, D> cosine = detail::label_cosine(x, table, labels);
        const Variable<T, D> right = row_margin(cosine, {features, labels}) * scale_;
        return detail::label_product(x, table, labels, right, scale_);
    }

    /// The same with soft labels (B, C), which weigh the margin.
    Variable<T, D> logits(const Variable<T, D>& features, const Tensor<T, D>& targets) const {
        const Variable<T, D> cosine = cosines(features);
        check_targets(targets.shape(), cosine.shape());
        return (cosine + targets * (row_margin(cosine, {features, {}}) - cosine)) * scale_;
    }

    /// The loss that is trained, a scalar; hard labels (B) or soft labels (B, C).
    virtual Variable<T, D> loss(const Variable<T, D>& features, const Tensor<std::int64_t, D>& labels) const {
        return cross_entropy(logits(features, labels), labels, label_smoothing_);
    }
    virtual Variable<T, D> loss(const Variable<T, D>& features, const Tensor<T, D>& targets) const {
        return cross_entropy(logits(features, targets), targets, label_smoothing_);
    }

protected:
    /// (B, D) -> (B, C)
    Variable<T, D> cosines(const Variable<T, D>& features) const {
        check_features(features.shape());
        return linear(l2_normalize(features), l2_normalize(weight));
    }

    /// The cosines of the right classes, (B, D) -> (B,).
    Variable<T, D> right_cosines(const Variable<T, D>& features,
                                 const Tensor<std::int64_t, D>& labels) const {
        check_features(features.shape());
        detail::check_labels(labels, features.shape(0), weight.shape(0), "head");
        return detail::label_cosine(l2_normalize(features), l2_normalize(weight), labels);
    }

    void check_features(const Shape& shape) const {
        require(shape.rank() == 2 && shape[1] == weight.shape(1), "head", "got features of shape ", shape,
                ", expected (batch, ", weight.shape(1), ')');
    }

    static void check_targets(const Shape& targets, const Shape& expected) {
        require(targets == expected, "head", "got soft labels of shape ", targets, ", expected ", expected);
    }

private:
    T scale_;
    double label_smoothing_ = 0;
};

}  // namespace lafs::inline LAFS_ABI
