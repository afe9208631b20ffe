// The loop of an element-wise kernel: axes of all operands merged where memory allows.
//
// Axes that every operand walks contiguously, or repeats, are merged, so that equal shapes become one long
// row, a bias becomes rows x columns, and a channel gain (batch x channel) x pixels.
#pragma once

#include <lafs/core/tensor.hpp>

namespace lafs::inline LAFS_ABI {

/// Sizes of the merged axes, innermost last, and the strides of `operands` operands over them.
template <int operands>
struct Loop {
    int rank = 1;
    std::int64_t size[max_rank] = {1};
    std::int64_t stride[operands][max_rank] = {};

    /// Length of the innermost axis.
    LAFS_HOST_DEVICE std::int64_t inner() const { return size[rank - 1]; }
    /// Number of innermost rows.
    LAFS_HOST_DEVICE std::int64_t rows() const {
        std::int64_t product = 1;
        for (int axis = 0; axis + 1 < rank; ++axis)
            product *= size[axis];
        return product;
    }
    /// Offset of an operand at the start of a row.
    LAFS_HOST_DEVICE std::int64_t offset(int operand, std::int64_t row) const {
        std::int64_t result = 0;
        for (int axis = rank - 2; axis >= 0; --axis) {
            result += row % size[axis] * stride[operand][axis];
            row /= size[axis];
        }
        return result;
    }
    LAFS_HOST_DEVICE std::int64_t inner_stride(int operand) const { return stride[operand][rank - 1]; }
};

namespace detail {
/// Strides of a view broadcast to `shape`: 0 along axes it lacks or has once.
template <class T>
void broadcast_strides(const View<T>& view, const Shape& shape, std::int64_t* strides) {
    const int lacking = shape.rank() - view.shape.rank();
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const int own = axis - lacking;
        strides[axis] = own < 0 || view.shape[own] == 1 ? 0 : view.stride[own];
    }
}
}  // namespace detail

/// Builds the loop over `shape` for views that broadcast to it.
template <int operands, class T>
Loop<operands> make_loop(const Shape& shape, const View<const T> (&views)[operands]) {
    std::int64_t strides[operands][max_rank];
    for (int i = 0; i < operands; ++i)
        detail::broadcast_strides(views[i], shape, strides[i]);

    Loop<operands> loop;
    loop.rank = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] == 1)
            continue;
        bool merges = loop.rank > 0;
        for (int i = 0; merges && i < operands; ++i)
            merges = loop.stride[i][loop.rank - 1] == strides[i][axis] * shape[axis];
        const int into = merges ? loop.rank - 1 : loop.rank++;
        loop.size[into] = (merges ? loop.size[into] : 1) * shape[axis];
        for (int i = 0; i < operands; ++i)
            loop.stride[i][into] = strides[i][axis];
    }
    if (loop.rank == 0) {
        loop.rank = 1;
        loop.size[0] = 1;
    }
    return loop;
}

}  // namespace lafs::inline LAFS_ABI
