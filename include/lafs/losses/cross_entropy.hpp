// Cross entropy with softmax, averaged over the batch:
//
//   mean over rows of  -sum_j t_j log softmax(x)_j
//
// with t one class per row (hard labels) or weights of all classes (soft labels, of any sum). Softmax,
// logarithm and mean are fused: nothing of the size of the logits is stored but their gradient.
//
// Label smoothing e (Szegedy et al., arXiv 1512.00567, section 7) replaces t by (1 - e) t + e / classes, as the
// option of torch.nn.functional.cross_entropy.
#pragma once

#include <concepts>
#include <lafs/autograd/reductions.hpp>
#include <lafs/backend/cpu/cross_entropy.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Throws unless there is one label for each row and, on the CPU, each is in 0 .. classes - 1. Elsewhere
/// looking would mean to wait for the device: such a label makes the loss NaN.
template <class D>
void check_labels(const Tensor<std::int64_t, D>& labels, std::int64_t rows, std::int64_t classes,
                  const char* operation) {
    require(labels.shape() == Shape{rows}, operation, "got labels of shape ", labels.shape(), ", expected ",
            Shape{rows});
    if constexpr (std::is_same_v<D, Cpu>) {
        const std::span<const std::int64_t> values = labels.span();
        for (std::size_t row = 0; row < values.size(); ++row)
            require(values[row] >= 0 && values[row] < classes, operation, "label ", values[row], " in row ",
                    row, ", expected 0 .. ", classes - 1);
    }
}

/// Mean of a loss per row.
template <class T, class D>
Tensor<T, D> mean_loss(const Tensor<T, D>& losses) {
    auto mean = Tensor<T, D>::empty({});
    reduce_sum(D{}, AxisSizes{1, losses.size(), 1}, losses.data(), T(1) / static_cast<T>(losses.size()),
               mean.data());
    return mean;
}

inline void check_logits(const Shape& logits) {
    require(logits.rank() == 2 && logits.size() > 0, "cross_entropy", "got logits of shape ", logits,
            ", expected (batch, classes)");
}

inline void check_smoothing(double smoothing) {
    require(smoothing >= 0 && smoothing < 1, "cross_entropy", "got label smoothing ", smoothing,
            ", expected 0 <= smoothing < 1");
}

}  // namespace detail

/// Hard labels: logits (B, C), labels (B) -> scalar. Throws for other shapes. A label outside 0 .. C - 1
/// throws on the CPU; elsewhere it makes the loss NaN. Throws unless 0 <= label_smoothing < 1.
template <std::floating_point T, class D>
Variable<T, D> cross_entropy(const Variable<T, D>& logits, const Tensor<std::int64_t, D>& labels,
                             double label_smoothing = 0) {
    detail::check_logits(logits.shape());
    detail::check_smoothing(label_smoothing);
    const T smoothing = static_cast<T>(label_smoothing);
    const std::int64_t rows = logits.shape(0), classes = logits.shape(1);
    detail::check_labels(labels, rows, classes, "cross_entropy");
    const auto losses = Tensor<T, D>::empty({rows}), log_sums = Tensor<T, D>::empty({rows});
    cross_entropy_forward(D{}, rows, classes, logits.data(), labels.data(), smoothing, losses.data(),
                          log_sums.data());
    return record(detail::mean_loss(losses), {logits}, [=](const Tensor<T, D>& g) {
        cross_entropy_backward(D{}, rows, classes, logits.data(), labels.data(), smoothing, log_sums.data(),
                               g.data(), logits.gradient_target());
    });
}

/// Soft labels: logits (B, C), targets (B, C) -> scalar. No gradient goes to the targets.
template <std::floating_point T, class D>
Variable<T, D> cross_entropy(const Variable<T, D>& logits, const Tensor<T, D>& targets,
                             double label_smoothing = 0) {
    detail::check_logits(logits.shape());
    detail::check_smoothing(label_smoothing);
    require(targets.shape() == logits.shape(), "cross_entropy", "got targets of shape ", targets.shape(),
            " for logits ", logits.shape(), ", expected the same shape");
    const std::int64_t rows = logits.shape(0), classes = logits.shape(1);
    if (label_smoothing > 0)
        return cross_entropy(logits, Tensor<T, D>(targets * (1 - label_smoothing) +
                                                  label_smoothing / static_cast<double>(classes)));
    const auto losses = Tensor<T, D>::empty({rows}), log_sums = Tensor<T, D>::empty({rows}),
               weights = Tensor<T, D>::empty({rows});
    soft_cross_entropy_forward(D{}, rows, classes, logits.data(), targets.data(), losses.data(),
                               log_sums.data(), weights.data());
    return record(detail::mean_loss(losses), {logits}, [=](const Tensor<T, D>& g) {
        soft_cross_entropy_backward(D{}, rows, classes, logits.data(), targets.data(), log_sums.data(),
                                    weights.data(), g.data(), logits.gradient_target());
    });
}

/// The same for logits that are an expression or a tensor, and for shares that are an expression of tensors.
template <class X, class... Rest>
requires VariableOperands<X>
auto cross_entropy(const X& logits, const Rest&... rest) {
    return detail::over_variables([&](const auto& v) { return cross_entropy(v, rest...); }, logits);
}
template <std::floating_point T, class D, class N, class L, class... Rest>
requires(!detail::has_variable<L>) auto cross_entropy(const Variable<T, D>& logits,
                                                      const Expression<N, L>& targets, const Rest&... rest) {
    return cross_entropy(logits, targets.eval(), rest...);
}

}  // namespace lafs::inline LAFS_ABI
