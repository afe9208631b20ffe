// Landmarks of views on the GPU (contract: primitives/landmark_views.hpp).
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/landmark_views.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void perturb_points_kernel(std::int64_t size, const T* x, double deviation, RandomStream random,
                                      T* y) {
    each_element(size, [=](std::int64_t i) { y[i] = perturbed(random, deviation, x[i], i); });
}

template <class T>
__global__ void draw_points_kernel(DrawSizes n, const T* x, RandomStream random, T* y) {
    each_element(n.images * n.count, [=](std::int64_t i) {
        const std::int64_t from = n.source(random, i);
        y[2 * i] = x[2 * from];
        y[2 * i + 1] = x[2 * from + 1];
    });
}

}  // namespace cuda

template <class T>
void perturb_points(Cuda, std::int64_t size, const T* x, double deviation, const RandomStream& random, T* y) {
    cuda::launch_elements(cuda::perturb_points_kernel<T>, size, size, x, deviation, random, y);
}

template <class T>
void draw_points(Cuda, const DrawSizes& n, const T* x, const RandomStream& random, T* y) {
    cuda::launch_elements(cuda::draw_points_kernel<T>, n.images * n.count, n, x, random, y);
}

}  // namespace lafs::inline LAFS_ABI
