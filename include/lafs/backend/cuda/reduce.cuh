// Sums over one axis on the GPU, in an order that depends on shapes alone.
//
// A block owns some columns and a chunk of the summed axis: each thread adds every k-th element in order,
// then the threads of a column are added in a tree. Where columns are few, the axis is cut into chunks whose
// sums are added by a second launch. No atomics.
#pragma once

#include <bit>
#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/expr/bound.hpp>

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

/// out (+)= scale * sums of the chunks of x.
template <class From, class To>
__global__ void sum_kernel(SumShape shape, const From* x, compute_t<To> scale, GradientTarget<To> out) {
    using C = compute_t<To>;
    __shared__ C sums[sum_threads];
    const int columns = static_cast<int>(blockDim.x), slices = static_cast<int>(blockDim.y);
    const int own = static_cast<int>(threadIdx.y) * columns + static_cast<int>(threadIdx.x);
    const std::int64_t tiles = (shape.inner + columns - 1) / columns, tile = blockIdx.x % tiles,
                       piece = blockIdx.x / tiles;  // outer index * chunks + chunk
    const std::int64_t outer = piece / shape.chunks, begin = piece % shape.chunks * shape.chunk,
                       end = begin + shape.chunk < shape.n ? begin + shape.chunk : shape.n;
    const std::int64_t column = tile * columns + static_cast<std::int64_t>(threadIdx.x);

    C sum = 0;
    if (column < shape.inner)
        for (std::int64_t k = begin + static_cast<std::int64_t>(threadIdx.y); k < end; k += slices)
            sum += static_cast<C>(x[(outer * shape.n + k) * shape.inner + column]);
    sums[own] = sum;
    for (int half = slices / 2; half > 0; half /= 2) {
        __syncthreads();
        if (static_cast<int>(threadIdx.y) < half)
            sums[own] += sums[own + half * columns];
    }
    if (threadIdx.y == 0 && column < shape.inner) {
        To& to = out.data[piece * shape.inner + column];
        to = static_cast<To>(scale * sums[own] + (out.accumulate ? static_cast<C>(to) : C(0)));
    }
}

/// One launch of `sum_kernel`.
template <class From, class To>
void launch_sum(const SumShape& shape, const From* x, compute_t<To> scale, const GradientTarget<To>& out) {
    const auto columns = static_cast<unsigned>(
        std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>(shape.inner, 1, warp_threads))));
    const std::int64_t blocks = shape.outer * shape.chunks * ((shape.inner + columns - 1) / columns);
    require(blocks < (std::int64_t{1} << 31), "sum", "got ", blocks, " blocks of work, expected below 2^31");
    if (blocks > 0)
        launch(sum_kernel<From, To>, dim3(static_cast<unsigned>(blocks)),
               dim3(columns, sum_threads / columns), stream(), shape, x, scale, out);
}

/// out (+)= scale * sum over k of x[o, k, i], in one launch or two.
template <class From, class To>
void sum_axis(std::int64_t outer, std::int64_t n, std::int64_t inner, const From* x, compute_t<To> scale,
              const GradientTarget<To>& out) {
    using C = compute_t<To>;
    constexpr std::int64_t rows_per_thread = 32;
    const std::int64_t columns = std::min<std::int64_t>(inner, warp_threads),
                       tiles = std::max<std::int64_t>(1, outer * ((inner + warp_threads - 1) / warp_threads)),
                       least = rows_per_thread * sum_threads / std::max<std::int64_t>(1, columns);
    const std::int64_t wanted =
        std::clamp<std::int64_t>(n / least, 1, std::max<std::int64_t>(1, enough_blocks / tiles));
    const std::int64_t chunk = std::max<std::int64_t>(1, (n + wanted - 1) / wanted),
                       chunks = std::max<std::int64_t>(1, (n + chunk - 1) / chunk);
    if (chunks == 1) {
        launch_sum(SumShape{outer, n, inner, chunk, 1}, x, scale, out);
        return;
    }
    const auto partials = Tensor<C, Cuda>::empty({outer, chunks, inner});
    launch_sum(SumShape{outer, n, inner, chunk, chunks}, x, C(1), GradientTarget<C>{partials.data(), false});
    launch_sum(SumShape{outer, chunks, inner, chunks, 1}, static_cast<const C*>(partials.data()), scale, out);
}

}  // namespace cuda

/// out[o, i] = scale * sum over k of x[o, k, i], for x of shape (outer, n, inner), contiguous.
template <class T>
void reduce_sum(Cuda, std::int64_t outer, std::int64_t n, std::int64_t inner, const T* x, compute_t<T> scale,
                T* out) {
    cuda::sum_axis(outer, n, inner, x, scale, GradientTarget<T>{out, false});
}

}  // namespace lafs::inline LAFS_ABI
