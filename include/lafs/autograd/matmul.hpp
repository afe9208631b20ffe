// Differentiable matrix products.
#pragma once

#include <lafs/autograd/reductions.hpp>
#include <lafs/backend/cpu/gemm.hpp>

namespace lafs::inline LAFS_ABI {

/// How an operand of `matmul` is read.
enum class Transpose { no, yes };

namespace detail {
template <class T, class D>
Matrix<T> matrix_of(const Tensor<T, D>& x, std::int64_t index, Transpose transpose) {
    const std::int64_t rows = x.shape(-2), columns = x.shape(-1);
    const auto matrix = Matrix<T>::row_major(x.data() + index * rows * columns, rows, columns, columns);
    return transpose == Transpose::yes ? matrix.transposed() : matrix;
}

/// target (+)= a b for one matrix of a batch; `flip` stores the transposed product (b' a').
template <class T, class D>
void product_into(const GradientTarget<T>& target, std::int64_t offset, Matrix<T> a, Matrix<T> b, bool flip) {
    if (flip)
        std::swap(a, b), a = a.transposed(), b = b.transposed();
    gemm(D{}, T(1), a, b, target.accumulate, target.data + offset, b.columns);
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
    auto y = Tensor<T, D>::empty(sa.with(-2, m).with(-1, n));
    for (std::int64_t i = 0; i < batch; ++i)
        gemm(D{}, T(1), detail::matrix_of(a.value(), i, ta), detail::matrix_of(b.value(), i, tb), false,
             y.data() + i * m * n, n);
    return record(y, {a, b}, [=](const Tensor<T, D>& g) {
        const GradientTarget<T> da = a.gradient_target();
        for (std::int64_t i = 0; da && i < batch; ++i)
            detail::product_into<T, D>(da, i * m * k, detail::matrix_of(g, i, Transpose::no),
                                       detail::matrix_of(b.value(), i, tb).transposed(), flip_a);
        const GradientTarget<T> db = b.gradient_target();
        for (std::int64_t i = 0; db && i < batch; ++i)
            detail::product_into<T, D>(db, i * k * n, detail::matrix_of(a.value(), i, ta).transposed(),
                                       detail::matrix_of(g, i, Transpose::no), flip_b);
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
    const auto matrix = [](const Tensor<T, D>& t, std::int64_t r, std::int64_t c) {
        return Matrix<T>::row_major(t.data(), r, c, c);
    };
    auto y = Tensor<T, D>::empty(x.shape().with(-1, out));
    gemm(D{}, T(1), matrix(x.value(), rows, in), matrix(weight.value(), out, in).transposed(), false,
         y.data(), out, bias.defined() ? bias.value().data() : nullptr);
    return record(y, {x, weight, bias}, [=](const Tensor<T, D>& g) {
        if (const GradientTarget<T> dx = x.gradient_target())
            gemm(D{}, T(1), matrix(g, rows, out), matrix(weight.value(), out, in), dx.accumulate, dx.data,
                 in);
        if (const GradientTarget<T> dw = weight.gradient_target())
            gemm(D{}, T(1), matrix(g, rows, out).transposed(), matrix(x.value(), rows, in), dw.accumulate,
                 dw.data, in);
        if (bias.requires_grad()) {
            auto sums = Tensor<T, D>::empty(Shape{out});
            reduce_sum(D{}, {1, rows, out}, g.data(), compute_t<T>(1), sums.data());
            accumulate(bias, sums);
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
