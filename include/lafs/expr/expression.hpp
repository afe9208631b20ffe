// Fused element-wise expressions over tensors and views.
//
//   Tensor<float> y = gelu(x * scale + bias) * sigmoid(gate);              // one pass over memory
//   auto z = fuse([](auto a, auto b) { return tanh(a) * b * 2; }, x, w).eval();
//   assign(y.view(), on<Cpu>(x.view().permute({1, 0})) + 1);               // y = ..., any strides
//   accumulate(y.view(), x * 0.5);                                         // y += ...
//
// Operators build an Expression. It holds handles of its operands, so nothing can dangle, and is computed
// when it becomes a Tensor, or by `assign` and `accumulate`. Operands broadcast as in NumPy; a number is an
// operand. In `fuse` an operand that is used twice is read once. autograd/expression.hpp adds variables to
// the operands.
//
// The pass itself is the primitive `map` of the operands' device (backend/<device>/map).
#pragma once

#include <algorithm>
#include <array>
#include <lafs/core/dtype.hpp>
#include <lafs/expr/bound.hpp>
#include <lafs/expr/leaf.hpp>
#include <lafs/expr/operations.hpp>

namespace lafs::inline LAFS_ABI {

/// An expression with its operands, not yet evaluated. `L` is the kind of its operands.
template <class Node_, Leaf L>
class Expression {
public:
    using Node = Node_;
    using LeafType = L;
    using T = typename L::value_type;
    using Device = typename L::device_type;
    using Number = compute_t<T>;
    using Result = typename detail::LeafTraits<L>::Result;
    static constexpr int inputs = Node::inputs, scalars = Node::scalars;

    std::array<L, inputs> operands;
    std::array<Number, scalars> numbers;

    /// The shape of the value. Throws when the operands do not broadcast.
    Shape shape() const {
        Shape result = view_of(0).shape;
        for (std::size_t i = 1; i < inputs; ++i)
            result = broadcast(result, view_of(i).shape);
        return result;
    }

    /// Computes the value in one pass; for variables, records one backward pass for all operands.
    Result eval() const { return detail::LeafTraits<L>::evaluate(*this); }
    operator Result() const { return eval(); }

    /// The value alone.
    Tensor<T, Device> value() const {
        auto result = Tensor<T, Device>::empty(shape());
        map(Device{}, Node{}, result.view(), bound());
        return result;
    }

    Bound<Node, T, Number> bound() const {
        Bound<Node, T, Number> result;
        for (std::size_t i = 0; i < inputs; ++i)
            result.inputs[i] = view_of(i);
        std::copy(numbers.begin(), numbers.end(), result.scalars);
        return result;
    }

private:
    View<const T> view_of(std::size_t i) const { return detail::LeafTraits<L>::view(operands[i]); }
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

/// An operand as one of the kind that all become: tensors are constants beside variables.
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

/// The kind of operands of the result: the one of highest precedence.
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
            constexpr bool second = LeafTraits<B>::precedence > LeafTraits<A>::precedence;
            return std::type_identity<std::conditional_t<second, B, A>>{};
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
        return detail::as_expression(x);
}
}  // namespace detail

/// Inside `fuse`: a node with the numbers that its Scalars stand for.
template <ExpressionNode Node_, std::size_t count>
struct NodeWithNumbers {
    using Node = Node_;
    std::array<double, count> numbers;
};

namespace detail {
template <class X>
struct IsNode : std::is_base_of<NodeTag, X> {};
template <class N, std::size_t count>
struct IsNode<NodeWithNumbers<N, count>> : std::true_type {};

/// The numbers of what an operation inside `fuse` takes, and its node with them counted from `first` on.
template <ExpressionNode N>
std::array<double, 0> numbers_of(const N&) {
    return {};
}
template <class N, std::size_t count>
const std::array<double, count>& numbers_of(const NodeWithNumbers<N, count>& x) {
    return x.numbers;
}
template <class X>
requires(std::is_arithmetic_v<X>) std::array<double, 1> numbers_of(const X& x) {
    return {static_cast<double>(x)};
}
template <class X, int first>
struct NodeFrom {
    using type = X;
};
template <class N, std::size_t count, int first>
struct NodeFrom<NodeWithNumbers<N, count>, first> {
    using type = typename N::template Shifted<0, first>;
};
template <class X, int first>
requires(std::is_arithmetic_v<X>) struct NodeFrom<X, first> {
    using type = Scalar<first>;
};

template <class X>
inline constexpr int number_count =
    std::tuple_size_v<std::remove_cvref_t<decltype(numbers_of(std::declval<X>()))>>;

/// Numbers in front of argument i.
template <class... X>
constexpr int numbers_before(std::size_t i) {
    constexpr int counts[] = {number_count<X>...};
    int sum = 0;
    for (std::size_t k = 0; k < i; ++k)
        sum += counts[k];
    return sum;
}
}  // namespace detail

/// What an operation inside `fuse` takes: nodes and numbers, a node among them.
template <class... X>
concept NodeArguments = ((detail::IsNode<X>::value || std::is_arithmetic_v<X>)&&...) &&
                        (detail::IsNode<X>::value || ...);

/// All operands of an operation as its function takes them: outside `fuse`, or inside.
template <class... X>
concept OperationArguments = Operands<X...> || NodeArguments<X...>;

/// Builds the expression Op(x...); inside `fuse`, the node.
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
template <class Op, class... X>
auto apply([[maybe_unused]] const X&... x) requires(NodeArguments<X...>) {
    constexpr auto count = static_cast<std::size_t>(detail::numbers_before<X...>(sizeof...(X)));
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
        using Node = Apply<Op, typename detail::NodeFrom<X, detail::numbers_before<X...>(i)>::type...>;
        if constexpr (count == 0) {
            return Node{};
        } else {
            NodeWithNumbers<Node, count> result{};
            auto next = result.numbers.begin();
            const auto put = [&](const auto& numbers) {
                next = std::copy(numbers.begin(), numbers.end(), next);
            };
            (put(detail::numbers_of(x)), ...);
            return result;
        }
    }
    (std::index_sequence_for<X...>{});
}

/// The expression that `function` makes of the nodes In<0>, In<1>, ..., bound to the operands, each read
/// once. Numbers in it are operands too.
template <class Function, Leaf... X>
auto fuse(Function function, const X&... x) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
        const auto built = function(In<static_cast<int>(i)>{}...);
        using Node = typename detail::NodeFrom<std::remove_cvref_t<decltype(built)>, 0>::type;
        using L = typename detail::CommonLeaf<X...>::type;
        static_assert(Node::inputs == sizeof...(X), "the function must use its last operand");
        Expression<Node, L> result{{detail::convert_leaf<L>(x)...}, {}};
        const auto& numbers = detail::numbers_of(built);
        std::transform(numbers.begin(), numbers.end(), result.numbers.begin(), [](double number) {
            return static_cast<typename Expression<Node, L>::Number>(number);
        });
        return result;
    }
    (std::index_sequence_for<X...>{});
}

namespace detail {
/// Throws unless the expression broadcasts to `to`.
template <class E, class T>
void check_assigned(const char* operation, const E& expression, const View<T>& to) {
    static_assert(std::is_same_v<typename E::T, T>, "the view and the expression have one element type");
    const Shape shape = expression.shape();
    require(broadcast(shape, to.shape) == to.shape, operation, "got an expression of shape ", shape,
            ", expected one that broadcasts to ", to.shape);
}
}  // namespace detail

/// to = expression, whose operands broadcast to the shape of `to`: a view with any strides, of memory on the
/// operands' device. One pass; an operand may be `to` itself.
template <class T, TensorOperand X>
void assign(const View<T>& to, const X& x) {
    const auto& expression = detail::as_expression(x);
    using E = std::remove_cvref_t<decltype(expression)>;
    detail::check_assigned("assign", expression, to);
    map(typename E::Device{}, typename E::Node{}, to, expression.bound());
    to.note_change();
}

/// to += expression; the same otherwise.
template <class T, TensorOperand X>
void accumulate(const View<T>& to, const X& x) {
    const auto& expression = detail::as_expression(x);
    using E = std::remove_cvref_t<decltype(expression)>;
    using Sum = Apply<Add, typename E::Node, In<E::inputs>>;
    detail::check_assigned("accumulate", expression, to);
    const auto terms = expression.bound();
    Bound<Sum, T, typename E::Number> sum{};
    std::copy_n(terms.inputs, E::inputs, sum.inputs);
    sum.inputs[E::inputs] = to;
    std::copy_n(terms.scalars, E::scalars, sum.scalars);
    map(typename E::Device{}, Sum{}, to, sum);
    to.note_change();
}

/// to = expression, or to += expression where `add` says so.
template <class T, TensorOperand X>
void put(const View<T>& to, const X& x, bool add) {
    if (add)
        accumulate(to, x);
    else
        assign(to, x);
}

/// A contiguous copy of a strided view of the device's memory.
template <class T, class Device = Cpu>
Tensor<std::remove_const_t<T>, Device> contiguous(const View<T>& view, Device = {}) {
    return detail::as_expression(on<Device>(view)).value();
}

}  // namespace lafs::inline LAFS_ABI
