// Sums over one axis on the GPU (contract: primitives/reduce.hpp), in an order that depends on shapes alone.
//
// A block owns some columns and a chunk of the summed axis: each thread adds every k-th element of its
// columns (16 bytes of them where memory is aligned) in order, then the threads of a column are added in a
// tree. Where columns are few, the axis is cut into chunks whose sums are added by a second launch. No
// atomics.
#pragma once

#include <bit>
#include <lafs/backend/cuda/lanes.cuh>
#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <lafs/primitives/reduce.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// Threads of a block of `sum_kernel`: columns x slices of the summed axis.
inline constexpr int sum_threads = 256;
/// Blocks that are enough to fill a large GPU.
inline constexpr std::int64_t enough_blocks = 1024;

/// The shape of a sum: x is (outer, n, inner), cut into `chunks` of `chunk` along n; the result is (outer,
/// chunks, inner).
struct SumShape {
    std::int64_t outer, n, inner, chunk, chunks;
};

/// out (+)= scale * sums of the chunks of x; a thread has `width` columns.
template <int width, class From, class To>
__global__ void sum_kernel(SumShape shape, const From* x, compute_t<To> scale, GradientTarget<To> out) {
    using C = compute_t<To>;
    __shared__ C memory[width * sum_threads];
    const int columns = static_cast<int>(blockDim.x), slices = static_cast<int>(blockDim.y);
    const int own = static_cast<int>(threadIdx.y) * columns + static_cast<int>(threadIdx.x);
    const std::int64_t of_block = static_cast<std::int64_t>(columns) * width,
                       tiles = (shape.inner + of_block - 1) / of_block, tile = blockIdx.x % tiles,
                       piece = blockIdx.x / tiles;  // outer index * chunks + chunk
    const std::int64_t outer = piece / shape.chunks, begin = piece % shape.chunks * shape.chunk,
                       end = begin + shape.chunk < shape.n ? begin + shape.chunk : shape.n;
    const std::int64_t column = tile * of_block + static_cast<std::int64_t>(threadIdx.x) * width;

    C* sums = memory + own;  // of lane i: sums[i * sum_threads]
    C sum[width] = {};
    if (column < shape.inner) {
        const From* from = x + outer * shape.n * shape.inner + column;
        for (std::int64_t k = begin + static_cast<std::int64_t>(threadIdx.y); k < end; k += slices) {
            compute_t<From> lanes[width];
            load_lanes<width>(from + k * shape.inner, 1, lanes);
            unroll<width>([&](auto i) { sum[i] += static_cast<C>(lanes[i]); });
        }
    }
    unroll<width>([&](auto i) { sums[i * sum_threads] = sum[i]; });
    for (int half = slices / 2; half > 0; half /= 2) {
        __syncthreads();
        if (static_cast<int>(threadIdx.y) < half)
            unroll<width>([&](auto i) { sums[i * sum_threads] += sums[i * sum_threads + half * columns]; });
    }
    if (threadIdx.y == 0 && column < shape.inner)
        unroll<width>([&](auto i) {
            To& to = out.data[piece * shape.inner + column + i];
            to =
                static_cast<To>(scale * sums[i * sum_threads] + (out.accumulate ? static_cast<C>(to) : C(0)));
        });
}

/// Threads that stand side by side in a block, `width` columns each.
inline std::int64_t sum_columns(std::int64_t inner, std::int64_t width) {
    const std::int64_t wanted = std::clamp<std::int64_t>((inner + width - 1) / width, 1, warp_threads);
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(wanted)));
}

/// Blocks along the columns.
inline std::int64_t sum_tiles(std::int64_t inner, std::int64_t width) {
    const std::int64_t of_block = sum_columns(inner, width) * width;
    return (inner + of_block - 1) / of_block;
}

/// One launch of `sum_kernel`.
template <int width, class From, class To>
void launch_sum(const SumShape& shape, const From* x, compute_t<To> scale, const GradientTarget<To>& out) {
    const std::int64_t columns = sum_columns(shape.inner, width),
                       blocks = shape.outer * shape.chunks * sum_tiles(shape.inner, width);
    require(blocks < (std::int64_t{1} << 31), "sum", "got ", blocks, " blocks of work, expected below 2^31");
    if (blocks > 0)
        launch(sum_kernel<width, From, To>, dim3(static_cast<unsigned>(blocks)),
               dim3(static_cast<unsigned>(columns), static_cast<unsigned>(sum_threads / columns)), stream(),
               shape, x, scale, out);
}

/// Chunks of the summed axis that fill the GPU, with enough elements for each thread.
inline std::int64_t sum_chunks(std::int64_t outer, std::int64_t n, std::int64_t inner, std::int64_t width) {
    constexpr std::int64_t rows_per_thread = 32;
    const std::int64_t tiles = std::max<std::int64_t>(1, outer * sum_tiles(inner, width)),
                       least = rows_per_thread * sum_threads / sum_columns(inner, width);
    return std::clamp<std::int64_t>(n / least, 1, std::max<std::int64_t>(1, enough_blocks / tiles));
}

/// out (+)= scale * sum over k of x[o, k, i], `width` columns for each thread, in one launch or two.
template <int width, class From, class To>
void sum_columns_of(std::int64_t outer, std::int64_t n, std::int64_t inner, const From* x,
                    compute_t<To> scale, const GradientTarget<To>& out) {
    using C = compute_t<To>;
    const std::int64_t wanted = sum_chunks(outer, n, inner, width),
                       chunk = std::max<std::int64_t>(1, (n + wanted - 1) / wanted),
                       chunks = std::max<std::int64_t>(1, (n + chunk - 1) / chunk);
    if (chunks == 1) {
        launch_sum<width>(SumShape{outer, n, inner, chunk, 1}, x, scale, out);
        return;
    }
    const auto partials = Tensor<C, Cuda>::empty({outer, chunks, inner});
    launch_sum<width>(SumShape{outer, n, inner, chunk, chunks}, x, C(1),
                      GradientTarget<C>{partials.data(), false});
    launch_sum<1>(SumShape{outer, chunks, inner, chunks, 1}, partials.data(), scale, out);
}

/// out (+)= scale * sum over k of x[o, k, i].
template <class From, class To>
void sum_axis(std::int64_t outer, std::int64_t n, std::int64_t inner, const From* x, compute_t<To> scale,
              const GradientTarget<To>& out) {
    constexpr int width = widest<From>;
    constexpr std::int64_t long_axis = 1 << 13;
    if (inner % width == 0 && is_aligned(x)) {
        sum_columns_of<width>(outer, n, inner, x, scale, out);
    } else if (inner == 1 && n % width == 0 && n >= long_axis && is_aligned(x)) {
        // Element k is in column k % width of (n / width, width); the sums of the columns are added last.
        using C = compute_t<To>;
        const auto partials = Tensor<C, Cuda>::empty({outer, width});
        sum_columns_of<width>(outer, n / width, width, x, C(1), GradientTarget<C>{partials.data(), false});
        launch_sum<1>(SumShape{outer, width, 1, width, 1}, partials.data(), scale, out);
    } else {
        sum_columns_of<1>(outer, n, inner, x, scale, out);
    }
}

}  // namespace cuda

template <class T>
void reduce_sum(Cuda, const AxisSizes& sizes, const T* x, compute_t<T> scale, T* out) {
    cuda::sum_axis(sizes.outer, sizes.n, sizes.inner, x, scale, GradientTarget<T>{out, false});
}

}  // namespace lafs::inline LAFS_ABI
