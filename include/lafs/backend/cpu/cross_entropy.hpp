// Cross entropy on the CPU (programs and contract: primitives/cross_entropy.hpp): one pass over the rows each
// way.
#pragma once

#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/cross_entropy.hpp>

namespace lafs::inline LAFS_ABI {

template <class T>
void cross_entropy_forward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                           T smoothing, T* loss, T* log_sums) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        HardCrossEntropyRow::forward(lanes, n, x + row * n, labels[row], smoothing, loss + row,
                                     log_sums + row);
    });
}

template <class T>
void cross_entropy_backward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                            T smoothing, const T* log_sums, const T* gradient, const GradientTarget<T>& dx) {
    const T of_row = row_loss_gradient(rows, *gradient);
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        HardCrossEntropyRow::backward(lanes, n, x + row * n, labels[row], smoothing, log_sums[row], of_row,
                                      row_of(dx, row * n));
    });
}

template <class T>
void soft_cross_entropy_forward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* targets, T* loss,
                                T* log_sums, T* weights) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        SoftCrossEntropyRow::forward(lanes, n, x + row * n, targets + row * n, loss + row, log_sums + row,
                                     weights + row);
    });
}

template <class T>
void soft_cross_entropy_backward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* targets,
                                 const T* log_sums, const T* weights, const T* gradient,
                                 const GradientTarget<T>& dx) {
    const T of_row = row_loss_gradient(rows, *gradient);
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        SoftCrossEntropyRow::backward(lanes, n, x + row * n, targets + row * n, log_sums[row], weights[row],
                                      of_row, row_of(dx, row * n));
    });
}

}  // namespace lafs::inline LAFS_ABI
