// Largest and smallest elements over one axis on the GPU (contract: primitives/extremum.hpp).
//
// A warp owns a result whose elements lie side by side, a thread one whose elements are strided: neighbours
// in a warp then read neighbours in memory.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/extremum.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// The better of the threads of a warp, each with its own.
template <class Order, class C>
__device__ Extremum<C> best_of_warp(Order order, Extremum<C> best) {
    for (int distance = warp_threads / 2; distance > 0; distance /= 2) {
        const C value = __shfl_xor_sync(0xFFFFFFFFu, best.value, distance);
        const std::int64_t where = __shfl_xor_sync(0xFFFFFFFFu, best.where, distance);
        best.take(order, Extremum<C>{value, where});
    }
    return best;
}

/// `lanes` threads for each result: a warp or one.
template <int lanes, class Order, class T>
__global__ void extremum_kernel(AxisSizes n, const T* x, T* out, std::int64_t* where) {
    using C = compute_t<T>;
    each_element(n.results() * lanes, [=](std::int64_t thread) {  // a warp stays together: it has 32 or none
        const std::int64_t at = thread / lanes, lane = thread % lanes;
        // Every lane starts from the first element: there may be fewer elements than lanes.
        Extremum<C> best{static_cast<C>(x[n.element(at, 0)]), 0};
        for (std::int64_t k = lane; k < n.n; k += lanes)
            best.take(Order{}, Extremum<C>{static_cast<C>(x[n.element(at, k)]), k});
        if constexpr (lanes > 1)
            best = best_of_warp(Order{}, best);
        if (lane == 0) {
            out[at] = static_cast<T>(best.value);
            where[at] = best.where;
        }
    });
}

/// A thread writes an element of dx, where it is the chosen one or all are written.
template <class T>
__global__ void scatter_extremum_kernel(AxisSizes n, const std::int64_t* where, const T* g,
                                        GradientTarget<T> dx) {
    each_element(n.results() * n.n, [=](std::int64_t i) {
        const std::int64_t at = i / (n.n * n.inner) * n.inner + i % n.inner, k = i / n.inner % n.n;
        if (where[at] == k)
            convert_element(g[at], dx.data[i], dx.accumulate);
        else if (!dx.accumulate)
            dx.data[i] = static_cast<T>(0);
    });
}

}  // namespace cuda

template <class Order, class T>
void reduce_extremum(Cuda, Order, const AxisSizes& n, const T* x, T* out, std::int64_t* where) {
    const auto run = [&](auto kernel, std::int64_t lanes) {
        cuda::launch_elements(kernel, n.results() * lanes, n, x, out, where);
    };
    if (n.inner == 1)
        run(cuda::extremum_kernel<cuda::warp_threads, Order, T>, cuda::warp_threads);
    else
        run(cuda::extremum_kernel<1, Order, T>, 1);
}

template <class T>
void scatter_extremum(Cuda, const AxisSizes& n, const std::int64_t* where, const T* g,
                      const GradientTarget<T>& dx) {
    cuda::launch_elements(cuda::scatter_extremum_kernel<T>, n.results() * n.n, n, where, g, dx);
}

}  // namespace lafs::inline LAFS_ABI
