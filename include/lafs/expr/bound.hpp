// A fused expression bound to its data: what the primitive `map` of a backend takes.
#pragma once

#include <lafs/core/tensor.hpp>
#include <lafs/expr/node.hpp>

namespace lafs::inline LAFS_ABI {

/// Inputs and run-time numbers of an expression of type `Node`; elements of type T, numbers of type S.
template <class Node, class T, class S>
struct Bound {
    View<const T> inputs[Node::inputs > 0 ? Node::inputs : 1];
    S scalars[Node::scalars > 0 ? Node::scalars : 1];
};

}  // namespace lafs::inline LAFS_ABI
