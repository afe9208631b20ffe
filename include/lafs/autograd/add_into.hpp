// to += from: how gradients accumulate.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/expr/operations.hpp>

namespace lafs::inline LAFS_ABI {

/// to += from, element by element; for contiguous views of one shape.
template <class Device, class T>
void add_into(Device device, const View<T>& to, const View<T>& from) {
    using Node = Apply<Add, In<0>, In<1>>;
    map(device, Node{}, to, Bound<Node, T, compute_t<T>>{{to, from}, {}});
}

}  // namespace lafs::inline LAFS_ABI
