// What functions over variables take besides variables: expressions and tensors.
//
//   mean(x * y), matmul(a + b, w), softmax(logits * 2)     an expression is computed first
//   matmul(x, tensor)                                      beside variables a tensor is a constant
//   softmax(tensor), sum(tensor * 2, 1)                    of tensors alone the result is a tensor
//
// A function has its formula over variables, and one more overload for such operands, which calls the first:
//
//   template <class X, class... Options>
//   requires VariableOperands<X>
//   auto sum(const X& x, const Options&... options) {
//       return detail::over_variables([&](const auto& v) { return sum(v, options...); }, x);
//   }
#pragma once

#include <lafs/autograd/expression.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class X>
struct IsVariable : std::false_type {};
template <class T, class D>
struct IsVariable<Variable<T, D>> : std::true_type {};

/// Whether an operand is a variable, or an expression with one among its operands.
template <class X>
inline constexpr bool has_variable = IsVariable<typename LeafOf<X>::type>::value;

template <class X>
concept FloatingOperand = TensorOperand<X> && is_floating(dtype_of<typename LeafOf<X>::type::value_type>);

/// Element type, device and variable of an operand.
template <class X>
using element_of = typename LeafOf<X>::type::value_type;
template <class X>
using device_of = typename LeafOf<X>::type::device_type;
template <class X>
using variable_of = Variable<element_of<X>, device_of<X>>;

template <class X>
variable_of<X> as_variable(const X& x) {
    using V = variable_of<X>;
    if constexpr (std::is_same_v<X, typename V::Value>)
        require(x.defined(), "function", "an operand is an undefined tensor");
    if constexpr (std::is_convertible_v<const X&, V> || std::is_convertible_v<const X&, typename V::Value>)
        return V(x);
    else
        return V(as_expression(x).eval());
}

/// function(operands as variables...), as a tensor if there is no variable in them.
template <class Function, class... X>
auto over_variables(const Function& function, const X&... x) {
    if constexpr ((has_variable<X> || ...))
        return function(as_variable(x)...);
    else
        return function(as_variable(x)...).value();
}
}  // namespace detail

/// Operands of a function over variables that are not all variables themselves, of floating elements.
template <class... X>
concept VariableOperands = (detail::FloatingOperand<X> && ...) && !(detail::IsVariable<X>::value && ...);

}  // namespace lafs::inline LAFS_ABI
