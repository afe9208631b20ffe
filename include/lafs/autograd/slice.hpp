// Differentiable slices of one axis.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/core/range.hpp>

namespace lafs::inline LAFS_ABI {

/// Elements [begin, end) of one axis, as a copy. Throws outside the axis.
template <class T, class D>
Variable<T, D> slice(const Variable<T, D>& x, int axis, std::int64_t begin, std::int64_t end) {
    return x.slice(axis, begin, end);
}

/// Elements in ranges of the first axes, as a copy: slice(x, {{}, {1, 3}, {0, Range::all, 2}}) is NumPy's
/// x[:, 1:3, ::2]. Throws as the function of a view does (core/range.hpp).
template <class T, class D>
Variable<T, D> slice(const Variable<T, D>& x, std::initializer_list<Range> ranges) {
    const PoolVector<Range> kept(ranges.begin(), ranges.end());
    return part_of(x, [kept](const View<T>& view) { return slice(view, std::span<const Range>(kept)); });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto slice(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return slice(v, options...); }, x);
}

template <class X>
requires VariableOperands<X>
auto slice(const X& x, std::initializer_list<Range> ranges) {
    return detail::over_variables([&](const auto& v) { return slice(v, ranges); }, x);
}

}  // namespace lafs::inline LAFS_ABI
