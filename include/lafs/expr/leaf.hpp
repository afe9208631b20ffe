// What expressions are made of: operands with elements.
//
// Tensors and views here, variables in autograd/expression.hpp. A further kind is a specialisation of
// LeafTraits.
#pragma once

#include <lafs/core/tensor.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

/// A view with the device of its memory, as an operand: made by `on<Device>(view)`. One made of a tensor
/// keeps that tensor alive; otherwise the memory is the caller's business.
template <class T, class Device_>
class ViewOn {
public:
    using value_type = T;
    using device_type = Device_;

    ViewOn() = default;
    explicit ViewOn(const View<const T>& view) : view_(view) {}
    explicit ViewOn(const Tensor<T, Device_>& tensor) : view_(tensor.view()), owner_(tensor) {}

    const View<const T>& view() const { return view_; }
    const Shape& shape() const { return view_.shape; }

private:
    View<const T> view_;
    Tensor<T, Device_> owner_;
};

/// `view`, whose memory is on `Device`, as an operand of expressions.
template <class Device, class T>
ViewOn<std::remove_const_t<T>, Device> on(const View<T>& view) {
    return ViewOn<std::remove_const_t<T>, Device>(View<const std::remove_const_t<T>>(view));
}

namespace detail {

/// What an expression needs to know of its kind of operands. A kind specialises it:
///   precedence     where kinds meet, all operands become of the higher one;
///   view(x)        where the elements are; throws for an operand without elements;
///   Result         what an expression of such operands becomes, and `evaluate(expression)`, which makes it.
template <class X>
struct LeafTraits {
    static constexpr int precedence = -1;
};

/// Kinds of operands whose expressions become tensors.
template <class T, class D>
struct BecomesTensor {
    using Result = Tensor<T, D>;
    template <class E>
    static Result evaluate(const E& expression) {
        return expression.value();
    }
};

template <class T, class D>
struct LeafTraits<Tensor<T, D>> : BecomesTensor<T, D> {
    static constexpr int precedence = 0;
    static View<const T> view(const Tensor<T, D>& x) {
        require(x.defined(), "expression", "an operand is undefined");
        return x.view();
    }
};

template <class T, class D>
struct LeafTraits<ViewOn<T, D>> : BecomesTensor<T, D> {
    static constexpr int precedence = 1;
    static const View<const T>& view(const ViewOn<T, D>& x) { return x.view(); }
};

}  // namespace detail

/// An operand with elements: a tensor, a variable, a view with its device.
template <class X>
concept Leaf = detail::LeafTraits<X>::precedence >= 0;

}  // namespace lafs::inline LAFS_ABI
