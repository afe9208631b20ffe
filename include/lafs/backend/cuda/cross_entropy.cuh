// Cross entropy on the GPU (programs and contract: primitives/cross_entropy.hpp): one pass over the rows each
// way.
#pragma once

#include <lafs/backend/cuda/row.cuh>
#include <lafs/primitives/cross_entropy.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <int width, class T>
__global__ void cross_entropy_forward_kernel(std::int64_t rows, std::int64_t n, const T* x,
                                             const std::int64_t* labels, T smoothing, T* loss, T* log_sums) {
    const RowLanes<T, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        HardCrossEntropyRow::forward(lanes, n, x + row * n, labels[row], smoothing, loss + row,
                                     log_sums + row);
    });
}

template <int width, class T>
__global__ void cross_entropy_backward_kernel(std::int64_t rows, std::int64_t n, const T* x,
                                              const std::int64_t* labels, T smoothing, const T* log_sums,
                                              const T* gradient, GradientTarget<T> dx) {
    const RowLanes<T, width> lanes;
    const T of_row = row_loss_gradient(rows, *gradient);
    each_row(rows, [&](std::int64_t row) {
        HardCrossEntropyRow::backward(lanes, n, x + row * n, labels[row], smoothing, log_sums[row], of_row,
                                      row_of(dx, row * n));
    });
}

template <int width, class T>
__global__ void soft_cross_entropy_forward_kernel(std::int64_t rows, std::int64_t n, const T* x,
                                                  const T* targets, T* loss, T* log_sums, T* weights) {
    const RowLanes<T, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        SoftCrossEntropyRow::forward(lanes, n, x + row * n, targets + row * n, loss + row, log_sums + row,
                                     weights + row);
    });
}

template <int width, class T>
__global__ void soft_cross_entropy_backward_kernel(std::int64_t rows, std::int64_t n, const T* x,
                                                   const T* targets, const T* log_sums, const T* weights,
                                                   const T* gradient, GradientTarget<T> dx) {
    const RowLanes<T, width> lanes;
    const T of_row = row_loss_gradient(rows, *gradient);
    each_row(rows, [&](std::int64_t row) {
        SoftCrossEntropyRow::backward(lanes, n, x + row * n, targets + row * n, log_sums[row], weights[row],
                                      of_row, row_of(dx, row * n));
    });
}

}  // namespace cuda

template <class T>
void cross_entropy_forward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                           T smoothing, T* loss, T* log_sums) {
    cuda::with_row_width<T>(n, {x}, [&](auto width) {
        cuda::launch_rows(width, cuda::cross_entropy_forward_kernel<decltype(width)::value, T>, rows, n, x,
                          labels, smoothing, loss, log_sums);
    });
}

template <class T>
void cross_entropy_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                            T smoothing, const T* log_sums, const T* gradient, const GradientTarget<T>& dx) {
    cuda::with_row_width<T>(n, {x, dx.data}, [&](auto width) {
        cuda::launch_rows(width, cuda::cross_entropy_backward_kernel<decltype(width)::value, T>, rows, n, x,
                          labels, smoothing, log_sums, gradient, dx);
    });
}

template <class T>
void soft_cross_entropy_forward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* targets,
                                T* loss, T* log_sums, T* weights) {
    cuda::with_row_width<T>(n, {x, targets}, [&](auto width) {
        cuda::launch_rows(width, cuda::soft_cross_entropy_forward_kernel<decltype(width)::value, T>, rows, n,
                          x, targets, loss, log_sums, weights);
    });
}

template <class T>
void soft_cross_entropy_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* targets,
                                 const T* log_sums, const T* weights, const T* gradient,
                                 const GradientTarget<T>& dx) {
    cuda::with_row_width<T>(n, {x, targets, dx.data}, [&](auto width) {
        cuda::launch_rows(width, cuda::soft_cross_entropy_backward_kernel<decltype(width)::value, T>, rows, n,
                          x, targets, log_sums, weights, gradient, dx);
    });
}

}  // namespace lafs::inline LAFS_ABI
