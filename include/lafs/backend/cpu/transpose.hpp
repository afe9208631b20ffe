// Transposes in registers: rows of memory to the panels that the matrix kernel reads.
#pragma once

#include <lafs/backend/cpu/pack.hpp>
#include <lafs/core/unroll.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI::cpu {

/// Lane k of the result is lane k of `a` where k lacks the bit `step`, else lane k - step of `b`
/// (`upper`: lane k + step of `a`, else lane k of `b`).
template <class T, int step, bool upper>
typename Pack<T>::Lanes exchange(typename Pack<T>::Lanes a, typename Pack<T>::Lanes b) {
    constexpr int width = Pack<T>::width;
    return [&]<int... k>(std::integer_sequence<int, k...>) {
        return __builtin_shufflevector(
            a, b, (upper ? (k & step ? width + k : k + step) : (k & step ? width + k - step : k))...);
    }
    (std::make_integer_sequence<int, width>{});
}

/// Transposes width x width elements: log2(width) rounds of exchanges between registers.
template <class T, int step = Pack<T>::width / 2>
void transpose_registers(typename Pack<T>::Lanes (&row)[Pack<T>::width]) {
    if constexpr (step > 0) {
        unroll<Pack<T>::width>([&](auto i) {
            if constexpr ((i & step) == 0) {
                const auto a = row[i], b = row[i + step];
                row[i] = exchange<T, step, false>(a, b);
                row[i + step] = exchange<T, step, true>(a, b);
            }
        });
        transpose_registers<T, step / 2>(row);
    }
}

/// to[k * panel + i] = from[i * pitch + k] for k < depth, i < rows; 0 for rows <= i < panel. Reads up to a
/// multiple of the pack's width of each row, so rows must be readable that far.
template <int panel, class T>
LAFS_FLATTEN void transpose_panel(T* to, const T* from, std::int64_t pitch, std::int64_t rows,
                                  std::int64_t depth) {
    constexpr int width = Pack<T>::width;
    constexpr int groups = (panel + width - 1) / width;
    for (std::int64_t k = 0; k < depth; k += width)
        unroll<groups>([&](auto group) {
            constexpr int first = group * width, valid = panel - first < width ? panel - first : width;
            typename Pack<T>::Lanes row[width] = {};
            unroll<valid>([&](auto i) {
                if (first + i < rows)
                    std::memcpy(&row[i], from + (first + i) * pitch + k, sizeof row[i]);
            });
            transpose_registers<T>(row);
            unroll<width>([&](auto i) {
                if (k + i < depth)
                    std::memcpy(to + (k + i) * panel + first, &row[i], valid * sizeof(T));
            });
        });
}

}  // namespace lafs::inline LAFS_ABI::cpu
