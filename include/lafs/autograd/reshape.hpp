// The same elements in another shape, differentiable; shares memory.
#pragma once

#include <lafs/autograd/variable.hpp>

namespace lafs::inline LAFS_ABI {

/// Throws when the numbers of elements differ.
template <class T, class D>
Variable<T, D> reshape(const Variable<T, D>& x, const Shape& shape) {
    return record(x.value().reshape(shape), {x},
                  [x](const Tensor<T, D>& g) { accumulate(x, g.reshape(x.shape())); });
}

}  // namespace lafs::inline LAFS_ABI
