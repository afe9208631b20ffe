// Random tensors for tests: the same numbers on every machine, for any number of threads.
#pragma once

#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>

namespace lafs::inline LAFS_ABI {

/// A tensor of uniform numbers in [low, high).
template <class T = double>
Tensor<T> uniform_tensor(const Shape& shape, std::uint64_t seed, double low = -1.0, double high = 1.0) {
    auto result = Tensor<T>::empty(shape);
    RandomSequence random(seed, 0);
    for (T& value : result.span())
        value = static_cast<T>(random.uniform(low, high));
    return result;
}

/// A tensor of normal numbers with mean 0.
template <class T = double>
Tensor<T> normal_tensor(const Shape& shape, std::uint64_t seed, double deviation = 1.0) {
    auto result = Tensor<T>::empty(shape);
    RandomSequence random(seed, 0);
    for (T& value : result.span())
        value = static_cast<T>(random.normal(0.0, deviation));
    return result;
}

}  // namespace lafs::inline LAFS_ABI
