// Random tensors for tests: the same numbers on every machine and device, for any number of threads.
#pragma once

#include <lafs/core/dtype.hpp>
#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T, class D, class Draw>
Tensor<T, D> drawn_tensor(const Shape& shape, const Draw& draw) {
    auto result = Tensor<T>::empty(shape);
    for (T& value : result.span())
        value = static_cast<T>(static_cast<compute_t<T>>(draw()));
    if constexpr (std::is_same_v<D, Cpu>)
        return result;
    else
        return result.template to<D>();
}
}  // namespace detail

/// A tensor of uniform numbers in [low, high).
template <class T = double, class D = Cpu>
Tensor<T, D> uniform_tensor(const Shape& shape, std::uint64_t seed, double low = -1.0, double high = 1.0) {
    RandomSequence random(seed, 0);
    return detail::drawn_tensor<T, D>(shape, [&] { return random.uniform(low, high); });
}

/// A tensor of normal numbers with mean 0.
template <class T = double, class D = Cpu>
Tensor<T, D> normal_tensor(const Shape& shape, std::uint64_t seed, double deviation = 1.0) {
    RandomSequence random(seed, 0);
    return detail::drawn_tensor<T, D>(shape, [&] { return random.normal(0.0, deviation); });
}

}  // namespace lafs::inline LAFS_ABI
