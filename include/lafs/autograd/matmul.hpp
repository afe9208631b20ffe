// Differentiable matrix products.
#pragma once

#include <lafs/autograd/observer.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/backend/cpu/gemm.hpp>

namespace lafs::inline LAFS_ABI {

/// How an operand of `matmul` is read.
enum class Transpose { no, yes };

namespace detail {
/// The first matrix of the last two axes.
template <class T>
Matrix<T> matrix_of(const T* data, const Shape& shape, Transpose transpose) {
    const auto matrix = Matrix<T>::contiguous(data, shape[-2], shape[-1]);
    return transpose == Transpose::yes ? matrix.transposed() : matrix;
}

/// target (+)= a b; `flip` stores the transposed products (b' a').
template <class D, class T>
void product_into(const GradientTarget<T>& target, Matrix<T> a, Matrix<T> b, GemmBatch batch, bool flip) {
    if (flip) {
        std::swap(a, b);
        std::swap(batch.a, batch.b);
        a = a.transposed();
        b = b.transposed();
    }
    gemm_batch(D{}, compute_t<T>(1), a, b, target.accumulate, target.data, b.columns, batch);
}
}  // namespace detail

/// Product of the last two axes, op(a) op(b): (M, K) x (K, N) -> (M, N), or batched
/// (..., M, K) x (..., K, N) -> (..., M, N) with equal leading axes. Throws when shapes do not fit.
template <class T, class D>
Variable<T, D> matmul(const Variable<T, D>& a, const Variable<T, D>& b, Transpose ta = Transpose::no,
                      Transpose tb = Transpose::no) {
    const Shape &sa = a.shape(), &sb = b.shape();
    const auto mismatch = [&](const char* why) { fail("matmul", sa, " x ", sb, ": ", why); };
    if (sa.rank() < 2 || sa.rank() != sb.rank())
        mismatch("expected two operands of equal rank, at least 2");
    for (int axis = 0; axis < sa.rank() - 2; ++axis)
        if (sa[axis] != sb[axis])
            mismatch("leading axes differ");
    const bool flip_a = ta == Transpose::yes, flip_b = tb == Transpose::yes;
    const std::int64_t m = sa[flip_a ? -1 : -2], k = sa[flip_a ? -2 : -1], n = sb[flip_b ? -2 : -1];
    if (k != sb[flip_b ? -1 : -2])
        mismatch("inner sizes differ");
    const std::int64_t batch = sa.size_between(0, sa.rank() - 2);
    const auto y = Tensor<T, D>::empty(sa.with(-2, m).with(-1, n));
    detail::report_product(batch * m * k * n);
    gemm_batch(D{}, compute_t<T>(1), detail::matrix_of(a.data(), sa, ta), detail::matrix_of(b.data(), sb, tb),
               false, y.data(), n, GemmBatch{batch, m * k, k * n, m * n});
    return record(y, {a, b}, [=](const Tensor<T, D>& g) {
        const auto gradient = detail::matrix_of<T>(g.data(), g.shape(), Transpose::no);
        if (const GradientTarget<T> da = a.gradient_target())
            detail::product_into<D>(da, gradient, detail::matrix_of(b.data(), b.shape(), tb).transposed(),
                                    {batch, m * n, k * n, m * k}, flip_a);
        if (const GradientTarget<T> db = b.gradient_target())
            detail::product_into<D>(db, detail::matrix_of(a.data(), a.shape(), ta).transposed(), gradient,
                                    {batch, m * k, m * n, k * n}, flip_b);
    });
}

/// y = x W' + b over the last axis: x (..., in), weight (out, in), bias (out,) or undefined -> (..., out).
template <class T, class D>
Variable<T, D> linear(const Variable<T, D>& x, const Variable<T, D>& weight,
                      const Variable<T, D>& bias = {}) {
    require(x.shape().rank() >= 1 && weight.shape().rank() == 2 && x.shape(-1) == weight.shape(1), "linear",
            "input ", x.shape(), " and weight ", weight.shape(), ": expected (..., in) and (out, in)");
    const std::int64_t in = weight.shape(1), out = weight.shape(0),
                       rows = x.value().size() / std::max<std::int64_t>(1, in);
    require(!bias.defined() || bias.shape() == Shape{out}, "linear", "got bias ",
            bias.defined() ? bias.shape() : Shape{}, ", expected ", Shape{out});
    using C = compute_t<T>;
    auto y = Tensor<T, D>::empty(x.shape().with(-1, out));
    detail::report_product(rows * in * out);
    gemm(D{}, C(1), Matrix<T>::contiguous(x.data(), rows, in),
         Matrix<T>::contiguous(weight.data(), out, in).transposed(), false, y.data(), out, bias.data());
    return record(y, {x, weight, bias}, [=](const Tensor<T, D>& g) {
        if (const GradientTarget<T> dx = x.gradient_target())
            gemm(D{}, C(1), Matrix<T>::contiguous(g.data(), rows, out),
                 Matrix<T>::contiguous(weight.data(), out, in), dx.accumulate, dx.data, in);
        if (const GradientTarget<T> dw = weight.gradient_target())
            gemm(D{}, C(1), Matrix<T>::contiguous(g.data(), rows, out).transposed(),
                 Matrix<T>::contiguous(x.data(), rows, in), dw.accumulate, dw.data, in);
        if (bias.requires_grad()) {
            auto sums = Tensor<T, D>::empty(Shape{out});
            reduce_sum(D{}, AxisSizes{1, rows, out}, g.data(), C(1), sums.data());
            accumulate(bias, sums);
        }
    });
}

/// The same for expressions and tensors (autograd/operands.hpp).
template <class A, class B, class... Options>
requires VariableOperands<A, B>
auto matmul(const A& a, const B& b, const Options&... options) {
    return detail::over_variables([&](const auto& x, const auto& y) { return matmul(x, y, options...); }, a,
                                  b);
}
template <class X, class W, class B = detail::variable_of<X>>
requires VariableOperands<X, W, B>
auto linear(const X& x, const W& weight, const B& bias = {}) {
    return detail::over_variables([](const auto& v, const auto& w, const auto& b) { return linear(v, w, b); },
                                  x, weight, bias);
}

}  // namespace lafs::inline LAFS_ABI
