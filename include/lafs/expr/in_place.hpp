// Operators that change a tensor's elements in place, for every handle that names them:
//
//   x += y * 2;   x[0] *= 0.5;   x -= x[0];
//
// The right side is a number, a tensor, a view or an expression, and broadcasts to the tensor's shape. It is read
// as it was before, also where it shares memory with the tensor.
#pragma once

#include <lafs/expr/expression.hpp>
#include <lafs/expr/operations.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// Whether an operand lies in the memory of `to`, but not as the same elements in the same places.
template <class T>
bool reads_elsewhere(const View<T>& to, const View<const T>& operand) {
    const auto last = [](const auto& view) {
        std::int64_t offset = 0;
        for (int axis = 0; axis < view.shape.rank(); ++axis)
            offset += std::max<std::int64_t>(0, (view.shape[axis] - 1) * view.stride[axis]);
        return reinterpret_cast<std::uintptr_t>(view.data + offset);
    };
    const auto first = [](const auto& view) {
        std::int64_t offset = 0;
        for (int axis = 0; axis < view.shape.rank(); ++axis)
            offset += std::min<std::int64_t>(0, (view.shape[axis] - 1) * view.stride[axis]);
        return reinterpret_cast<std::uintptr_t>(view.data + offset);
    };
    if (last(operand) < first(to) || last(to) < first(operand))
        return false;
    return operand.data != to.data || operand.shape != to.shape ||
           !std::equal(to.stride, to.stride + to.shape.rank(), operand.stride);
}

/// to = Op(to, x).
template <class Op, class T, class D, class X>
const Tensor<T, D>& update(const Tensor<T, D>& to, const X& x) {
    const auto expression = apply<Op>(to, x);
    const auto bound = expression.bound();
    const bool elsewhere =
        std::any_of(std::begin(bound.inputs), std::end(bound.inputs),
                    [&](const auto& operand) { return reads_elsewhere(to.view(), operand); });
    if (elsewhere)
        assign(to.view(), expression.value());
    else
        assign(to.view(), expression);
    return to;
}
}  // namespace detail

/// What a tensor is changed by: a number, or an operand that becomes a tensor of its type and device.
template <class X, class T, class D>
concept UpdateOf = std::is_arithmetic_v<X> ||
    (TensorOperand<X>&&
         std::is_same_v<typename detail::LeafTraits<typename detail::LeafOf<X>::type>::Result, Tensor<T, D>>);

// clang-format off
template <class T, class D, class X> requires UpdateOf<X, T, D> const Tensor<T, D>& operator+=(const Tensor<T, D>& to, const X& x) { return detail::update<Add>(to, x); }
template <class T, class D, class X> requires UpdateOf<X, T, D> const Tensor<T, D>& operator-=(const Tensor<T, D>& to, const X& x) { return detail::update<Subtract>(to, x); }
template <class T, class D, class X> requires UpdateOf<X, T, D> const Tensor<T, D>& operator*=(const Tensor<T, D>& to, const X& x) { return detail::update<Multiply>(to, x); }
template <class T, class D, class X> requires UpdateOf<X, T, D> const Tensor<T, D>& operator/=(const Tensor<T, D>& to, const X& x) { return detail::update<Divide>(to, x); }
// clang-format on

}  // namespace lafs::inline LAFS_ABI
