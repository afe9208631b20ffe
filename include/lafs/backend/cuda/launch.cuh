// The one way a kernel is launched.
//
// A function call instead of <<<>>>, so that the same source also compiles for the host, where
// testing/cuda_emulator.hpp runs the kernel.
#pragma once

#include <algorithm>
#include <cstdint>
#include <lafs/backend/cuda/device.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/unroll.hpp>
#include <limits>
#include <utility>

namespace lafs::inline LAFS_ABI::cuda {

/// Numbers for kernels, which must not call the functions of std::numeric_limits.
template <class C>
inline constexpr C not_a_number = std::numeric_limits<C>::quiet_NaN();
template <class C>
inline constexpr C infinity = std::numeric_limits<C>::infinity();

/// Threads of a warp.
inline constexpr int warp_threads = 32;

/// The numbers of a warp's threads, combined by combine(a, b) in an order that never changes; each thread
/// gets the result. All threads of the warp call it together.
template <class C, class Combine>
__device__ C across_warp(C own, const Combine& combine) {
    for (int distance = warp_threads / 2; distance > 0; distance /= 2)
        own = combine(own, __shfl_xor_sync(0xFFFFFFFFu, own, distance));
    return own;
}

/// The sum of the values of a block's `threads` threads (a power of two), in a tree; each gets the result. All of
/// them call it together.
template <int threads, class C>
__device__ C sum_over_block(C value) {
    if constexpr (threads == warp_threads)
        return across_warp(value, [](C a, C b) { return a + b; });
    __shared__ C memory[threads];
    const int own = static_cast<int>(threadIdx.x);
    __syncthreads();  // everyone has read the last result
    memory[own] = value;
    for (int half = threads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (own < half)
            memory[own] += memory[own + half];
    }
    __syncthreads();
    return memory[0];
}

/// Runs kernel(arguments...) on `grid` blocks of `block` threads. Throws lafs::Error when CUDA refuses it.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t on, Arguments&&... arguments) {
    cudaLaunchConfig_t configuration{};
    configuration.gridDim = grid;
    configuration.blockDim = block;
    configuration.stream = on;
    count_launch();
    const cudaError_t status =
        cudaLaunchKernelEx(&configuration, kernel, static_cast<Parameters>(arguments)...);
    if (status != cudaSuccess) [[unlikely]] {
        cudaGetLastError();
        fail("cuda", "launch of ", grid.x, " x ", grid.y, " x ", grid.z, " blocks of ", block.x, " x ",
             block.y, " x ", block.z, " threads: ", cudaGetErrorString(status));
    }
}

/// Blocks that cover `count` items, `per_block` each; kernels loop where there are more.
inline unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
    return static_cast<unsigned>(
        std::clamp<std::int64_t>((count + per_block - 1) / per_block, 1, std::int64_t{1} << 20));
}

/// Threads of a block of kernels that run over elements.
inline constexpr int element_threads = 256;

/// Runs body(i) for every i < count, shared out among all threads of the grid; neighbours in a warp have
/// neighbours.
template <class Body>
__device__ void each_element(std::int64_t count, const Body& body) {
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += threads)
        body(i);
}

/// Launches kernel(arguments...) with about a thread for each of `count` elements; nothing for none.
template <class Kernel, class... Arguments>
void launch_elements(Kernel kernel, std::int64_t count, const Arguments&... arguments) {
    if (count > 0)
        launch(kernel, dim3(blocks_for(count, element_threads)), dim3(element_threads), stream(),
               arguments...);
}

/// Runs body(threads) with the threads of a block that sums `count` numbers: a warp for few, so that they need not
/// wait for each other so often.
template <class Body>
void with_sum_threads(std::int64_t count, const Body& body) {
    if (count <= 32 * warp_threads)
        body(Index<warp_threads>{});
    else
        body(Index<element_threads>{});
}

}  // namespace lafs::inline LAFS_ABI::cuda
