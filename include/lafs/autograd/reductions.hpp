// Differentiable sums and means over one axis or over everything (maxima: autograd/extremum.hpp).
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/reduce.hpp>
#include <lafs/primitives/reduce.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D>
Variable<T, D> scaled_sum(const Variable<T, D>& x, const AxisSizes& split, const Shape& out_shape,
                          compute_t<T> scale) {
    auto y = Tensor<T, D>::empty(out_shape);
    reduce_sum(D{}, split, x.data(), scale, y.data());
    return record(y, {x}, [x, split, scale](const Tensor<T, D>& g) {
        // dx[o, k, i] = scale * g[o, i], broadcast along k.
        const GradientTarget<T> dx = x.gradient_target();
        put(View<T>(dx.data, Shape{split.outer, split.n, split.inner}),
            g.reshape({split.outer, 1, split.inner}) * scale, dx.accumulate);
    });
}
}  // namespace detail

/// Sum over one axis, which disappears (stays with size 1 if `keep`).
template <class T, class D>
Variable<T, D> sum(const Variable<T, D>& x, int axis, bool keep = false) {
    const int a = x.shape().axis(axis);
    return detail::scaled_sum(x, axis_sizes(x.shape(), a), keep ? x.shape().with(a, 1) : x.shape().without(a),
                              compute_t<T>(1));
}

/// Sum of all elements, of shape ().
template <class T, class D>
Variable<T, D> sum(const Variable<T, D>& x) {
    return detail::scaled_sum(x, {1, x.value().size(), 1}, Shape{}, compute_t<T>(1));
}

/// Mean over one axis. Throws when it is empty.
template <class T, class D>
Variable<T, D> mean(const Variable<T, D>& x, int axis, bool keep = false) {
    const int a = x.shape().axis(axis);
    require(x.shape(a) > 0, "mean", "axis ", axis, " of ", x.shape(), " is empty");
    return detail::scaled_sum(x, axis_sizes(x.shape(), a), keep ? x.shape().with(a, 1) : x.shape().without(a),
                              compute_t<T>(1) / static_cast<compute_t<T>>(x.shape(a)));
}

/// Mean of all elements, of shape (). Throws when there are none.
template <class T, class D>
Variable<T, D> mean(const Variable<T, D>& x) {
    require(x.value().size() > 0, "mean", "the tensor is empty");
    return detail::scaled_sum(x, {1, x.value().size(), 1}, Shape{},
                              compute_t<T>(1) / static_cast<compute_t<T>>(x.value().size()));
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto sum(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return sum(v, options...); }, x);
}

template <class X, class... Options>
requires VariableOperands<X>
auto mean(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return mean(v, options...); }, x);
}

}  // namespace lafs::inline LAFS_ABI
