// Depthwise convolution on the GPU (sizes, formula and contract: primitives/convolution.hpp): a thread makes one
// output, or gathers one pixel's gradient; a block sums the gradient of one weight.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/convolution.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void depthwise_kernel(ConvGeometry g, const T* x, const T* w, const T* bias, T* y) {
    each_element(g.batch * g.in * g.out_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.out_plane(), channel = plane % g.in,
                           v = at % g.out_plane() / g.out_width, u = at % g.out_width;
        const T *image = x + plane * g.in_plane(), *weights = w + channel * g.taps();
        T sum = bias ? bias[channel] : T(0);
        for (std::int64_t t = 0; t < g.taps(); ++t) {
            const std::int64_t row = g.row(v, t), column = g.column(u, t);
            if (g.has(row, column))
                sum += weights[t] * image[row * g.width + column];
        }
        y[at] = sum;
    });
}

template <class T>
__global__ void depthwise_input_kernel(ConvGeometry g, const T* w, const T* grad, GradientTarget<T> dx) {
    each_element(g.batch * g.in * g.in_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.in_plane();
        const T *from = grad + plane * g.out_plane(), *weights = w + plane % g.in * g.taps();
        T sum(0);
        g.each_reader(at % g.in_plane() / g.width, at % g.width,
                      [&](std::int64_t t, std::int64_t pixel) { sum += weights[t] * from[pixel]; });
        dx.data[at] = dx.accumulate ? dx.data[at] + sum : sum;
    });
}

/// A block for each weight.
template <int threads, class T>
__global__ void depthwise_weight_kernel(ConvGeometry g, const T* x, const T* grad, GradientTarget<T> dw) {
    const std::int64_t channel = blockIdx.x / g.taps(), t = blockIdx.x % g.taps();
    T sum(0);
    for (std::int64_t k = threadIdx.x; k < g.batch * g.out_plane(); k += threads) {
        const std::int64_t plane = k / g.out_plane() * g.in + channel, pixel = k % g.out_plane(),
                           row = g.row(pixel / g.out_width, t), column = g.column(pixel % g.out_width, t);
        if (g.has(row, column))
            sum += grad[plane * g.out_plane() + pixel] * x[plane * g.in_plane() + row * g.width + column];
    }
    sum = sum_over_block<threads>(sum);
    if (threadIdx.x == 0)
        dw.data[blockIdx.x] = dw.accumulate ? dw.data[blockIdx.x] + sum : sum;
}

}  // namespace cuda

template <class T>
void depthwise_forward(Cuda, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
    cuda::launch_elements(cuda::depthwise_kernel<T>, g.batch * g.in * g.out_plane(), g, x, w, bias, y);
}

template <class T>
void depthwise_backward(Cuda, const ConvGeometry& g, const T* x, const T* w, const T* grad,
                        const GradientTarget<T>& dx, const GradientTarget<T>& dw) {
    if (dx)
        cuda::launch_elements(cuda::depthwise_input_kernel<T>, g.batch * g.in * g.in_plane(), g, w, grad, dx);
    if (dw && g.in > 0)
        cuda::with_sum_threads(g.batch * g.out_plane(), [&](auto threads) {
            cuda::launch(cuda::depthwise_weight_kernel<decltype(threads)::value, T>,
                         dim3(static_cast<unsigned>(g.in * g.taps())), dim3(threads), cuda::stream(), g, x,
                         grad, dw);
        });
}

}  // namespace lafs::inline LAFS_ABI
