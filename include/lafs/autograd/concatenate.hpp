// Differentiable concatenation.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/core/list.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

/// Joins tensors along one axis; all other sizes must agree. Throws when they do not, or for no tensor.
template <class T, class D>
Variable<T, D> concatenate(std::span<const Variable<T, D>> parts, int axis) {
    require(!parts.empty(), "concatenate", "got no tensors");
    const Shape& first = parts[0].shape();
    const int a = first.axis(axis);
    std::int64_t total = 0;
    for (const auto& part : parts) {
        require(part.shape().rank() == first.rank() && part.shape().with(a, first[a]) == first, "concatenate",
                "got ", first, " and ", part.shape(), ", expected equal sizes but on axis ", a);
        total += part.shape(a);
    }
    auto y = Tensor<T, D>::empty(first.with(a, total));
    std::int64_t begin = 0;
    for (const auto& part : parts) {
        assign(y.view().narrow(a, begin, begin + part.shape(a)), part.value());
        begin += part.shape(a);
    }
    const PoolVector<Variable<T, D>> kept(parts.begin(), parts.end());
    return record(y, parts, [kept, a](const Tensor<T, D>& g) {
        std::int64_t at = 0;
        for (const auto& part : kept) {
            const std::int64_t end = at + part.shape(a);
            if (const GradientTarget<T> target = part.gradient_target())
                put(View<T>(target.data, part.shape()), on<D>(g.view().narrow(a, at, end)),
                    target.accumulate);
            at = end;
        }
    });
}

template <List X>
requires(detail::IsVariable<element_of_list<X>>::value) auto concatenate(const X& parts, int axis) {
    return concatenate(span_of(parts), axis);
}

template <class T, class D>
Variable<T, D> concatenate(std::initializer_list<Variable<T, D>> parts, int axis) {
    return concatenate(std::span<const Variable<T, D>>(parts.begin(), parts.size()), axis);
}

/// The same for expressions of one type, or tensors (autograd/operands.hpp).
template <class X>
requires VariableOperands<X>
auto concatenate(std::initializer_list<X> parts, int axis) {
    PoolVector<detail::variable_of<X>> variables;
    for (const X& part : parts)
        variables.push_back(detail::as_variable(part));
    const auto joined = concatenate(std::span<const detail::variable_of<X>>(variables), axis);
    if constexpr (detail::has_variable<X>)
        return joined;
    else
        return joined.value();
}

}  // namespace lafs::inline LAFS_ABI
