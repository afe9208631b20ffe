// Pooling on the GPU (formulas and contract: primitives/pooling.hpp): a thread makes one result.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/pooling.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void average_pool_kernel(PoolGeometry g, const T* x, T* y) {
    each_element(g.planes * g.out_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.out_plane(), place = at % g.out_plane();
        y[at] =
            static_cast<T>(g.average(x + plane * g.in_plane(), place / g.columns.out, place % g.columns.out));
    });
}

template <class T>
__global__ void average_pool_backward_kernel(PoolGeometry g, const T* grad, GradientTarget<T> dx) {
    each_element(g.planes * g.in_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.in_plane(), place = at % g.in_plane();
        convert_element(
            g.average_gradient(grad + plane * g.out_plane(), place / g.columns.size, place % g.columns.size),
            dx.data[at], dx.accumulate);
    });
}

template <class T>
__global__ void max_pool_kernel(PoolGeometry g, const T* x, T* y, std::int64_t* where) {
    each_element(g.planes * g.out_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.out_plane(), place = at % g.out_plane();
        const auto best = g.largest(x + plane * g.in_plane(), place / g.columns.out, place % g.columns.out);
        y[at] = static_cast<T>(best.value);
        where[at] = best.where;
    });
}

template <class T>
__global__ void max_pool_backward_kernel(PoolGeometry g, const std::int64_t* where, const T* grad,
                                         GradientTarget<T> dx) {
    each_element(g.planes * g.in_plane(), [=](std::int64_t at) {
        const std::int64_t from = at / g.in_plane() * g.out_plane(), place = at % g.in_plane();
        convert_element(
            g.largest_gradient(where + from, grad + from, place / g.columns.size, place % g.columns.size),
            dx.data[at], dx.accumulate);
    });
}

}  // namespace cuda

template <class T>
void average_pool_forward(Cuda, const PoolGeometry& g, const T* x, T* y) {
    cuda::launch_elements(cuda::average_pool_kernel<T>, g.planes * g.out_plane(), g, x, y);
}

template <class T>
void average_pool_backward(Cuda, const PoolGeometry& g, const T* grad, const GradientTarget<T>& dx) {
    cuda::launch_elements(cuda::average_pool_backward_kernel<T>, g.planes * g.in_plane(), g, grad, dx);
}

template <class T>
void max_pool_forward(Cuda, const PoolGeometry& g, const T* x, T* y, std::int64_t* where) {
    cuda::launch_elements(cuda::max_pool_kernel<T>, g.planes * g.out_plane(), g, x, y, where);
}

template <class T>
void max_pool_backward(Cuda, const PoolGeometry& g, const std::int64_t* where, const T* grad,
                       const GradientTarget<T>& dx) {
    cuda::launch_elements(cuda::max_pool_backward_kernel<T>, g.planes * g.in_plane(), g, where, grad, dx);
}

}  // namespace lafs::inline LAFS_ABI
