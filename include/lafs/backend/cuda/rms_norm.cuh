// Root-mean-square normalisation on the GPU (program and contract: primitives/rms_norm.hpp).
#pragma once

#include <lafs/backend/cuda/row.cuh>
#include <lafs/primitives/rms_norm.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <int width, class T, class C>
__global__ void rms_norm_forward_kernel(std::int64_t rows, std::int64_t n, const T* x, const T* gain,
                                        C epsilon, T* y, C* inverse_rms) {
    const RowLanes<C, width> lanes;
    each_row(rows, [&](std::int64_t row) {
        RmsNormRow::forward(lanes, n, x + row * n, gain, epsilon, y + row * n, inverse_rms + row);
    });
}

/// Block b runs the rows from b per_block on, one after the other; their sum becomes row b of `gain_sums`.
template <int width, class T, class C>
__global__ void rms_norm_backward_kernel(std::int64_t rows, std::int64_t per_block, std::int64_t n,
                                         const T* x, const T* gain, const T* g, const C* inverse_rms,
                                         GradientTarget<T> dx, C* gain_sums) {
    const RowLanes<C, width> lanes;
    C* own = gain_sums ? gain_sums + blockIdx.x * n : nullptr;
    if (own)
        lanes.each(n, [&](auto at) { at.store(own, lanes.value(0)); });
    const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * per_block;
    const std::int64_t end = begin + per_block < rows ? begin + per_block : rows;
    for (std::int64_t row = begin; row < end; ++row)
        RmsNormRow::backward(lanes, n, x + row * n, gain, g + row * n, inverse_rms[row], row_of(dx, row * n),
                             own);
}

}  // namespace cuda

template <class T, class C>
void rms_norm_forward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, C epsilon, T* y,
                      C* inverse_rms) {
    cuda::with_row_width<T>(n, {x, gain, y}, [&](auto width) {
        cuda::launch_rows(width, cuda::rms_norm_forward_kernel<decltype(width)::value, T, C>, rows, n, x,
                          gain, epsilon, y, inverse_rms);
    });
}

/// The gradient of the gain is summed by blocks of rows, then the blocks in order.
template <class T, class C>
void rms_norm_backward(Cuda, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* g,
                       const C* inverse_rms, const GradientTarget<T>& dx, const GradientTarget<T>& dgain) {
    cuda::with_row_width<T>(n, {x, gain, g, dx.data}, [&](auto width) {
        const std::int64_t per_block = std::max<std::int64_t>(
                               1, (rows + cuda::enough_blocks - 1) / cuda::enough_blocks),
                           blocks = (rows + per_block - 1) / per_block;
        const auto gain_sums = Tensor<C, Cuda>::empty({dgain ? blocks : 0, n});
        if (blocks > 0)
            cuda::launch(cuda::rms_norm_backward_kernel<decltype(width)::value, T, C>,
                         dim3(static_cast<unsigned>(blocks)), cuda::row_block(n, width, 1), cuda::stream(),
                         rows, per_block, n, x, gain, g, inverse_rms, dx, dgain ? gain_sums.data() : nullptr);
        if (dgain)
            cuda::sum_axis(1, blocks, n, gain_sums.data(), C(1), dgain);
    });
}

}  // namespace lafs::inline LAFS_ABI
