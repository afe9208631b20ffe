// The names of the element-wise operations: each builds an expression (expr/expression.hpp).
#pragma once

#include <lafs/expr/expression.hpp>
#include <lafs/expr/in_place.hpp>
#include <lafs/expr/operations.hpp>

namespace lafs::inline LAFS_ABI {

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
template <class A, class B> requires OperationArguments<A, B> auto pow(const A& a, const B& b) { return apply<Pow>(a, b); }
template <class C, class A, class B> requires OperationArguments<C, A, B> auto where(const C& condition, const A& a, const B& b) { return apply<Where>(condition, a, b); }
template <class X> requires OperationArguments<X> auto exp(const X& x) { return apply<Exp>(x); }
template <class X> requires OperationArguments<X> auto log(const X& x) { return apply<Log>(x); }
template <class X> requires OperationArguments<X> auto sqrt(const X& x) { return apply<Sqrt>(x); }
template <class X> requires OperationArguments<X> auto rsqrt(const X& x) { return apply<Rsqrt>(x); }
template <class X> requires OperationArguments<X> auto square(const X& x) { return apply<Square>(x); }
template <class X> requires OperationArguments<X> auto abs(const X& x) { return apply<Abs>(x); }
template <class X> requires OperationArguments<X> auto tanh(const X& x) { return apply<Tanh>(x); }
template <class X> requires OperationArguments<X> auto sin(const X& x) { return apply<Sin>(x); }
template <class X> requires OperationArguments<X> auto cos(const X& x) { return apply<Cos>(x); }
template <class X> requires OperationArguments<X> auto acos(const X& x) { return apply<Acos>(x); }
template <class X> requires OperationArguments<X> auto sigmoid(const X& x) { return apply<Sigmoid>(x); }
template <class X> requires OperationArguments<X> auto silu(const X& x) { return apply<Silu>(x); }
template <class X> requires OperationArguments<X> auto relu(const X& x) { return apply<Relu>(x); }
template <class X, class S> requires OperationArguments<X, S> auto prelu(const X& x, const S& slope) { return apply<Prelu>(x, slope); }
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

}  // namespace lafs::inline LAFS_ABI
