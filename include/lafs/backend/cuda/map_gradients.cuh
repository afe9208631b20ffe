// Gradients of a fused element-wise kernel on the GPU: all inputs in one pass, from the expression alone.
//
// A warp owns a chunk of rows and a tile of columns of the loop. It evaluates the expression again in
// registers and sweeps the adjoints back. The gradient of an input of the output's shape is written where it
// is computed. That of a broadcast input is summed in registers while the input's element stays the same,
// then added to the warp's own partial sums, which a second launch adds in order; where each element is
// summed by one warp alone it goes straight to its target. No atomics: the same input gives the same bits.
#pragma once

#include <lafs/backend/cuda/map.cuh>
#include <lafs/backend/cuda/reduce.cuh>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// How the gradient of an input is formed.
enum class GradientKind {
    unwanted,
    element,  ///< the input has the output's shape
    columns,  ///< rows share the input's elements: a thread sums its columns
    rows      ///< the columns of a row share one element: a warp sums them
};

/// Where the gradient of one input goes.
template <class T>
struct GradientPart {
    GradientKind kind = GradientKind::unwanted;
    GradientTarget<T> target;
    compute_t<T>* partials = nullptr;  ///< (slots, size), zero at first; null: sums go to the target
    std::int64_t size = 0;             ///< elements of the input
};

template <class T, int inputs>
struct GradientParts {
    GradientPart<T> part[inputs];
};

/// The warps' shares of the loop: warp w has chunk w / tiles of the rows and tile w % tiles of the columns.
struct GradientTiles {
    std::int64_t rows, columns;  ///< of one warp
    std::int64_t chunks, tiles;
};

/// What a thread has summed for one broadcast input, and the element it belongs to (-1: none yet).
template <class C, int width>
struct CarriedSum {
    C lane[width] = {};
    std::int64_t offset = -1;
};

/// Adds what a warp carries to its partial sums or to the target, and starts anew. All threads of the warp
/// call it together; `inside` says whether this thread's columns exist.
template <int width, class T>
__device__ void flush(const GradientPart<T>& part, std::int64_t slot, std::int64_t column, bool inside,
                      CarriedSum<compute_t<T>, width>& carried) {
    using C = compute_t<T>;
    if (part.kind == GradientKind::columns) {
        C* to = part.partials + slot * part.size + carried.offset + column;
        if (inside)
            unroll<width>([&](auto i) { to[i] += carried.lane[i]; });
    } else {
        C total = 0;
        unroll<width>([&](auto i) { total += carried.lane[i]; });
        total = across_warp(total, [](C a, C b) { return a + b; });
        const bool first = threadIdx.x % warp_threads == 0;
        if (first && part.partials) {
            part.partials[slot * part.size + carried.offset] += total;
        } else if (first) {
            T& to = part.target.data[carried.offset];
            to = static_cast<T>(total + (part.target.accumulate ? static_cast<C>(to) : C(0)));
        }
    }
    unroll<width>([&](auto i) { carried.lane[i] = 0; });
}

/// Gradients of the inputs at `width` neighbours, given the inputs and the adjoint of the output.
template <class Node, int width, int inputs, class C, class S>
__device__ void sweep_lanes(const C (&lanes)[inputs][width], const S* scalars, const C (&adjoint)[width],
                            C (&gradients)[inputs][width]) {
    unroll<width>([&](auto lane) {
        C x[inputs], dx[inputs];
        unroll<inputs>([&](auto i) {
            x[i] = lanes[i][lane];
            dx[i] = 0;
        });
        Sweep<Node, C> sweep;
        sweep.forward(x, scalars);
        sweep.backward(adjoint[lane], dx);
        unroll<inputs>([&](auto i) { gradients[i][lane] = dx[i]; });
    });
}

/// target (+)= gradient for `width` neighbours.
template <int width, class T>
__device__ void put_lanes(const GradientTarget<T>& target, std::int64_t offset,
                          compute_t<T> (&gradient)[width]) {
    if (target.accumulate) {
        compute_t<T> before[width];
        load_lanes<width>(target.data + offset, 1, before);
        unroll<width>([&](auto i) { gradient[i] += before[i]; });
    }
    store_lanes<width>(target.data + offset, gradient);
}

/// `sums`: some gradient is a sum; without, nothing is carried from row to row, which takes many registers.
template <bool sums, int width, class Node, class T, class S>
__global__ void map_gradients_kernel(MapOperands<Node, T, S> operands, const T* output_gradient,
                                     GradientTiles tiles, GradientParts<T, Node::inputs> parts) {
    constexpr int inputs = Node::inputs;
    using C = compute_t<T>;
    const auto& loop = operands.loop;
    const std::int64_t warp =
        (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / warp_threads;
    const std::int64_t chunk = warp / tiles.tiles, tile = warp % tiles.tiles;
    if (chunk >= tiles.chunks)  // the whole warp leaves
        return;
    const std::int64_t row_begin = chunk * tiles.rows, column_begin = tile * tiles.columns;
    const std::int64_t row_end = row_begin + tiles.rows < loop.rows() ? row_begin + tiles.rows : loop.rows();
    const std::int64_t column_end =
        column_begin + tiles.columns < loop.inner() ? column_begin + tiles.columns : loop.inner();
    const std::int64_t own = column_begin + threadIdx.x % warp_threads * width;
    const auto is_sum = [&](int i) { return parts.part[i].kind >= GradientKind::columns; };
    const auto slot = [&](int i) { return parts.part[i].kind == GradientKind::columns ? chunk : warp; };

    [[maybe_unused]] CarriedSum<C, width> carried[inputs];
    for (std::int64_t row = row_begin; row < row_end; ++row) {
        std::int64_t offset[inputs + 1];
        row_offsets(loop, row, offset);
        if constexpr (sums)
            unroll<inputs>([&](auto i) {
                if (is_sum(i) && carried[i].offset != offset[i]) {
                    if (carried[i].offset >= 0)
                        flush<width>(parts.part[i], slot(i), own, own < column_end, carried[i]);
                    carried[i].offset = offset[i];
                }
            });
        for (std::int64_t column = own; column < column_end; column += warp_threads * width) {
            C lanes[inputs][width], gradients[inputs][width], adjoint[width];
            unroll<inputs>([&](auto i) {
                const std::int64_t stride = loop.inner_stride(i);
                load_lanes<width>(operands.data[i] + offset[i] + column * stride, stride, lanes[i]);
            });
            const std::int64_t stride = loop.inner_stride(inputs);
            load_lanes<width>(output_gradient + offset[inputs] + column * stride, stride, adjoint);
            sweep_lanes<Node>(lanes, operands.scalars, adjoint, gradients);
            unroll<inputs>([&](auto i) {
                if (parts.part[i].kind == GradientKind::element)
                    put_lanes<width>(parts.part[i].target, offset[i] + column, gradients[i]);
                else if (sums && is_sum(i))
                    unroll<width>([&](auto lane) { carried[i].lane[lane] += gradients[i][lane]; });
            });
        }
    }
    if constexpr (sums)
        unroll<inputs>([&](auto i) {
            if (is_sum(i) && carried[i].offset >= 0)
                flush<width>(parts.part[i], slot(i), own, own < column_end, carried[i]);
        });
}

/// Cuts the loop into the warps' shares: enough to fill the GPU, few enough that the partial sums take at
/// most about the memory of the output. Decides by shapes alone.
template <class T, int inputs, int operands>
GradientTiles cut_loop(const Loop<operands>& loop, const GradientParts<T, inputs>& parts,
                       std::int64_t width) {
    constexpr std::int64_t enough_warps = 8 * enough_blocks;
    const std::int64_t rows = loop.rows(), inner = loop.inner(), total = rows * inner;
    const std::int64_t step = warp_threads * width;
    const bool by_columns = std::any_of(std::begin(parts.part), std::end(parts.part),
                                        [](const auto& part) { return part.kind == GradientKind::columns; });
    const std::int64_t steps_in_row = (inner + step - 1) / step,
                       steps = (total + enough_warps * step - 1) / (enough_warps * step);
    GradientTiles cut{};
    cut.columns = step * (by_columns ? 1 : std::min(steps, steps_in_row));
    cut.tiles = (inner + cut.columns - 1) / cut.columns;
    std::int64_t chunks = std::min(rows, std::max<std::int64_t>(1, enough_warps / cut.tiles));
    for (const GradientPart<T>& part : parts.part) {
        if (part.kind < GradientKind::columns)
            continue;
        const std::int64_t a_chunk = part.size * (part.kind == GradientKind::rows ? cut.tiles : 1);
        chunks = std::clamp<std::int64_t>(std::max<std::int64_t>(total, 1 << 16) / a_chunk, 1, chunks);
    }
    cut.rows = (rows + chunks - 1) / chunks;
    cut.chunks = (rows + cut.rows - 1) / cut.rows;
    return cut;
}

/// Whether each element of an input is summed by one warp alone: no two rows share it, no row is cut.
template <int operands>
bool has_one_writer(const Loop<operands>& loop, int input, const GradientTiles& cut) {
    bool distinct = cut.tiles == 1;
    for (int axis = 0; axis + 1 < loop.rank; ++axis)
        distinct = distinct && loop.stride[input][axis] != 0;
    return distinct;
}

/// The kinds of all gradients, before it is known where sums are kept.
template <class Node, class T, class S>
GradientParts<T, Node::inputs> gradient_parts(const MapOperands<Node, T, S>& operands,
                                              const Bound<Node, T, S>& bound, std::int64_t total,
                                              const GradientTarget<T> (&targets)[Node::inputs]) {
    GradientParts<T, Node::inputs> parts;
    for (int i = 0; i < Node::inputs; ++i) {
        GradientPart<T>& part = parts.part[i];
        part.target = targets[i];
        part.size = bound.inputs[i].shape.size();
        if (!targets[i])
            part.kind = GradientKind::unwanted;
        else if (part.size == total)
            part.kind = GradientKind::element;
        else
            part.kind = operands.loop.inner_stride(i) == 0 ? GradientKind::rows : GradientKind::columns;
    }
    return parts;
}

}  // namespace cuda

/// Gradients of all inputs of a map, given the gradient of its (contiguous) output. The inputs and the
/// targets are contiguous in the inputs' own shapes. Two targets may be the same memory (a tensor that is an
/// operand twice) if the second accumulates.
template <class Node, class T, class S>
void map_gradients(Cuda, Node, const View<const T>& gradient, const Bound<Node, T, S>& bound,
                   const GradientTarget<T> (&targets)[Node::inputs]) {
    constexpr int inputs = Node::inputs;
    using C = compute_t<T>;
    const std::int64_t total = gradient.shape.size();
    if (total == 0) {
        for (int i = 0; i < inputs; ++i)
            if (targets[i] && !targets[i].accumulate)
                DeviceMemory<Cuda>::zero(targets[i].data,
                                         static_cast<std::size_t>(bound.inputs[i].shape.size()) * sizeof(T));
        return;
    }
    const auto operands = cuda::map_operands(bound, gradient);
    auto parts = cuda::gradient_parts(operands, bound, total, targets);

    const T* data[inputs + 1];
    std::copy(operands.data, operands.data + inputs, data);
    data[inputs] = gradient.data;
    bool wide = cuda::moves_blocks<T>(operands.loop, data);
    bool sums = false;
    for (const auto& part : parts.part) {
        sums = sums || part.kind >= cuda::GradientKind::columns;
        wide = wide && (part.kind != cuda::GradientKind::element || cuda::is_aligned(part.target.data));
    }
    const cuda::GradientTiles cut = cuda::cut_loop(operands.loop, parts, wide ? cuda::widest<T> : 1);

    Tensor<C, Cuda> partials[inputs];  // (slots, size)
    for (int i = 0; i < inputs; ++i) {
        cuda::GradientPart<T>& part = parts.part[i];
        const bool by_row = part.kind == cuda::GradientKind::rows;
        if (part.kind < cuda::GradientKind::columns ||
            (by_row && cuda::has_one_writer(operands.loop, i, cut)))
            continue;
        partials[i] = Tensor<C, Cuda>::zeros({cut.chunks * (by_row ? cut.tiles : 1), part.size});
        part.partials = partials[i].data();
    }
    const std::int64_t warps_in_block = cuda::map_threads / cuda::warp_threads,
                       blocks = (cut.chunks * cut.tiles + warps_in_block - 1) / warps_in_block;
    const auto run = [&](auto kernel) {
        cuda::launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(cuda::map_threads), cuda::stream(),
                     operands, gradient.data, cut, parts);
    };
    const auto choose = [&](auto width) {
        constexpr int lanes = decltype(width)::value;
        if (sums)
            run(cuda::map_gradients_kernel<true, lanes, Node, T, S>);
        else
            run(cuda::map_gradients_kernel<false, lanes, Node, T, S>);
    };
    if (wide)
        choose(Index<cuda::widest<T>>{});
    else
        choose(Index<1>{});
    for (int i = 0; i < inputs; ++i)
        if (partials[i].defined())
            cuda::sum_axis(1, partials[i].shape(0), partials[i].shape(1), partials[i].data(), C(1),
                           targets[i]);
}

}  // namespace lafs::inline LAFS_ABI
