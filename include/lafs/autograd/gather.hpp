// Differentiable selection by index; what is picked twice gets both gradients.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/gather.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D>
Variable<T, D> gather_rows(const Variable<T, D>& x, const Tensor<std::int64_t, D>& indices,
                           const GatherSizes& sizes, const Shape& shape) {
    auto y = Tensor<T, D>::empty(shape);
    gather_forward(D{}, sizes, x.data(), indices.data(), y.data());
    return record(y, {x}, [=](const Tensor<T, D>& g) {
        gather_backward(D{}, sizes, indices.data(), g.data(), x.gradient_target());
    });
}
}  // namespace detail

/// Picks tokens: x (B, N, ...), indices (B, M) -> (B, M, ...). An index outside [0, N) throws on the CPU and
/// gives NaN elsewhere.
/// `indices` must not change before the backward pass.
template <class T, class D>
Variable<T, D> gather(const Variable<T, D>& x, const Tensor<std::int64_t, D>& indices) {
    const Shape& s = x.shape();
    require(s.rank() >= 2 && indices.rank() == 2 && indices.shape(0) == s[0], "gather", "got ", s,
            " and indices ", indices.shape(), ", expected (B, N, ...) and (B, M)");
    const std::int64_t picks = indices.shape(1);
    return detail::gather_rows(x, indices, {s[0], s[1], picks, s.size_between(2, s.rank())},
                               s.with(1, picks));
}

/// Picks rows of a table: table (N, ...), indices (M,) -> (M, ...). An index outside [0, N) throws on the CPU
/// and gives NaN elsewhere.
template <class T, class D>
Variable<T, D> index_select(const Variable<T, D>& table, const Tensor<std::int64_t, D>& indices) {
    const Shape& s = table.shape();
    require(s.rank() >= 1 && indices.rank() == 1, "index_select", "got ", s, " and indices ", indices.shape(),
            ", expected (N, ...) and (M,)");
    const std::int64_t picks = indices.size();
    return detail::gather_rows(table, indices, {1, s[0], picks, s.size_between(1, s.rank())},
                               s.with(0, picks));
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X>
requires VariableOperands<X>
auto gather(const X& x, const Tensor<std::int64_t, detail::device_of<X>>& indices) {
    return detail::over_variables([&](const auto& v) { return gather(v, indices); }, x);
}
template <class X>
requires VariableOperands<X>
auto index_select(const X& x, const Tensor<std::int64_t, detail::device_of<X>>& indices) {
    return detail::over_variables([&](const auto& v) { return index_select(v, indices); }, x);
}

}  // namespace lafs::inline LAFS_ABI
