// Fused element-wise expressions over tensors and variables.
//
//   Variable<float> y = gelu(x * scale + bias) * sigmoid(gate);   // one pass forward, one backward
//   auto z = fuse([](auto a, auto b) { return tanh(a) * b; }, x, w).eval();
//
// Operators build an Expression, which holds handles of its operands (nothing can dangle) and is evaluated
// when it becomes a Variable (a Tensor, if all operands are tensors). Operands broadcast as in NumPy. A
// number is an operand. In `fuse` an operand that is used twice is read once.
#pragma once

#include <array>
#include <lafs/autograd/variable.hpp>
#include <lafs/backend/cpu/map.hpp>
#include <lafs/expr/operations.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class X>
struct IsLeaf : std::false_type {};
template <class T, class D>
struct IsLeaf<Tensor<T, D>> : std::true_type {};
template <class T, class D>
struct IsLeaf<Variable<T, D>> : std::true_type {};

template <class T, class D>
const Tensor<T, D>& tensor_of(const Tensor<T, D>& x) {
    return x;
}
template <class T, class D>
const Tensor<T, D>& tensor_of(const Variable<T, D>& x) {
    require(x.defined(), "expression", "an operand is undefined");
    return x.value();
}
}  // namespace detail

template <class X>
concept Leaf = detail::IsLeaf<X>::value;

/// An expression with its operands, not yet evaluated. `L` is a Tensor or a Variable.
template <class Node_, Leaf L>
class Expression {
public:
    using Node = Node_;
    using LeafType = L;
    using T = typename L::value_type;
    using Device = typename L::device_type;
    using Number = compute_t<T>;
    static constexpr int inputs = Node::inputs, scalars = Node::scalars;

    std::array<L, inputs> operands;
    std::array<Number, scalars> numbers;

    /// The shape of the value. Throws when the operands do not broadcast.
    Shape shape() const {
        Shape result = detail::tensor_of(operands[0]).shape();
        for (int i = 1; i < inputs; ++i)
            result = broadcast(result, detail::tensor_of(operands[static_cast<std::size_t>(i)]).shape());
        return result;
    }

    /// Computes the value in one pass; for variables, records one backward pass for all operands.
    L eval() const {
        auto value = Tensor<T, Device>::empty(shape());
        map(Device{}, Node{}, value.view(), bound());
        if constexpr (std::is_same_v<L, Tensor<T, Device>>)
            return value;
        else
            return record(
                value, std::span<const L>(operands), [saved = *this](const Tensor<T, Device>& gradient) {
                    GradientTarget<T> targets[inputs];
                    for (int i = 0; i < inputs; ++i)
                        targets[i] = saved.operands[static_cast<std::size_t>(i)].gradient_target();
                    map_gradients(Device{}, Node{}, View<const T>(gradient.view()), saved.bound(), targets);
                });
    }

    operator L() const { return eval(); }

    Bound<Node, T, Number> bound() const {
        Bound<Node, T, Number> result;
        for (std::size_t i = 0; i < inputs; ++i)
            result.inputs[i] = detail::tensor_of(operands[i]).view();
        std::copy(numbers.begin(), numbers.end(), result.scalars);
        return result;
    }
};

namespace detail {
template <class X>
struct IsExpression : std::false_type {};
template <class N, class L>
struct IsExpression<Expression<N, L>> : std::true_type {};

template <class X>
Expression<In<0>, X> as_expression(const X& leaf) requires(Leaf<X>) {
    return {{leaf}, {}};
}
template <class N, class L>
const Expression<N, L>& as_expression(const Expression<N, L>& e) {
    return e;
}

/// A number as an expression of no input, for operands of element type T.
template <class Number>
struct NumberExpression {
    using Node = Scalar<0>;
    std::array<Number, 1> numbers;
};

/// Tensor operands become constants where a variable is among the operands.
template <class To, class From>
To convert_leaf(const From& leaf) {
    return To(leaf);
}

/// Appends the operands of one expression to those of the result.
template <class L, class N, class From, std::size_t n, std::size_t s, class Number>
void append(std::array<L, n>& operands, std::size_t& n_used, std::array<Number, s>& numbers,
            std::size_t& s_used, const Expression<N, From>& e) {
    for (const auto& operand : e.operands)
        operands[n_used++] = convert_leaf<L>(operand);
    for (const Number number : e.numbers)
        numbers[s_used++] = number;
}
template <class L, std::size_t n, std::size_t s, class Number>
void append(std::array<L, n>&, std::size_t&, std::array<Number, s>& numbers, std::size_t& s_used,
            const NumberExpression<Number>& e) {
    numbers[s_used++] = e.numbers[0];
}

/// The node of an operation over sub-expressions whose data are laid one after the other.
template <class Op, int n, int s, class Done, class... Rest>
struct Concatenate;
template <class Op, int n, int s, class... Done>
struct Concatenate<Op, n, s, Apply<Op, Done...>> {
    using type = Apply<Op, Done...>;
};
template <class Op, int n, int s, class... Done, class Next, class... Rest>
struct Concatenate<Op, n, s, Apply<Op, Done...>, Next, Rest...> {
    using type =
        typename Concatenate<Op, n + Next::inputs, s + Next::scalars,
                             Apply<Op, Done..., typename Next::template Shifted<n, s>>, Rest...>::type;
};
template <class Op, class First, class... Rest>
struct ConcatenateAll {
    using type = typename Concatenate<Op, First::inputs, First::scalars, Apply<Op, First>, Rest...>::type;
};
}  // namespace detail

/// A tensor, a variable or an expression of them.
template <class X>
concept TensorOperand = Leaf<X> || detail::IsExpression<X>::value;

/// Anything an operation takes: tensor operands and numbers.
template <class X>
concept Operand = TensorOperand<X> || std::is_arithmetic_v<X>;

template <class... X>
concept Operands = (Operand<X> && ...) && (TensorOperand<X> || ...);

namespace detail {
template <class X>
struct LeafOf {
    using type = X;
};
template <class N, class L>
struct LeafOf<Expression<N, L>> {
    using type = L;
};

/// The leaf type of the result: Variable if any operand is one.
template <class... X>
struct CommonLeaf;
template <class X>
struct CommonLeaf<X> : LeafOf<X> {};
template <class X, class... Rest>
struct CommonLeaf<X, Rest...> {
    template <class A, class B>
    static auto choose() {
        if constexpr (std::is_arithmetic_v<A>)
            return std::type_identity<B>{};
        else if constexpr (std::is_arithmetic_v<B>)
            return std::type_identity<A>{};
        else {
            static_assert(std::is_same_v<typename A::value_type, typename B::value_type> &&
                              std::is_same_v<typename A::device_type, typename B::device_type>,
                          "operands must have one element type and one device: convert one of them first");
            using V = Variable<typename A::value_type, typename A::device_type>;
            return std::type_identity<std::conditional_t<std::is_same_v<B, V>, V, A>>{};
        }
    }
    using type =
        typename decltype(choose<typename LeafOf<X>::type, typename CommonLeaf<Rest...>::type>())::type;
};

template <class Number, class X>
decltype(auto) as_operand(const X& x) {
    if constexpr (std::is_arithmetic_v<X>)
        return NumberExpression<Number>{{static_cast<Number>(x)}};
    else
        return as_expression(x);
}
}  // namespace detail

/// Builds the expression Op(x...). With expression nodes instead (inside `fuse`), gives the node.
template <class Op, class... X>
auto apply(const X&... x) requires(Operands<X...>) {
    using L = typename detail::CommonLeaf<X...>::type;
    using Number = compute_t<typename L::value_type>;
    using Node = typename detail::ConcatenateAll<
        Op, typename std::remove_cvref_t<decltype(detail::as_operand<Number>(x))>::Node...>::type;
    Expression<Node, L> result{};
    std::size_t operands = 0, numbers = 0;
    (detail::append(result.operands, operands, result.numbers, numbers, detail::as_operand<Number>(x)), ...);
    return result;
}
template <class Op, ExpressionNode... X>
Apply<Op, X...> apply(const X&...) {
    return {};
}

/// All operands of an operation as the functions below take them.
template <class... X>
concept OperationArguments = Operands<X...> ||(ExpressionNode<X>&&...);

/// The expression that `function` makes of nodes In<0>, In<1>, ... bound to the operands, each read once.
template <class Function, TensorOperand... X>
auto fuse(Function, const X&... x) requires(Leaf<X>&&...) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
        using Node = decltype(Function{}(In<static_cast<int>(i)>{}...));
        using L = typename detail::CommonLeaf<X...>::type;
        static_assert(Node::inputs == sizeof...(X), "the function must use its last operand");
        return Expression<Node, L>{{detail::convert_leaf<L>(x)...}, {}};
    }
    (std::index_sequence_for<X...>{});
}

// clang-format off
template <class A, class B> requires OperationArguments<A, B> auto operator+(const A& a, const B& b) { return apply<Add>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto operator-(const A& a, const B& b) { return apply<Subtract>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto operator*(const A& a, const B& b) { return apply<Multiply>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto operator/(const A& a, const B& b) { return apply<Divide>(a, b); }
template <class A> requires OperationArguments<A> auto operator-(const A& a) { return apply<Negate>(a); }
template <class A, class B> requires OperationArguments<A, B> auto operator<(const A& a, const B& b) { return apply<Less>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto operator<=(const A& a, const B& b) { return apply<LessEqual>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto operator>(const A& a, const B& b) { return apply<Less>(b, a); }
template <class A, class B> requires OperationArguments<A, B> auto operator>=(const A& a, const B& b) { return apply<LessEqual>(b, a); }
template <class A, class B> requires OperationArguments<A, B> auto equal(const A& a, const B& b) { return apply<Equal>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto min(const A& a, const B& b) { return apply<Minimum>(a, b); }
template <class A, class B> requires OperationArguments<A, B> auto max(const A& a, const B& b) { return apply<Maximum>(a, b); }
template <class C, class A, class B> requires OperationArguments<C, A, B> auto where(const C& condition, const A& a, const B& b) { return apply<Where>(condition, a, b); }
template <class X> requires OperationArguments<X> auto exp(const X& x) { return apply<Exp>(x); }
template <class X> requires OperationArguments<X> auto log(const X& x) { return apply<Log>(x); }
template <class X> requires OperationArguments<X> auto sqrt(const X& x) { return apply<Sqrt>(x); }
template <class X> requires OperationArguments<X> auto rsqrt(const X& x) { return apply<Rsqrt>(x); }
template <class X> requires OperationArguments<X> auto square(const X& x) { return apply<Square>(x); }
template <class X> requires OperationArguments<X> auto abs(const X& x) { return apply<Abs>(x); }
template <class X> requires OperationArguments<X> auto tanh(const X& x) { return apply<Tanh>(x); }
template <class X> requires OperationArguments<X> auto acos(const X& x) { return apply<Acos>(x); }
template <class X> requires OperationArguments<X> auto sigmoid(const X& x) { return apply<Sigmoid>(x); }
template <class X> requires OperationArguments<X> auto relu(const X& x) { return apply<Relu>(x); }
template <class X> requires OperationArguments<X> auto hard_sigmoid(const X& x) { return apply<HardSigmoid>(x); }
template <class X> requires OperationArguments<X> auto hard_swish(const X& x) { return apply<HardSwish>(x); }
template <class X> requires OperationArguments<X> auto gelu(const X& x) { return apply<Gelu>(x); }
// clang-format on

/// x limited to [low, high]; no gradient outside.
template <class X, class L, class H>
requires OperationArguments<X, L, H>
auto clamp(const X& x, const L& low, const H& high) {
    return apply<Minimum>(apply<Maximum>(x, low), high);
}

/// A contiguous copy of a strided view of the device's memory.
template <class T, class Device = Cpu>
Tensor<T, Device> contiguous(const View<const T>& view, Device device = {}) {
    auto result = Tensor<T, Device>::empty(view.shape);
    map(device, In<0>{}, result.view(), Bound<In<0>, T, compute_t<T>>{{view}, {}});
    return result;
}

}  // namespace lafs::inline LAFS_ABI
