// Differentiable min-max scaling of rows.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/min_max.hpp>

namespace lafs::inline LAFS_ABI {

/// (x - min) / (max - min) over the last axis: each row spans [0, 1]; a row of equal values gives 0 and gets
/// no gradient. Throws for a scalar.
template <class T, class D>
Variable<T, D> min_max(const Variable<T, D>& x) {
    require(x.shape().rank() >= 1, "min_max", "got shape ", x.shape(), ", expected at least one axis");
    const std::int64_t n = x.shape(-1), rows = n ? x.value().size() / n : 0;
    const auto y = Tensor<T, D>::empty(x.shape());
    row_forward(D{}, MinMaxRow{}, rows, n, x.data(), y.data());
    return record(y, {x}, [=](const Tensor<T, D>& g) {
        row_backward(D{}, MinMaxRow{}, rows, n, x.data(), g.data(), x.gradient_target());
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto min_max(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return min_max(v, options...); }, x);
}

}  // namespace lafs::inline LAFS_ABI
