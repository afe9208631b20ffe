// Differentiable sums, means and maxima over one axis or over everything.
#pragma once

#include <lafs/autograd/expression.hpp>
#include <lafs/backend/cpu/reduce.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// x as (outer, n, inner) around one axis.
struct AxisSplit {
    std::int64_t outer, n, inner;
};
inline AxisSplit split_at(const Shape& shape, int axis) {
    return {shape.size_between(0, axis), shape[axis], shape.size_between(axis + 1, shape.rank())};
}

template <class T, class D>
Variable<T, D> scaled_sum(const Variable<T, D>& x, const AxisSplit& split, const Shape& out_shape,
                          compute_t<T> scale) {
    auto y = Tensor<T, D>::empty(out_shape);
    reduce_sum(D{}, split.outer, split.n, split.inner, static_cast<const T*>(x.value().data()), scale,
               y.data());
    return record(y, {x}, [x, split, scale](const Tensor<T, D>& g) {
        // dx[o, k, i] = scale * g[o, i]: a map over broadcast views.
        const GradientTarget<T> dx = x.gradient_target();
        const View<T> to(dx.data, Shape{split.outer, split.n, split.inner});
        const View<const T> from(g.data(), Shape{split.outer, 1, split.inner});
        using Scaled = Apply<Multiply, In<0>, Scalar<0>>;
        if (dx.accumulate)
            map(D{}, Apply<Add, Scaled, In<1>>{}, to,
                Bound<Apply<Add, Scaled, In<1>>, T, compute_t<T>>{{from, to}, {scale}});
        else
            map(D{}, Scaled{}, to, Bound<Scaled, T, compute_t<T>>{{from}, {scale}});
    });
}
}  // namespace detail

/// Sum over one axis, which disappears (stays with size 1 if `keep`).
template <class T, class D>
Variable<T, D> sum(const Variable<T, D>& x, int axis, bool keep = false) {
    const int a = x.shape().axis(axis);
    return detail::scaled_sum(x, detail::split_at(x.shape(), a),
                              keep ? x.shape().with(a, 1) : x.shape().without(a), compute_t<T>(1));
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
    return detail::scaled_sum(x, detail::split_at(x.shape(), a),
                              keep ? x.shape().with(a, 1) : x.shape().without(a),
                              compute_t<T>(1) / static_cast<compute_t<T>>(x.shape(a)));
}

/// Mean of all elements, of shape (). Throws when there are none.
template <class T, class D>
Variable<T, D> mean(const Variable<T, D>& x) {
    require(x.value().size() > 0, "mean", "the tensor is empty");
    return detail::scaled_sum(x, {1, x.value().size(), 1}, Shape{},
                              compute_t<T>(1) / static_cast<compute_t<T>>(x.value().size()));
}

/// Largest element over one axis; the gradient goes to the first that reaches it.
template <class T>
Variable<T, Cpu> max(const Variable<T, Cpu>& x, int axis) {
    const int a = x.shape().axis(axis);
    const auto split = detail::split_at(x.shape(), a);
    auto y = Tensor<T>::empty(x.shape().without(a));
    auto where = Tensor<std::int64_t>::empty(y.shape());
    reduce_max(Cpu{}, split.outer, split.n, split.inner, static_cast<const T*>(x.value().data()), y.data(),
               where.data());
    return record(y, {x}, [x, split, where](const Tensor<T>& g) {
        const GradientTarget<T> dx = x.gradient_target();
        if (!dx.accumulate)
            x.grad().zero();
        for (std::int64_t at = 0; at < g.size(); ++at) {
            T& to = dx.data[(at / split.inner * split.n + where.data()[at]) * split.inner + at % split.inner];
            to = static_cast<T>(compute_t<T>(to) + compute_t<T>(g.data()[at]));
        }
    });
}

/// Smallest element over one axis.
template <class T>
Variable<T, Cpu> min(const Variable<T, Cpu>& x, int axis) {
    const Variable<T, Cpu> negated = -x;
    return (-max(negated, axis)).eval();
}

}  // namespace lafs::inline LAFS_ABI
