// Root-mean-square normalisation on the CPU (program and contract: primitives/rms_norm.hpp).
#pragma once

#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/rms_norm.hpp>

namespace lafs::inline LAFS_ABI {

template <class T, class C>
void rms_norm_forward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* gain, C epsilon, T* y,
                      C* inverse_rms) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        RmsNormRow::forward(lanes, n, x + row * n, gain, epsilon, y + row * n, inverse_rms + row);
    });
}

/// The gradient of the gain is summed over fixed chunks of rows, then in order.
template <class T, class C>
void rms_norm_backward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* g,
                       const C* inverse_rms, const GradientTarget<T>& dx, const GradientTarget<T>& dgain) {
    const std::int64_t per_chunk = std::max(cpu::rows_per_task(n), (rows + 63) / 64);
    const std::int64_t chunks = (rows + per_chunk - 1) / per_chunk;
    const auto gain_sums = Tensor<C>::zeros({dgain ? chunks : 0, n});
    const cpu::RowLanes<C> lanes;
    count_launch();
    parallel_for(chunks, [&](std::int64_t chunk) LAFS_FLATTEN {
        for (std::int64_t row = chunk * per_chunk; row < std::min(rows, (chunk + 1) * per_chunk); ++row)
            RmsNormRow::backward(lanes, n, x + row * n, gain, g + row * n, inverse_rms[row],
                                 row_of(dx, row * n), dgain ? gain_sums.data() + chunk * n : nullptr);
    });
    if (dgain)
        cpu::sum_partials(dgain, gain_sums.data(), chunks, n);
}

}  // namespace lafs::inline LAFS_ABI
