// Differentiable slices of one axis.
#pragma once

#include <lafs/autograd/operands.hpp>

namespace lafs::inline LAFS_ABI {

/// Elements [begin, end) of one axis, as a copy. Throws outside the axis.
template <class T, class D>
Variable<T, D> slice(const Variable<T, D>& x, int axis, std::int64_t begin, std::int64_t end) {
    const auto y = contiguous(x.value().view().narrow(axis, begin, end), D{});
    return record(y, {x}, [=](const Tensor<T, D>& g) {
        const GradientTarget<T> target = x.gradient_target();
        if (!target.accumulate && x.value().size() != 0)
            x.grad().zero();
        put(View<T>(target.data, x.shape()).narrow(axis, begin, end), g, target.accumulate);
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto slice(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return slice(v, options...); }, x);
}

}  // namespace lafs::inline LAFS_ABI
