// Rows picked by index on the CPU, and their gradients added back in order.
#pragma once

#include <lafs/backend/cpu/map.hpp>

namespace lafs::inline LAFS_ABI {

/// x (batch, rows, inner), indices (batch, picks).
struct GatherSizes {
    std::int64_t batch, rows, picks, inner;
};

/// y[b, m] = x[b, indices[b, m]]. Throws, before writing, for an index outside [0, rows).
template <class T>
void gather_forward(Cpu, const GatherSizes& n, const T* x, const std::int64_t* indices, T* y) {
    for (std::int64_t i = 0; i < n.batch * n.picks; ++i)
        require(indices[i] >= 0 && indices[i] < n.rows, "gather", "got index ", indices[i],
                ", expected 0 .. ", n.rows - 1);
    count_launch();
    const std::int64_t grain = std::max<std::int64_t>(1, cpu::map_grain / std::max<std::int64_t>(1, n.inner));
    parallel_ranges(n.batch * n.picks, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            std::copy_n(x + (i / n.picks * n.rows + indices[i]) * n.inner, n.inner, y + i * n.inner);
    });
}

/// dx[b, indices[b, m]] += g[b, m], after clearing unless dx accumulates. A task owns a strip of columns of
/// one batch entry and adds in the order of m.
template <class T>
void gather_backward(Cpu, const GatherSizes& n, const std::int64_t* indices, const T* g,
                     const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    constexpr std::int64_t strip = 1024;
    const std::int64_t strips = (n.inner + strip - 1) / strip;
    count_launch();
    parallel_for(n.batch * strips, [&](std::int64_t task) {
        const std::int64_t b = task / strips, first = task % strips * strip,
                           width = std::min(strip, n.inner - first);
        T* to = dx.data + b * n.rows * n.inner + first;
        for (std::int64_t row = 0; row < n.rows && !dx.accumulate; ++row)
            std::fill_n(to + row * n.inner, width, static_cast<T>(0));
        for (std::int64_t m = 0; m < n.picks; ++m) {
            T* row = to + indices[b * n.picks + m] * n.inner;
            const T* from = g + (b * n.picks + m) * n.inner + first;
            for (std::int64_t i = 0; i < width; ++i)
                row[i] = static_cast<T>(static_cast<C>(row[i]) + static_cast<C>(from[i]));
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
