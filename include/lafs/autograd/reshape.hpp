// Differentiable changes of shape: reshape (shares memory) and permute (copies).
#pragma once

#include <lafs/autograd/operands.hpp>

namespace lafs::inline LAFS_ABI {

/// The same elements in another shape. Throws when the numbers of elements differ.
template <class T, class D>
Variable<T, D> reshape(const Variable<T, D>& x, const Shape& shape) {
    return x.reshape(shape);
}

/// The same with one size that may be -1: it is worked out.
template <class T, class D>
Variable<T, D> reshape(const Variable<T, D>& x, std::initializer_list<std::int64_t> sizes) {
    return x.reshape(sizes);
}

/// The axes in another order: axis i of the result is axis order[i] of x.
template <class T, class D>
Variable<T, D> permute(const Variable<T, D>& x, std::initializer_list<int> order) {
    const auto y = contiguous(x.value().view().permute(order), D{});
    const PoolVector<int> axes(order.begin(), order.end());
    return record(y, {x}, [x, axes](const Tensor<T, D>& g) {
        const GradientTarget<T> target = x.gradient_target();
        View<T> to(target.data, g.shape());  // the gradient of x, seen in the order of y
        const View<T> own(target.data, x.shape());
        for (std::size_t i = 0; i < axes.size(); ++i)
            to.stride[i] = own.stride[x.shape().axis(axes[i])];
        put(to, g, target.accumulate);
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X>
requires VariableOperands<X>
auto reshape(const X& x, const Shape& shape) {
    return detail::over_variables([&](const auto& v) { return reshape(v, shape); }, x);
}
template <class X>
requires VariableOperands<X>
auto reshape(const X& x, std::initializer_list<std::int64_t> sizes) {
    return detail::over_variables([&](const auto& v) { return reshape(v, sizes); }, x);
}
template <class X>
requires VariableOperands<X>
auto permute(const X& x, std::initializer_list<int> order) {
    return detail::over_variables([&](const auto& v) { return permute(v, order); }, x);
}

}  // namespace lafs::inline LAFS_ABI
