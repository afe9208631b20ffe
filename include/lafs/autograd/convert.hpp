// Differentiable changes of element type and device: the two functions whose inputs and outputs differ in
// them.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/convert.hpp>

namespace lafs::inline LAFS_ABI {

/// The elements as type U, on the same device; x itself where it has that type. Rounds where U is narrower.
template <class U, class T, class D>
Tensor<U, D> cast(const Tensor<T, D>& x) {
    if constexpr (std::is_same_v<U, T>) {
        return x;
    } else {
        const auto y = Tensor<U, D>::empty(x.shape());
        convert(D{}, x.size(), x.data(), GradientTarget<U>{y.data(), false});
        return y;
    }
}

/// The same for a variable: the gradient comes back as type T, and is added in the wider of both.
template <class U, class T, class D>
Variable<U, D> cast(const Variable<T, D>& x) {
    if constexpr (std::is_same_v<U, T>) {
        return x;
    } else {
        return record(cast<U>(x.value()), {x},
                      [x](const Tensor<U, D>& g) { convert(D{}, g.size(), g.data(), x.gradient_target()); });
    }
}

/// A tensor of the host on device D in elements of T: how what was read enters a network. x itself where it
/// is there already.
template <class T, class D, class U>
Tensor<T, D> from_host(const Tensor<U, Cpu>& x) {
    if constexpr (std::is_same_v<D, Cpu>)
        return cast<T>(x);
    else
        return cast<T>(x.template to<D>());
}

/// A copy on another device; x itself where it is there. Copies from a GPU wait for it.
template <class E, class T, class D>
Variable<T, E> to(const Variable<T, D>& x) {
    if constexpr (std::is_same_v<E, D>)
        return x;
    else
        return record(x.value().template to<E>(), {x},
                      [x](const Tensor<T, E>& g) { accumulate(x, g.template to<D>()); });
}

/// The same for an expression (autograd/operands.hpp).
template <class U, class N, class L>
auto cast(const Expression<N, L>& x) {
    return cast<U>(x.eval());
}
template <class E, class X>
requires VariableOperands<X>
auto to(const X& x) {
    return detail::over_variables([](const auto& v) { return to<E>(v); }, x);
}

}  // namespace lafs::inline LAFS_ABI
