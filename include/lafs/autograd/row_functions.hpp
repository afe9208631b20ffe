// Differentiable row functions over the last axis: softmax, log-softmax, L2 normalise, layer norm.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/row.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// Rows of the last axis.
struct Rows {
    std::int64_t count, length;
};
inline Rows rows_of(const Shape& shape, const char* operation) {
    require(shape.rank() >= 1 && shape[-1] > 0, operation, "got shape ", shape,
            ", expected a last axis with elements");
    return {shape.size() / shape[-1], shape[-1]};
}

/// Softmax and log-softmax: programs whose backward needs the output only.
template <class Program, class T, class D>
Variable<T, D> row_function(const Variable<T, D>& x, const char* operation) {
    const Rows rows = rows_of(x.shape(), operation);
    auto y = Tensor<T, D>::empty(x.shape());
    row_forward(D{}, Program{}, rows.count, rows.length, x.data(), y.data());
    return record(y, {x}, [x, y, rows](const Tensor<T, D>& g) {
        row_backward(D{}, Program{}, rows.count, rows.length, y.data(), g.data(), x.gradient_target());
    });
}
}  // namespace detail

/// Softmax over the last axis.
template <class T, class D>
Variable<T, D> softmax(const Variable<T, D>& x) {
    return detail::row_function<SoftmaxRow>(x, "softmax");
}

/// Log-softmax over the last axis.
template <class T, class D>
Variable<T, D> log_softmax(const Variable<T, D>& x) {
    return detail::row_function<LogSoftmaxRow>(x, "log_softmax");
}

/// x / max(||x||, 1e-12) over the last axis.
template <class T, class D>
Variable<T, D> l2_normalize(const Variable<T, D>& x) {
    const detail::Rows rows = detail::rows_of(x.shape(), "l2_normalize");
    auto y = Tensor<T, D>::empty(x.shape());
    row_forward(D{}, NormalizeRow{}, rows.count, rows.length, x.data(), y.data());
    return record(y, {x}, [x, y, rows](const Tensor<T, D>& g) {
        normalize_backward(D{}, rows.count, rows.length, x.data(), y.data(), g.data(), x.gradient_target());
    });
}

/// Layer norm over the last axis; gain and bias have its length.
template <class T, class D>
Variable<T, D> layer_norm(const Variable<T, D>& x, const Variable<T, D>& gain, const Variable<T, D>& bias,
                          compute_t<T> epsilon) {
    using C = compute_t<T>;
    const detail::Rows rows = detail::rows_of(x.shape(), "layer_norm");
    require(gain.shape() == Shape{rows.length} && bias.shape() == gain.shape(), "layer_norm", "got gain ",
            gain.shape(), " and bias ", bias.shape(), " for ", x.shape(), ", expected ", Shape{rows.length});
    auto y = Tensor<T, D>::empty(x.shape());
    auto mean = Tensor<C, D>::empty({rows.count}), inverse_deviation = Tensor<C, D>::empty({rows.count});
    layer_norm_forward(D{}, rows.count, rows.length, x.data(), gain.data(), bias.data(), epsilon, y.data(),
                       mean.data(), inverse_deviation.data());
    return record(y, {x, gain, bias}, [=](const Tensor<T, D>& g) {
        layer_norm_backward(D{}, rows.count, rows.length, x.data(), gain.data(), g.data(), mean.data(),
                            inverse_deviation.data(), x.gradient_target(), gain.gradient_target(),
                            bias.gradient_target());
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto softmax(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return softmax(v, options...); }, x);
}

template <class X, class... Options>
requires VariableOperands<X>
auto log_softmax(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return log_softmax(v, options...); }, x);
}

template <class X, class... Options>
requires VariableOperands<X>
auto l2_normalize(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return l2_normalize(v, options...); }, x);
}

template <class X, class G, class B>
requires VariableOperands<X, G, B>
auto layer_norm(const X& x, const G& gain, const B& bias, compute_t<detail::element_of<X>> epsilon) {
    return detail::over_variables(
        [=](const auto& v, const auto& g, const auto& b) { return layer_norm(v, g, b, epsilon); }, x, gain,
        bias);
}

}  // namespace lafs::inline LAFS_ABI
