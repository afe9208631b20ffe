// Fused expressions as empty types.
//
// An expression is a tree of `In<I>` (the I-th tensor), `Scalar<I>` (the I-th number) and `Apply<Op,
// Args...>`. The run-time data lies beside it in flat arrays, so a kernel's parameters are a plain struct.
//
// An operation is a struct with
//   f(x...)      the value, for any value type (a pack of floats on the CPU, one float on the GPU);
//   df(x..., y)  the partial derivatives, given the operands and the value: one value for one operand,
//                `Partials<V, n>` for n.
#pragma once

#include <concepts>
#include <cstddef>
#include <lafs/core/abi.hpp>
#include <type_traits>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// Marks the types of expression trees.
struct NodeTag {};

template <class T>
concept ExpressionNode = std::is_base_of_v<NodeTag, T>;

/// The partial derivatives of an operation with n operands.
template <class V, int n>
struct Partials {
    V d[n];
};

/// The I-th input tensor.
template <int I>
struct In : NodeTag {
    static constexpr int inputs = I + 1, scalars = 0, nodes = 1;
    template <int by_inputs, int by_scalars>
    using Shifted = In<I + by_inputs>;
};

/// The I-th run-time number.
template <int I>
struct Scalar : NodeTag {
    static constexpr int inputs = 0, scalars = I + 1, nodes = 1;
    template <int by_inputs, int by_scalars>
    using Shifted = Scalar<I + by_scalars>;
};

/// The largest number of nodes of one expression: register pressure, and compile time, grow with it.
inline constexpr int max_expression_nodes = 64;

namespace detail {
template <class... Ints>
constexpr int largest(Ints... values) {
    int result = 0;
    ((result = values > result ? values : result), ...);
    return result;
}
}  // namespace detail

/// An operation applied to sub-expressions.
template <class Op, class... Args>
struct Apply : NodeTag {
    static constexpr int inputs = detail::largest(Args::inputs...);
    static constexpr int scalars = detail::largest(Args::scalars...);
    static constexpr int nodes = (1 + ... + Args::nodes);
    static_assert(nodes <= max_expression_nodes,
                  "expression too large for one kernel: evaluate a part of it first");
    template <int by_inputs, int by_scalars>
    using Shifted = Apply<Op, typename Args::template Shifted<by_inputs, by_scalars>...>;
};

/// Evaluates a tree for one value type, keeps every node's value, then sweeps the adjoints back:
/// `forward(inputs, scalars)` gives the value, `backward(adjoint, gradients)` adds to each input's gradient.
template <class Node, class V>
struct Sweep;

template <int I, class V>
struct Sweep<In<I>, V> {
    V value;
    template <class S>
    LAFS_HOST_DEVICE void forward(const V* inputs, const S*) {
        value = inputs[I];
    }
    LAFS_HOST_DEVICE void backward(const V& adjoint, V* gradients) const {
        gradients[I] = gradients[I] + adjoint;
    }
};

template <int I, class V>
struct Sweep<Scalar<I>, V> {
    V value;
    template <class S>
    LAFS_HOST_DEVICE void forward(const V*, const S* scalars) {
        value = V(scalars[I]);
    }
    LAFS_HOST_DEVICE void backward(const V&, V*) const {}
};

template <class Op, class A, class V>
struct Sweep<Apply<Op, A>, V> {
    Sweep<A, V> a;
    V value;
    template <class S>
    LAFS_HOST_DEVICE void forward(const V* inputs, const S* scalars) {
        a.forward(inputs, scalars);
        value = Op::f(a.value);
    }
    LAFS_HOST_DEVICE void backward(const V& adjoint, V* gradients) const {
        a.backward(adjoint * Op::df(a.value, value), gradients);
    }
};

template <class Op, class A, class B, class V>
struct Sweep<Apply<Op, A, B>, V> {
    Sweep<A, V> a;
    Sweep<B, V> b;
    V value;
    template <class S>
    LAFS_HOST_DEVICE void forward(const V* inputs, const S* scalars) {
        a.forward(inputs, scalars);
        b.forward(inputs, scalars);
        value = Op::f(a.value, b.value);
    }
    LAFS_HOST_DEVICE void backward(const V& adjoint, V* gradients) const {
        const Partials<V, 2> partials = Op::df(a.value, b.value, value);
        a.backward(adjoint * partials.d[0], gradients);
        b.backward(adjoint * partials.d[1], gradients);
    }
};

template <class Op, class A, class B, class C, class V>
struct Sweep<Apply<Op, A, B, C>, V> {
    Sweep<A, V> a;
    Sweep<B, V> b;
    Sweep<C, V> c;
    V value;
    template <class S>
    LAFS_HOST_DEVICE void forward(const V* inputs, const S* scalars) {
        a.forward(inputs, scalars);
        b.forward(inputs, scalars);
        c.forward(inputs, scalars);
        value = Op::f(a.value, b.value, c.value);
    }
    LAFS_HOST_DEVICE void backward(const V& adjoint, V* gradients) const {
        const Partials<V, 3> partials = Op::df(a.value, b.value, c.value, value);
        a.backward(adjoint * partials.d[0], gradients);
        b.backward(adjoint * partials.d[1], gradients);
        c.backward(adjoint * partials.d[2], gradients);
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
