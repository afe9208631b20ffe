// Row programs (primitives/row.hpp) on the GPU: a warp runs a row, or a block where rows are long.
//
// A thread owns every k-th group of neighbours (16 bytes where memory is aligned) of the row in every step of
// a program, so a program may read back what it stored. Sums over a row are shuffles within a warp, then the
// warps in order: the order depends on the row's length and alignment alone.
//
// The x axis of a block is the threads of a row; its y axis, rows that run side by side.
#pragma once

#include <bit>
#include <initializer_list>
#include <lafs/backend/cuda/reduce.cuh>
#include <lafs/primitives/row.hpp>
#include <limits>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// What a thread sees of a row at a time: `width` neighbours in the compute type.
template <class C, int width>
struct Neighbours {
    C lane[width];

    /// f(i) in each lane.
    template <class F>
    static __device__ Neighbours of(const F& f) {
        Neighbours result;
        unroll<width>([&](auto i) { result.lane[i] = f(i); });
        return result;
    }

    using N = Neighbours;
    // clang-format off
    friend __device__ N operator+(const N& a, const N& b) { return of([&](auto i) { return a.lane[i] + b.lane[i]; }); }
    friend __device__ N operator-(const N& a, const N& b) { return of([&](auto i) { return a.lane[i] - b.lane[i]; }); }
    friend __device__ N operator*(const N& a, const N& b) { return of([&](auto i) { return a.lane[i] * b.lane[i]; }); }
    friend __device__ N operator/(const N& a, const N& b) { return of([&](auto i) { return a.lane[i] / b.lane[i]; }); }

    friend __device__ N abs(const N& a) { return of([&](auto i) { return lafs::abs(a.lane[i]); }); }
    friend __device__ N acos(const N& a) { return of([&](auto i) { return lafs::acos(a.lane[i]); }); }
    friend __device__ N erf(const N& a) { return of([&](auto i) { return lafs::erf(a.lane[i]); }); }
    friend __device__ N exp(const N& a) { return of([&](auto i) { return lafs::exp(a.lane[i]); }); }
    friend __device__ N log(const N& a) { return of([&](auto i) { return lafs::log(a.lane[i]); }); }
    friend __device__ N sin(const N& a) { return of([&](auto i) { return lafs::sin(a.lane[i]); }); }
    friend __device__ N cos(const N& a) { return of([&](auto i) { return lafs::cos(a.lane[i]); }); }
    friend __device__ N pow(const N& a, const N& b) { return of([&](auto i) { return lafs::pow(a.lane[i], b.lane[i]); }); }
    friend __device__ N sqrt(const N& a) { return of([&](auto i) { return lafs::sqrt(a.lane[i]); }); }
    friend __device__ N tanh(const N& a) { return of([&](auto i) { return lafs::tanh(a.lane[i]); }); }
    friend __device__ N minimum(const N& a, const N& b) { return of([&](auto i) { return lafs::minimum(a.lane[i], b.lane[i]); }); }
    friend __device__ N maximum(const N& a, const N& b) { return of([&](auto i) { return lafs::maximum(a.lane[i], b.lane[i]); }); }
    friend __device__ N is_less(const N& a, const N& b) { return of([&](auto i) { return lafs::is_less(a.lane[i], b.lane[i]); }); }
    friend __device__ N is_less_equal(const N& a, const N& b) { return of([&](auto i) { return lafs::is_less_equal(a.lane[i], b.lane[i]); }); }
    friend __device__ N is_equal(const N& a, const N& b) { return of([&](auto i) { return lafs::is_equal(a.lane[i], b.lane[i]); }); }
    friend __device__ N select(const N& condition, const N& a, const N& b) {
        return of([&](auto i) { return lafs::select(condition.lane[i], a.lane[i], b.lane[i]); });
    }
    // clang-format on
};

/// The executor of a row by the threads of a block that share threadIdx.y. C is the compute type.
template <class C, int width>
struct RowLanes {
    using V = Neighbours<C, width>;

    /// This thread's elements of a row.
    struct At {
        std::int64_t position;

        template <class T>
        __device__ V operator()(const T* row) const {
            V result;
            load_lanes<width>(row + position, 1, result.lane);
            return result;
        }
        template <class T>
        __device__ void store(T* row, const V& value) const {
            store_lanes<width>(row + position, value.lane);
        }
        template <class T>
        __device__ void put(const GradientTarget<T>& row, const V& value) const {
            store(row.data, row.accumulate ? (*this)(row.data) + value : value);
        }
        __device__ V is(std::int64_t index) const {
            return V::of([&](auto i) { return index == position + i ? C(1) : C(0); });
        }
    };

    __device__ V value(C number) const {
        return V::of([&](auto) { return number; });
    }

    template <class F>
    __device__ void once(const F& f) const {
        if (threadIdx.x == 0)
            f();
    }

    __device__ void meet() const {
        if (blockDim.x == warp_threads)  // rows side by side may be of different number
            __syncwarp();
        else
            __syncthreads();
    }

    template <class F>
    __device__ void each(std::int64_t n, const F& f) const {
        for (std::int64_t i = threadIdx.x * width; i < n; i += blockDim.x * width)
            f(At{i});
    }

    template <class F>
    __device__ C sum(std::int64_t n, const F& f) const {
        V totals = value(0);
        each(n, [&](At at) { totals = totals + f(at); });
        return across_row(totals, [](C a, C b) { return a + b; });
    }

    template <class F>
    __device__ C max(std::int64_t n, const F& f) const {
        V largest = value(lowest);
        each(n, [&](At at) { largest = maximum(largest, f(at)); });
        return across_row(largest, [](C a, C b) { return maximum(a, b); });
    }

private:
    static constexpr C lowest = -std::numeric_limits<C>::infinity();

    /// One number of each warp; the same memory for every reduction of a program.
    static __device__ C* results_of_warps() {
        __shared__ C results[warp_threads];
        return results;
    }

    /// Combines the numbers of all threads of the row; each gets the result.
    template <class F>
    __device__ C across_row(const V& values, const F& combine) const {
        C own = values.lane[0];
        unroll<width - 1>([&](auto i) { own = combine(own, values.lane[i + 1]); });
        own = across_warp(own, combine);
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

/// Threads of a block for rows of n elements, `width` at a time: a warp for each of at most `side_by_side`
/// short rows, or some warps for one row, with about four steps for each thread.
inline dim3 row_block(std::int64_t n, std::int64_t width, std::int64_t side_by_side = 4) {
    const auto steps = static_cast<std::uint64_t>((n + width - 1) / width);
    if (steps <= 8 * warp_threads)
        return dim3(warp_threads, static_cast<unsigned>(side_by_side));
    return dim3(
        static_cast<unsigned>(std::bit_ceil(std::clamp<std::uint64_t>(steps / 4, 2 * warp_threads, 512))));
}

/// Runs body(row) for each row that the threads of this thread's row of the block are given.
template <class Body>
__device__ void each_row(std::int64_t rows, const Body& body) {
    const std::int64_t side_by_side = blockDim.y;
    for (std::int64_t row = blockIdx.x * side_by_side + threadIdx.y; row < rows;
         row += gridDim.x * side_by_side)
        body(row);
}

template <int width, class Program, class T>
__global__ void row_forward_kernel(std::int64_t rows, std::int64_t n, const T* x, T* y) {
    const RowLanes<compute_t<T>, width> lanes;
    each_row(rows, [&](std::int64_t row) { Program::forward(lanes, n, x + row * n, y + row * n); });
}

template <int width, class Program, class T>
__global__ void row_backward_kernel(std::int64_t rows, std::int64_t n, const T* y, const T* g,
                                    GradientTarget<T> dx) {
    const RowLanes<compute_t<T>, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        Program::backward(lanes, n, y + row * n, g + row * n, row_of(dx, row * n));
    });
}

template <int width, class T>
__global__ void normalize_backward_kernel(std::int64_t rows, std::int64_t n, const T* x, const T* y,
                                          const T* g, GradientTarget<T> dx) {
    const RowLanes<compute_t<T>, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        NormalizeRow::backward(lanes, n, x + row * n, y + row * n, g + row * n, row_of(dx, row * n));
    });
}

template <int width, class T, class C>
__global__ void layer_norm_forward_kernel(std::int64_t rows, std::int64_t n, const T* x, const T* gain,
                                          const T* bias, C epsilon, T* y, C* mean, C* inverse_deviation) {
    const RowLanes<C, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        LayerNormRow::forward(lanes, n, x + row * n, gain, bias, epsilon, y + row * n, mean + row,
                              inverse_deviation + row);
    });
}

/// Elements of the sums of gain and bias that a block keeps in its own memory: 24 KiB.
template <class C>
inline constexpr int sums_of_block = (24 << 10) / static_cast<int>(sizeof(C));

/// Rows of a block side by side for the backward pass of layer norm: as many as have their sums in the
/// block's memory, or one whose sums do not fit there.
template <class C>
std::int64_t layer_norm_side_by_side(std::int64_t n) {
    return std::clamp<std::int64_t>(sums_of_block<C> / (2 * std::max<std::int64_t>(1, n)), 1, 4);
}

/// Each of the `blockDim.y` parts of block b runs `per_part` rows; their sums, part after part, become row b
/// of `gain_sums` and `bias_sums`. Where they do not fit in the block's memory, there is one part.
template <int width, class T, class C>
__global__ void layer_norm_backward_kernel(std::int64_t rows, std::int64_t per_part, std::int64_t n,
                                           const T* x, const T* gain, const T* g, const C* mean,
                                           const C* inverse_deviation, GradientTarget<T> dx, C* gain_sums,
                                           C* bias_sums) {
    alignas(32) __shared__ C sums[sums_of_block<C>];  // (parts, gain and bias, n)
    const RowLanes<C, width> lanes;
    const bool fits = 2 * n <= sums_of_block<C>;
    gain_sums = gain_sums ? gain_sums + blockIdx.x * n : nullptr;
    bias_sums = bias_sums ? bias_sums + blockIdx.x * n : nullptr;
    C* own_gain = fits && gain_sums ? sums + threadIdx.y * 2 * n : gain_sums;
    C* own_bias = fits && bias_sums ? sums + (threadIdx.y * 2 + 1) * n : bias_sums;
    lanes.each(n, [&](auto at) {
        if (own_gain)
            at.store(own_gain, lanes.value(0));
        if (own_bias)
            at.store(own_bias, lanes.value(0));
    });
    const std::int64_t begin = (static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y) * per_part;
    const std::int64_t end = begin + per_part < rows ? begin + per_part : rows;
    for (std::int64_t row = begin; row < end; ++row)
        LayerNormRow::backward(lanes, n, x + row * n, gain, g + row * n, mean[row], inverse_deviation[row],
                               row_of(dx, row * n), own_gain, own_bias);
    if (!fits)
        return;
    __syncthreads();
    const auto threads = static_cast<std::int64_t>(blockDim.x) * blockDim.y;
    for (std::int64_t i = static_cast<std::int64_t>(threadIdx.y) * blockDim.x + threadIdx.x; i < 2 * n;
         i += threads) {
        C* to = i < n ? gain_sums : bias_sums;
        if (!to)
            continue;
        C total = sums[i];
        for (unsigned part = 1; part < blockDim.y; ++part)
            total += sums[part * 2 * n + i];
        to[i < n ? i : i - n] = total;
    }
}

/// Runs body(width) with the number of elements that a thread moves at a time: 16 bytes of them where rows of
/// n elements of all these tensors of T allow it, else one.
template <class T, class Body>
void with_row_width(std::int64_t n, std::initializer_list<const void*> tensors, const Body& body) {
    if (n % widest<T> == 0 && std::all_of(tensors.begin(), tensors.end(), is_aligned))
        body(Index<widest<T>>{});
    else
        body(Index<1>{});
}

/// Launches a kernel over all rows.
template <class Kernel, class... Arguments>
void launch_rows(int width, Kernel kernel, std::int64_t rows, std::int64_t n, const Arguments&... arguments) {
    if (rows == 0)
        return;
    const dim3 block = row_block(n, width);
    launch(kernel, dim3(blocks_for(rows, block.y)), block, stream(), rows, n, arguments...);
}

/// The same with a warp for each row, whatever its length.
template <class Kernel, class... Arguments>
void launch_warps(Kernel kernel, std::int64_t rows, std::int64_t n, const Arguments&... arguments) {
    constexpr unsigned side_by_side = 4;
    if (rows > 0)
        launch(kernel, dim3(blocks_for(rows, side_by_side)), dim3(warp_threads, side_by_side), stream(), rows,
               n, arguments...);
}

}  // namespace cuda

/// y = Program(x) over `rows` contiguous rows of n elements.
template <class Program, class T>
void row_forward(Cuda, Program, std::int64_t rows, std::int64_t n, const T* x, T* y) {
    cuda::with_row_width<T>(n, {x, y}, [&](auto width) {
        cuda::launch_rows(width, cuda::row_forward_kernel<decltype(width)::value, Program, T>, rows, n, x, y);
    });
}

/// Gradient of x for programs whose backward needs y and g only (softmax, log-softmax).
template <class Program, class T>
void row_backward(Cuda, Program, std::int64_t rows, std::int64_t n, const T* y, const T* g,
                  const GradientTarget<T>& dx) {
    cuda::with_row_width<T>(n, {y, g, dx.data}, [&](auto width) {
        cuda::launch_rows(width, cuda::row_backward_kernel<decltype(width)::value, Program, T>, rows, n, y, g,
                          dx);
    });
}

/// Gradient of x for NormalizeRow.
template <class T>
void normalize_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* y, const T* g,
                        const GradientTarget<T>& dx) {
    cuda::with_row_width<T>(n, {x, y, g, dx.data}, [&](auto width) {
        cuda::launch_rows(width, cuda::normalize_backward_kernel<decltype(width)::value, T>, rows, n, x, y, g,
                          dx);
    });
}

/// Layer norm of `rows` rows; `mean` and `inverse_deviation` receive one number a row.
template <class T, class C>
void layer_norm_forward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* bias,
                        C epsilon, T* y, C* mean, C* inverse_deviation) {
    cuda::with_row_width<T>(n, {x, gain, bias, y}, [&](auto width) {
        cuda::launch_rows(width, cuda::layer_norm_forward_kernel<decltype(width)::value, T, C>, rows, n, x,
                          gain, bias, epsilon, y, mean, inverse_deviation);
    });
}

/// Gradients of layer norm; those of gain and bias are summed by parts of the rows, then the parts in order.
template <class T, class C>
void layer_norm_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* g,
                         const C* mean, const C* inverse_deviation, const GradientTarget<T>& dx,
                         const GradientTarget<T>& dgain, const GradientTarget<T>& dbias) {
    const std::int64_t side_by_side = cuda::layer_norm_side_by_side<C>(n);
    cuda::with_row_width<T>(n, {x, gain, g, dx.data}, [&](auto width) {
        const dim3 block = cuda::row_block(n, width, side_by_side);
        const std::int64_t parts = block.y * cuda::enough_blocks,
                           per_part = std::max<std::int64_t>(1, (rows + parts - 1) / parts),
                           blocks = (rows + per_part * block.y - 1) / (per_part * block.y);
        const auto gain_sums = Tensor<C, Cuda>::empty({dgain ? blocks : 0, n}),
                   bias_sums = Tensor<C, Cuda>::empty({dbias ? blocks : 0, n});
        if (blocks > 0)
            cuda::launch(cuda::layer_norm_backward_kernel<decltype(width)::value, T, C>,
                         dim3(static_cast<unsigned>(blocks)), block, cuda::stream(), rows, per_part, n, x,
                         gain, g, mean, inverse_deviation, dx, dgain ? gain_sums.data() : nullptr,
                         dbias ? bias_sums.data() : nullptr);
        if (dgain)
            cuda::sum_axis(1, blocks, n, gain_sums.data(), C(1), dgain);
        if (dbias)
            cuda::sum_axis(1, blocks, n, bias_sums.data(), C(1), dbias);
    });
}

}  // namespace lafs::inline LAFS_ABI
