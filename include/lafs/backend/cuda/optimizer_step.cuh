// Steps over many tensors and their norms on the GPU. The contract and the formulas are in
// primitives/optimizer_step.hpp.
//
// The lists of tensors are kernels' arguments, as many tensors in a launch as fit: nothing is copied and
// nothing waits. A block of threads owns one chunk of one tensor. Sums of squares are added in double: by
// each thread, in a tree over the block, then the blocks of a tensor in order of their numbers, in a tree
// over a warp, and last the tensors. No atomics: the order depends on the sizes alone.
#pragma once

#include <algorithm>
#include <lafs/backend/cuda/lanes.cuh>
#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/optimizer_step.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

namespace cuda {

inline constexpr int step_threads = 256;
/// Elements of a block.
inline constexpr std::int64_t step_chunk = 1 << 12, squares_chunk = 1 << 14;
/// Bytes of a batch: a kernel's parameters may take 4 KiB.
inline constexpr std::size_t batch_bytes = 3840;

/// Tensors of one launch; blocks [first[i], first[i + 1]) belong to the i-th.
template <class Item>
struct Batch {
    static constexpr int capacity =
        static_cast<int>((batch_bytes - 2 * sizeof(std::int64_t)) / (sizeof(Item) + sizeof(unsigned)));
    Item items[capacity];
    unsigned first[capacity + 1];
    int count;

    /// Which of them the calling block belongs to.
    __device__ int own_item() const {
        int item = 0, end = count;
        while (end - item > 1) {
            const int middle = (item + end) / 2;
            (first[middle] <= blockIdx.x ? item : end) = middle;
        }
        return item;
    }
};

/// Calls launch(batch, blocks) for batches of all items that are not empty, in order.
template <class Item, class Launch>
void for_each_batch(std::span<const Item> items, std::int64_t chunk, const Launch& launch) {
    Batch<Item> batch;
    std::int64_t blocks = 0;
    batch.count = 0;
    const auto flush = [&] {
        if (batch.count == 0)
            return;
        require(blocks < (std::int64_t{1} << 31), "optimizer step", "got ", blocks,
                " blocks of work, expected below 2^31");
        batch.first[batch.count] = static_cast<unsigned>(blocks);
        launch(batch, static_cast<unsigned>(blocks));
        batch.count = 0;
        blocks = 0;
    };
    for (const Item& item : items) {
        if (item.size == 0)
            continue;
        batch.items[batch.count] = item;
        batch.first[batch.count++] = static_cast<unsigned>(blocks);
        blocks += chunks_of(item.size, chunk);
        if (batch.count == Batch<Item>::capacity)
            flush();
    }
    flush();
}

/// Whether these pointers can be read 16 bytes at a time; null can.
template <class... P>
__device__ bool all_aligned(const P*... memory) {
    return ((reinterpret_cast<std::uintptr_t>(memory) | ...) & 15) == 0;
}

/// `width` neighbours of a tensor: parameter, gradient and states are read and written once.
template <int width, class Update, class Step>
__device__ void update_lanes(const Update& update, const Step& step, std::int64_t at) {
    using C = typename Step::C;
    constexpr int n = Update::states;
    constexpr bool is_wide = std::is_same_v<std::remove_pointer_t<decltype(step.parameter)>, C>;
    C p[width], g[width], states[n > 0 ? n : 1][width];
    if (!is_wide && step.master)
        load_lanes<width>(step.master + at, 1, p);
    else
        load_lanes<width>(step.parameter + at, 1, p);
    load_lanes<width>(step.gradient + at, 1, g);
    unroll<n>([&](auto i) { load_lanes<width>(step.states[i] + at, 1, states[i]); });
    unroll<width>([&](auto lane) {
        C state[n > 0 ? n : 1];
        unroll<n>([&](auto i) { state[i] = states[i][lane]; });
        update(p[lane], g[lane], state);
        unroll<n>([&](auto i) { states[i][lane] = state[i]; });
    });
    if (!is_wide && step.master)
        store_lanes<width>(step.master + at, p);
    store_lanes<width>(step.parameter + at, p);
    unroll<n>([&](auto i) { store_lanes<width>(step.states[i] + at, states[i]); });
}

template <int width, class Update, class T>
__global__ void step_kernel(Batch<StepOf<Update, T>> batch, const double* guard) {
    __shared__ decltype(resolved(Update{})) update;  // worked out once for the block
    __shared__ bool idle;
    const int item = batch.own_item();
    const StepOf<Update, T> step = batch.items[item];
    if (threadIdx.x == 0) {
        update = resolved(step.update);
        idle = is_stopped(guard) || is_idle(update);
    }
    __syncthreads();
    if (idle)
        return;
    const auto own = update;
    const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x - batch.first[item]) * step_chunk,
                       end = begin + step_chunk < step.size ? begin + step_chunk : step.size;
    bool aligned = all_aligned(step.parameter, step.gradient, step.master);
    unroll<Update::states>([&](auto i) { aligned = aligned && all_aligned(step.states[i]); });
    for (std::int64_t at = begin + static_cast<std::int64_t>(threadIdx.x) * width; at < end;
         at += step_threads * width) {
        if (aligned && at + width <= end)
            update_lanes<width>(own, step, at);
        else
            for (std::int64_t i = at; i < at + width && i < end; ++i)
                update_lanes<1>(own, step, i);
    }
}

/// The squares of `width` neighbours, added to `sums`.
template <int width, class T>
__device__ void add_squares(const SquaresOf<T>& of, std::int64_t at, double (&sums)[width]) {
    using C = compute_t<T>;
    C x[width] = {}, y[width] = {};
    if (of.x)
        load_lanes<width>(of.x + at, 1, x);
    if (of.y)
        load_lanes<width>(of.y + at, 1, y);
    const C factor = of.y ? static_cast<C>(of.factor) : C(0);
    unroll<width>([&](auto i) {
        const double value = static_cast<double>(x[i] + factor * y[i]);
        sums[i] += value * value;
    });
}

/// partials[block] = the sum of the squares of the block's chunk.
template <int width, class T>
__global__ void squares_kernel(Batch<SquaresOf<T>> batch, double* partials) {
    const int item = batch.own_item();
    const SquaresOf<T> of = batch.items[item];
    const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x - batch.first[item]) * squares_chunk,
                       end = begin + squares_chunk < of.size ? begin + squares_chunk : of.size;
    const bool aligned = all_aligned(of.x, of.y);
    double sums[width] = {};
    for (std::int64_t at = begin + static_cast<std::int64_t>(threadIdx.x) * width; at < end;
         at += step_threads * width) {
        if (aligned && at + width <= end) {
            add_squares(of, at, sums);
        } else {
            double rest[1] = {};
            for (std::int64_t i = at; i < at + width && i < end; ++i)
                add_squares(of, i, rest);
            sums[0] += rest[0];
        }
    }
    for (int i = 1; i < width; ++i)
        sums[0] += sums[i];
    const double sum = sum_over_block<step_threads>(sums[0]);
    if (threadIdx.x == 0)
        partials[blockIdx.x] = sum;
}

/// Where the partial sums of some tensors begin, and the last of them end.
struct PartialSums {
    static constexpr int capacity = static_cast<int>(batch_bytes / sizeof(std::int64_t)) - 1;
    std::int64_t first[capacity + 1];
};

/// sums[i] = the sum of the partial sums of tensor i; a warp for each.
template <class C>
__global__ void sum_partials_kernel(PartialSums of, const C* partials, C* sums) {
    const std::int64_t end = of.first[blockIdx.x + 1];
    C sum = 0;
    for (std::int64_t i = of.first[blockIdx.x] + threadIdx.x; i < end; i += warp_threads)
        sum += partials[i];
    sum = across_warp(sum, [](C a, C b) { return a + b; });
    if (threadIdx.x == 0)
        sums[blockIdx.x] = sum;
}

/// norm = the root of the sum of `count` sums; one block.
template <class C>
__global__ void norm_kernel(std::int64_t count, const C* sums, C* norm) {
    C sum = 0;
    for (std::int64_t i = threadIdx.x; i < count; i += step_threads)
        sum += sums[i];
    sum = sum_over_block<step_threads>(sum);
    if (threadIdx.x == 0)
        *norm = std::sqrt(sum);
}

}  // namespace cuda

template <class Update, class T>
void optimizer_step(Cuda, std::span<const StepOf<Update, T>> steps, const double* guard = nullptr) {
    cuda::for_each_batch(steps, cuda::step_chunk, [&](const auto& batch, unsigned blocks) {
        cuda::launch(cuda::step_kernel<cuda::widest<T>, Update, T>, dim3(blocks), dim3(cuda::step_threads),
                     cuda::stream(), batch, guard);
    });
}

template <class T>
void sums_of_squares(Cuda, std::span<const SquaresOf<T>> operands, double* sums, double* norm = nullptr) {
    const auto count = static_cast<std::int64_t>(operands.size());
    PoolVector<std::int64_t> first(operands.size() + 1, 0);
    for (std::size_t i = 0; i < operands.size(); ++i)
        first[i + 1] = first[i] + chunks_of(operands[i].size, cuda::squares_chunk);
    const auto partials = Tensor<double, Cuda>::empty({first.back()});
    double* to = partials.data();
    cuda::for_each_batch(operands, cuda::squares_chunk, [&](const auto& batch, unsigned blocks) {
        cuda::launch(cuda::squares_kernel<cuda::widest<T>, T>, dim3(blocks), dim3(cuda::step_threads),
                     cuda::stream(), batch, to);
        to += blocks;
    });
    for (std::int64_t begin = 0; begin < count; begin += cuda::PartialSums::capacity) {
        const std::int64_t end = std::min<std::int64_t>(begin + cuda::PartialSums::capacity, count);
        cuda::PartialSums part;
        std::copy(first.begin() + begin, first.begin() + end + 1, part.first);
        cuda::launch(cuda::sum_partials_kernel<double>, dim3(static_cast<unsigned>(end - begin)),
                     dim3(cuda::warp_threads), cuda::stream(), part, partials.data(), sums + begin);
    }
    if (norm)
        cuda::launch(cuda::norm_kernel<double>, dim3(1), dim3(cuda::step_threads), cuda::stream(), count,
                     sums, norm);
}

}  // namespace lafs::inline LAFS_ABI
