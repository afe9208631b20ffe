// Fused element-wise kernels on the GPU.
//
// map:           out = expression(inputs), one pass; a thread computes `width` neighbours (16 bytes) where
//                memory allows, single elements otherwise.
// map_gradients: the gradients of all inputs in one pass (map_gradients.cuh).
#pragma once

#include <lafs/backend/cuda/lanes.cuh>
#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/map.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

inline constexpr int map_threads = 256;

/// What a map kernel reads: the inputs of an expression over a loop whose last operand is the output.
template <class Node, class T, class S>
struct MapOperands {
    static constexpr int inputs = Node::inputs;
    const T* data[inputs > 0 ? inputs : 1];
    S scalars[Node::scalars > 0 ? Node::scalars : 1];
    Loop<inputs + 1> loop;
};

/// Of numbers that are not negative; the division of 32 bits is several times as fast as that of 64.
__device__ inline std::int64_t quotient(std::int64_t dividend, std::int64_t divisor) {
    if ((dividend | divisor) >> 32 == 0)
        return static_cast<std::uint32_t>(dividend) / static_cast<std::uint32_t>(divisor);
    return dividend / divisor;
}

/// Offsets of all operands at the start of a row of the loop.
template <int operands>
__device__ void row_offsets(const Loop<operands>& loop, std::int64_t row, std::int64_t (&to)[operands]) {
    unroll<operands>([&](auto i) { to[i] = 0; });
    for (int axis = loop.rank - 2; axis >= 0; --axis) {
        const std::int64_t next = axis > 0 ? quotient(row, loop.size[axis]) : 0,
                           index = row - next * loop.size[axis];
        unroll<operands>([&](auto i) { to[i] += index * loop.stride[i][axis]; });
        row = next;
    }
}

template <int width, class Node, class T, class S>
__global__ void map_kernel(MapOperands<Node, T, S> operands, T* out) {
    constexpr int inputs = Node::inputs;
    using C = compute_t<T>;
    const auto& loop = operands.loop;
    const std::int64_t units_in_row = loop.inner() / width, units = loop.rows() * units_in_row,
                       threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t unit = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; unit < units;
         unit += threads) {
        const std::int64_t row = loop.rank == 1 ? 0 : quotient(unit, units_in_row),
                           column = (unit - row * units_in_row) * width;
        std::int64_t offset[inputs + 1];
        row_offsets(loop, row, offset);
        C lanes[inputs > 0 ? inputs : 1][width], value[width];
        unroll<inputs>([&](auto i) {
            const std::int64_t stride = loop.inner_stride(i);
            load_lanes<width>(operands.data[i] + offset[i] + column * stride, stride, lanes[i]);
        });
        unroll<width>([&](auto lane) {
            C x[inputs > 0 ? inputs : 1];
            unroll<inputs>([&](auto i) { x[i] = lanes[i][lane]; });
            Sweep<Node, C> sweep;
            sweep.forward(x, operands.scalars);
            value[lane] = sweep.value;
        });
        store_lanes<width>(out + offset[inputs] + column * loop.inner_stride(inputs), value);
    }
}

/// Collects the operands of a map; `last` is its output, or the gradient of it.
template <class Node, class T, class S>
MapOperands<Node, T, S> map_operands(const Bound<Node, T, S>& bound, const View<const T>& last) {
    constexpr int inputs = Node::inputs;
    MapOperands<Node, T, S> operands;
    View<const T> views[inputs + 1];
    for (int i = 0; i < inputs; ++i) {
        views[i] = bound.inputs[i];
        operands.data[i] = bound.inputs[i].data;
    }
    views[inputs] = last;
    operands.loop = make_loop(last.shape, views);
    std::copy(std::begin(bound.scalars), std::end(bound.scalars), operands.scalars);
    return operands;
}

/// Whether blocks of `widest` elements can be moved: an operand that is walked is walked by ones, and every
/// block of it is aligned.
template <class T, int operands>
bool moves_blocks(const Loop<operands>& loop, const T* const (&data)[operands]) {
    constexpr std::int64_t width = widest<T>;
    if (loop.inner() % width != 0 || loop.inner_stride(operands - 1) != 1)
        return false;
    for (int i = 0; i < operands; ++i) {
        if (loop.inner_stride(i) == 0)
            continue;
        bool fits = loop.inner_stride(i) == 1 && is_aligned(data[i]);
        for (int axis = 0; axis + 1 < loop.rank; ++axis)
            fits = fits && loop.stride[i][axis] % width == 0;
        if (!fits)
            return false;
    }
    return true;
}

}  // namespace cuda

/// out = Node(inputs); `out` may be any strided view, inputs broadcast to its shape.
/// An input may be the output itself.
template <class Node, class T, class S>
void map(Cuda, Node, const View<T>& out, const Bound<Node, T, S>& bound) {
    constexpr int inputs = Node::inputs;
    const auto operands = cuda::map_operands(bound, View<const T>(out));
    const std::int64_t total = out.shape.size();
    if (total == 0)
        return;
    const T* data[inputs + 1];
    std::copy(operands.data, operands.data + inputs, data);
    data[inputs] = out.data;
    const auto run = [&](auto kernel, std::int64_t width) {
        cuda::launch(kernel, dim3(cuda::blocks_for(total / width, cuda::map_threads)),
                     dim3(cuda::map_threads), cuda::stream(), operands, out.data);
    };
    if (cuda::moves_blocks<T>(operands.loop, data))
        run(cuda::map_kernel<cuda::widest<T>, Node, T, S>, cuda::widest<T>);
    else
        run(cuda::map_kernel<1, Node, T, S>, 1);
}

}  // namespace lafs::inline LAFS_ABI
