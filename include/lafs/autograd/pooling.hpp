// Differentiable pooling over the last two axes (formulas and sizes: primitives/pooling.hpp).
#pragma once

#include <lafs/autograd/variable.hpp>
#include <lafs/backend/cpu/pooling.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline Shape pooled_shape(const Shape& x, const PoolGeometry& geometry) {
    return x.with(-2, geometry.rows.out).with(-1, geometry.columns.out);
}

template <class T, class D>
Variable<T, D> average_pool(const Variable<T, D>& x, const PoolGeometry& geometry) {
    const auto y = Tensor<T, D>::empty(pooled_shape(x.shape(), geometry));
    average_pool_forward(D{}, geometry, x.data(), y.data());
    return record(y, {x}, [=](const Tensor<T, D>& g) {
        average_pool_backward(D{}, geometry, g.data(), x.gradient_target());
    });
}

template <class T, class D>
Variable<T, D> max_pool(const Variable<T, D>& x, const PoolGeometry& geometry) {
    const auto y = Tensor<T, D>::empty(pooled_shape(x.shape(), geometry));
    const auto where = Tensor<std::int64_t, D>::empty(y.shape());
    max_pool_forward(D{}, geometry, x.data(), y.data(), where.data());
    return record(y, {x}, [=](const Tensor<T, D>& g) {
        max_pool_backward(D{}, geometry, where.data(), g.data(), x.gradient_target());
    });
}

}  // namespace detail

/// Means of windows: x (..., height, width) -> (..., height', width'), with options {kernel, stride, padding}.
/// Throws when they do not fit.
template <class T, class D>
Variable<T, D> avg_pool2d(const Variable<T, D>& x, const PoolOptions& options) {
    return detail::average_pool(x, pool_geometry("avg_pool2d", x.shape(), options));
}

/// Largest elements of windows, alike; the gradient goes to the first that reaches it.
template <class T, class D>
Variable<T, D> max_pool2d(const Variable<T, D>& x, const PoolOptions& options) {
    return detail::max_pool(x, pool_geometry("max_pool2d", x.shape(), options));
}

/// Means over height x width areas that cover the plane: x (..., any, any) -> (..., height, width).
template <class T, class D>
Variable<T, D> adaptive_avg_pool2d(const Variable<T, D>& x, std::int64_t height, std::int64_t width) {
    return detail::average_pool(x, adaptive_pool_geometry("adaptive_avg_pool2d", x.shape(), height, width));
}

/// Largest elements of such areas.
template <class T, class D>
Variable<T, D> adaptive_max_pool2d(const Variable<T, D>& x, std::int64_t height, std::int64_t width) {
    return detail::max_pool(x, adaptive_pool_geometry("adaptive_max_pool2d", x.shape(), height, width));
}

}  // namespace lafs::inline LAFS_ABI
