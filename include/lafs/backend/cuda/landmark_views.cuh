// Landmarks of views on the GPU (contract: primitives/landmark_views.hpp).
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/landmark_views.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void perturb_points_kernel(std::int64_t size, const T* x, double deviation, RandomStream random,
                                      T* y) {
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size;
         i += threads)
        y[i] = perturbed(random, deviation, x[i], i);
}

template <class T>
__global__ void draw_points_kernel(DrawSizes n, const T* x, RandomStream random, T* y) {
    const std::int64_t total = n.images * n.count,
                       threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
         i += threads) {
        const std::int64_t from = n.source(random, i);
        y[2 * i] = x[2 * from];
        y[2 * i + 1] = x[2 * from + 1];
    }
}

}  // namespace cuda

template <class T>
void perturb_points(Cuda, std::int64_t size, const T* x, double deviation, const RandomStream& random, T* y) {
    constexpr int threads = 256;
    if (size > 0)
        cuda::launch(cuda::perturb_points_kernel<T>, dim3(cuda::blocks_for(size, threads)), dim3(threads),
                     cuda::stream(), size, x, deviation, random, y);
}

template <class T>
void draw_points(Cuda, const DrawSizes& n, const T* x, const RandomStream& random, T* y) {
    constexpr int threads = 256;
    if (n.images * n.count > 0)
        cuda::launch(cuda::draw_points_kernel<T>, dim3(cuda::blocks_for(n.images * n.count, threads)),
                     dim3(threads), cuda::stream(), n, x, random, y);
}

}  // namespace lafs::inline LAFS_ABI
