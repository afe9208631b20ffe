// Differentiable largest and smallest elements over one axis. (`max(a, b)` of two operands is element-wise:
// see expr/functions.hpp.)
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/extremum.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D>
struct Extrema {
    AxisSizes sizes;
    Tensor<T, D> values;
    Tensor<std::int64_t, D> places;
};
template <class Order, class T, class D>
Extrema<T, D> find_extremum(const char* operation, const Tensor<T, D>& x, int axis) {
    const int a = x.shape().axis(axis);
    const AxisSizes sizes = axis_sizes(x.shape(), a);
    require(sizes.n > 0, operation, "got ", x.shape(), ", expected elements along axis ", a);
    const Shape shape = x.shape().without(a);
    const Extrema<T, D> found{sizes, Tensor<T, D>::empty(shape), Tensor<std::int64_t, D>::empty(shape)};
    reduce_extremum(D{}, Order{}, sizes, x.data(), found.values.data(), found.places.data());
    return found;
}
template <class Order, class T, class D>
Variable<T, D> extremum_over(const char* operation, const Variable<T, D>& x, int axis) {
    const Extrema<T, D> found = find_extremum<Order>(operation, x.value(), axis);
    return record(found.values, {x}, [x, sizes = found.sizes, where = found.places](const Tensor<T, D>& g) {
        scatter_extremum(D{}, sizes, where.data(), g.data(), x.gradient_target());
    });
}
}  // namespace detail

/// Largest element over one axis, which disappears; the gradient goes to the first that reaches it. Throws
/// for an empty axis.
template <class T, class D>
Variable<T, D> max_over(const Variable<T, D>& x, int axis) {
    return detail::extremum_over<Largest>("max_over", x, axis);
}

/// Smallest element over one axis, likewise.
template <class T, class D>
Variable<T, D> min_over(const Variable<T, D>& x, int axis) {
    return detail::extremum_over<Smallest>("min_over", x, axis);
}

/// Where the largest (smallest) element over one axis stands: the first that reaches it; a NaN wins. Takes
/// tensors, variables and expressions. Throws for an empty axis.
template <detail::FloatingOperand X>
auto argmax(const X& x, int axis) {
    return detail::find_extremum<Largest>("argmax", detail::as_variable(x).value(), axis).places;
}
template <detail::FloatingOperand X>
auto argmin(const X& x, int axis) {
    return detail::find_extremum<Smallest>("argmin", detail::as_variable(x).value(), axis).places;
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto max_over(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return max_over(v, options...); }, x);
}

template <class X, class... Options>
requires VariableOperands<X>
auto min_over(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return min_over(v, options...); }, x);
}

}  // namespace lafs::inline LAFS_ABI
