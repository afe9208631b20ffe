// Sums and maxima over one axis on the CPU, in a fixed order.
#pragma once

#include <lafs/backend/cpu/row.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Elements of one partial sum of a long row.
inline constexpr std::int64_t reduce_chunk = 1 << 15;

/// The sum of a long contiguous row: fixed chunks in parallel, their sums added in double, in order.
template <class T>
double long_row_sum(const T* x, std::int64_t n) {
    const std::int64_t chunks = (n + reduce_chunk - 1) / reduce_chunk;
    const auto partials = Tensor<double>::empty({chunks});
    const RowLanes<compute_t<T>> lanes;
    parallel_for(chunks, [&](std::int64_t chunk) {
        const T* from = x + chunk * reduce_chunk;
        partials.data()[chunk] =
            lanes.sum(std::min(reduce_chunk, n - chunk * reduce_chunk), [&](auto at) { return at(from); });
    });
    double total = 0;
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
        total += partials.data()[chunk];
    return total;
}

}  // namespace cpu

/// out[o, i] = scale * sum over k of x[o, k, i], for x of shape (outer, n, inner), contiguous.
template <class T>
void reduce_sum(Cpu, std::int64_t outer, std::int64_t n, std::int64_t inner, const T* x, compute_t<T> scale,
                T* out) {
    using C = compute_t<T>;
    count_launch();
    if (inner == 1) {
        if (outer == 1 && n > cpu::reduce_chunk) {
            *out = static_cast<T>(static_cast<C>(cpu::long_row_sum(x, n) * scale));
            return;
        }
        const cpu::RowLanes<C> lanes;
        parallel_ranges(outer, cpu::rows_per_task(n), [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                out[row] = static_cast<T>(scale * lanes.sum(n, [&](auto at) { return at(x + row * n); }));
        });
        return;
    }
    // Columns: each task owns a strip of one outer slice and adds its rows in order.
    const std::int64_t strip = 64 * Pack<C>::width, strips = (inner + strip - 1) / strip;
    parallel_for(outer * strips, [&](std::int64_t task) {
        const std::int64_t o = task / strips, begin = task % strips * strip,
                           width = std::min(strip, inner - begin);
        C sums[64 * Pack<C>::width] = {};
        for (std::int64_t k = 0; k < n; ++k) {
            const T* row = x + (o * n + k) * inner + begin;
            for (std::int64_t i = 0; i < width; ++i)
                sums[i] += static_cast<C>(row[i]);
        }
        for (std::int64_t i = 0; i < width; ++i)
            out[o * inner + begin + i] = static_cast<T>(scale * sums[i]);
    });
}

/// out[o, i] = max over k of x[o, k, i], and the smallest k that reaches it. Throws for an empty axis.
template <class T>
void reduce_max(Cpu, std::int64_t outer, std::int64_t n, std::int64_t inner, const T* x, T* out,
                std::int64_t* where) {
    require(n > 0, "max", "the axis is empty");
    count_launch();
    parallel_ranges(outer * inner, std::max<std::int64_t>(1, cpu::map_grain / n),
                    [&](std::int64_t begin, std::int64_t end) {
                        for (std::int64_t at = begin; at < end; ++at) {
                            const T* from = x + at / inner * n * inner + at % inner;
                            std::int64_t best = 0;
                            for (std::int64_t k = 1; k < n; ++k)
                                if (compute_t<T>(from[k * inner]) > compute_t<T>(from[best * inner]))
                                    best = k;
                            out[at] = from[best * inner];
                            where[at] = best;
                        }
                    });
}

}  // namespace lafs::inline LAFS_ABI
