// Variables as operands of fused expressions: one pass over memory forward, one backward for all gradients.
//
//   Variable<float> y = gelu(x * scale + bias) * sigmoid(gate);
//
// Tensors and numbers among the operands are constants. What expressions are: expr/expression.hpp.
#pragma once

#include <lafs/autograd/variable.hpp>
#include <lafs/backend/cpu/map.hpp>
#include <lafs/expr/functions.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D>
struct LeafTraits<Variable<T, D>> {
    static constexpr int precedence = 2;
    using Result = Variable<T, D>;
    static View<const T> view(const Variable<T, D>& x) {
        require(x.defined(), "expression", "an operand is undefined");
        return x.value().view();
    }
    template <class E>
    static Result evaluate(const E& expression) {
        return record(expression.value(), std::span<const Result>(expression.operands),
                      [saved = expression](const Tensor<T, D>& gradient) {
                          GradientTarget<T> targets[E::inputs];
                          for (std::size_t i = 0; i < E::inputs; ++i)
                              targets[i] = saved.operands[i].gradient_target();
                          map_gradients(D{}, typename E::Node{}, View<const T>(gradient.view()),
                                        saved.bound(), targets);
                      });
    }
};
}  // namespace detail

namespace detail {
/// x = Op(x, operand), of the same shape.
template <class Op, class T, class D, class X>
Variable<T, D>& rebind(Variable<T, D>& x, const X& operand) {
    Variable<T, D> result = apply<Op>(x, operand);
    require(result.shape() == x.shape(), "expression", "got an operand that makes ", result.shape(), " of ",
            x.shape(), ", expected one that broadcasts to it");
    return x = std::move(result);
}
}  // namespace detail

// x += y is x = x + y: this handle becomes another variable. Nothing is changed in place, so that what other
// handles and recorded functions know as x stays what it is.
// clang-format off
template <class T, class D, Operand X> Variable<T, D>& operator+=(Variable<T, D>& x, const X& y) { return detail::rebind<Add>(x, y); }
template <class T, class D, Operand X> Variable<T, D>& operator-=(Variable<T, D>& x, const X& y) { return detail::rebind<Subtract>(x, y); }
template <class T, class D, Operand X> Variable<T, D>& operator*=(Variable<T, D>& x, const X& y) { return detail::rebind<Multiply>(x, y); }
template <class T, class D, Operand X> Variable<T, D>& operator/=(Variable<T, D>& x, const X& y) { return detail::rebind<Divide>(x, y); }
// clang-format on

}  // namespace lafs::inline LAFS_ABI
