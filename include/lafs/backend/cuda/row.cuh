// Row programs (expr/row_programs.hpp) on the GPU: one block runs one row, or a chunk of rows, at a time.
//
// A thread owns every blockDim.x-th element of the row in every step of a program, so a program may read back
// what it stored. Sums over a row are shuffles within a warp, then the warps in order: the order depends on
// the row's length alone.
#pragma once

#include <bit>
#include <lafs/backend/cuda/reduce.cuh>
#include <lafs/expr/row_programs.hpp>
#include <limits>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// The executor of a row by the threads of a block. C is the compute type.
template <class C>
struct RowLanes {
    /// This thread's element of a row.
    struct At {
        std::int64_t position;

        template <class T>
        __device__ C operator()(const T* row) const {
            return static_cast<C>(row[position]);
        }
        template <class T>
        __device__ void store(T* row, C value) const {
            row[position] = static_cast<T>(value);
        }
        template <class T>
        __device__ void put(const GradientTarget<T>& row, C value) const {
            store(row.data, row.accumulate ? (*this)(static_cast<const T*>(row.data)) + value : value);
        }
    };

    __device__ C value(C number) const { return number; }

    template <class F>
    __device__ void once(const F& f) const {
        if (threadIdx.x == 0)
            f();
    }

    template <class F>
    __device__ void each(std::int64_t n, const F& f) const {
        for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x)
            f(At{i});
    }

    template <class F>
    __device__ C sum(std::int64_t n, const F& f) const {
        C total = 0;
        each(n, [&](At at) { total += f(at); });
        return across_block(total, [](C a, C b) { return a + b; });
    }

    template <class F>
    __device__ C max(std::int64_t n, const F& f) const {
        C largest = lowest;
        each(n, [&](At at) { largest = maximum(largest, f(at)); });
        return across_block(largest, [](C a, C b) { return maximum(a, b); });
    }

private:
    static constexpr C lowest = -std::numeric_limits<C>::infinity();

    /// One number of each warp; the same memory for every reduction of a program.
    static __device__ C* results_of_warps() {
        __shared__ C results[warp_threads];
        return results;
    }

    /// Combines one number of each thread; every thread gets the result.
    template <class F>
    __device__ C across_block(C own, const F& combine) const {
        for (int distance = warp_threads / 2; distance > 0; distance /= 2)
            own = combine(own, __shfl_xor_sync(0xFFFFFFFFu, own, distance));
        if (blockDim.x == warp_threads)
            return own;
        C* of_warp = results_of_warps();
        __syncthreads();  // everyone has read what the last reduction left
        if (threadIdx.x % warp_threads == 0)
            of_warp[threadIdx.x / warp_threads] = own;
        __syncthreads();
        C result = of_warp[0];
        for (unsigned warp = 1; warp < blockDim.x / warp_threads; ++warp)
            result = combine(result, of_warp[warp]);
        return result;
    }
};

/// Threads for a row of n elements: whole warps, about four elements a thread.
inline unsigned row_threads(std::int64_t n) {
    return static_cast<unsigned>(
        std::bit_ceil(static_cast<std::uint64_t>(std::clamp<std::int64_t>((n + 3) / 4, warp_threads, 512))));
}

template <class Program, class T>
__global__ void row_forward_kernel(std::int64_t rows, std::int64_t n, const T* x, T* y) {
    const RowLanes<compute_t<T>> lanes;
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
        Program::forward(lanes, n, x + row * n, y + row * n);
}

template <class Program, class T>
__global__ void row_backward_kernel(std::int64_t rows, std::int64_t n, const T* y, const T* g,
                                    GradientTarget<T> dx) {
    const RowLanes<compute_t<T>> lanes;
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
        Program::backward(lanes, n, y + row * n, g + row * n, row_of(dx, row * n));
}

template <class T>
__global__ void normalize_backward_kernel(std::int64_t rows, std::int64_t n, const T* x, const T* y,
                                          const T* g, GradientTarget<T> dx) {
    const RowLanes<compute_t<T>> lanes;
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
        NormalizeRow::backward(lanes, n, x + row * n, y + row * n, g + row * n, row_of(dx, row * n));
}

template <class T, class C>
__global__ void layer_norm_forward_kernel(std::int64_t rows, std::int64_t n, const T* x, const T* gain,
                                          const T* bias, C epsilon, T* y, C* mean, C* inverse_deviation) {
    const RowLanes<C> lanes;
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
        LayerNormRow::forward(lanes, n, x + row * n, gain, bias, epsilon, y + row * n, mean + row,
                              inverse_deviation + row);
}

/// Block b runs rows [b * per_block, (b + 1) * per_block) and adds to row b of the partial sums.
template <class T, class C>
__global__ void layer_norm_backward_kernel(std::int64_t rows, std::int64_t per_block, std::int64_t n,
                                           const T* x, const T* gain, const T* g, const C* mean,
                                           const C* inverse_deviation, GradientTarget<T> dx, C* gain_sums,
                                           C* bias_sums) {
    const RowLanes<C> lanes;
    const std::int64_t block = blockIdx.x, begin = block * per_block;
    const std::int64_t end = begin + per_block < rows ? begin + per_block : rows;
    for (std::int64_t row = begin; row < end; ++row)
        LayerNormRow::backward(lanes, n, x + row * n, gain, g + row * n, mean[row], inverse_deviation[row],
                               dx ? row_of(dx, row * n) : dx, gain_sums ? gain_sums + block * n : nullptr,
                               bias_sums ? bias_sums + block * n : nullptr);
}

/// Launches a kernel with one block a row.
template <class Kernel, class... Arguments>
void launch_rows(Kernel kernel, std::int64_t rows, std::int64_t n, const Arguments&... arguments) {
    if (rows > 0)
        launch(kernel, dim3(blocks_for(rows, 1)), dim3(row_threads(n)), stream(), rows, n, arguments...);
}

}  // namespace cuda

/// y = Program(x) over `rows` contiguous rows of n elements.
template <class Program, class T>
void row_forward(Cuda, Program, std::int64_t rows, std::int64_t n, const T* x, T* y) {
    cuda::launch_rows(cuda::row_forward_kernel<Program, T>, rows, n, x, y);
}

/// Gradient of x for programs whose backward needs y and g only (softmax, log-softmax).
template <class Program, class T>
void row_backward(Cuda, Program, std::int64_t rows, std::int64_t n, const T* y, const T* g,
                  const GradientTarget<T>& dx) {
    cuda::launch_rows(cuda::row_backward_kernel<Program, T>, rows, n, y, g, dx);
}

/// Gradient of x for NormalizeRow.
template <class T>
void normalize_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* y, const T* g,
                        const GradientTarget<T>& dx) {
    cuda::launch_rows(cuda::normalize_backward_kernel<T>, rows, n, x, y, g, dx);
}

/// Layer norm of `rows` rows; `mean` and `inverse_deviation` receive one number a row.
template <class T, class C>
void layer_norm_forward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* bias,
                        C epsilon, T* y, C* mean, C* inverse_deviation) {
    cuda::launch_rows(cuda::layer_norm_forward_kernel<T, C>, rows, n, x, gain, bias, epsilon, y, mean,
                      inverse_deviation);
}

/// Gradients of layer norm; those of gain and bias are summed by blocks of rows, then the blocks in order.
template <class T, class C>
void layer_norm_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* g,
                         const C* mean, const C* inverse_deviation, const GradientTarget<T>& dx,
                         const GradientTarget<T>& dgain, const GradientTarget<T>& dbias) {
    const std::int64_t per_block =
        std::max<std::int64_t>(1, (rows + cuda::enough_blocks - 1) / cuda::enough_blocks);
    const std::int64_t blocks = (rows + per_block - 1) / per_block;
    const auto gain_sums = Tensor<C, Cuda>::zeros({dgain ? blocks : 0, n}),
               bias_sums = Tensor<C, Cuda>::zeros({dbias ? blocks : 0, n});
    if (blocks > 0)
        cuda::launch(cuda::layer_norm_backward_kernel<T, C>, dim3(static_cast<unsigned>(blocks)),
                     dim3(cuda::row_threads(n)), cuda::stream(), rows, per_block, n, x, gain, g, mean,
                     inverse_deviation, dx, dgain ? gain_sums.data() : nullptr,
                     dbias ? bias_sums.data() : nullptr);
    if (dgain)
        cuda::sum_axis(1, blocks, n, static_cast<const C*>(gain_sums.data()), C(1), dgain);
    if (dbias)
        cuda::sum_axis(1, blocks, n, static_cast<const C*>(bias_sums.data()), C(1), dbias);
}

}  // namespace lafs::inline LAFS_ABI
