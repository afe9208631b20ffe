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

}  // namespace lafs::inline LAFS_ABI
