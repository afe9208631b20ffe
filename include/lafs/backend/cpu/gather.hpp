// Rows picked by index on the CPU (contract: primitives/gather.hpp).
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/gather.hpp>

namespace lafs::inline LAFS_ABI {

template <class T>
void gather_forward(Cpu, const GatherSizes& n, const T* x, const std::int64_t* indices, T* y) {
    for (std::int64_t i = 0; i < n.batch * n.picks; ++i)
        require(n.has(indices[i]), "gather", "got index ", indices[i], ", expected 0 .. ", n.rows - 1);
    count_launch();
    const std::int64_t grain = std::max<std::int64_t>(1, cpu::map_grain / std::max<std::int64_t>(1, n.inner));
    parallel_ranges(n.batch * n.picks, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            std::copy_n(x + (i / n.picks * n.rows + indices[i]) * n.inner, n.inner, y + i * n.inner);
    });
}

/// A task owns a strip of columns of one batch entry and adds in the order of m.
template <class T>
void gather_backward(Cpu, const GatherSizes& n, const std::int64_t* indices, const T* g,
                     const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    constexpr std::int64_t strip = 1024;
    const std::int64_t strips = (n.inner + strip - 1) / strip;
    // 16-bit rows that are picked several times are summed in float beside their place.
    constexpr bool widen = !std::is_same_v<T, C>;
    const auto wide = Tensor<C>::empty({widen ? n.batch * n.rows * n.inner : 0});
    count_launch();
    parallel_for(n.batch * strips, [&](std::int64_t task) {
        const std::int64_t b = task / strips, first = task % strips * strip,
                           width = std::min(strip, n.inner - first);
        const std::int64_t offset = b * n.rows * n.inner + first;
        C* sums;
        if constexpr (widen)
            sums = wide.data() + offset;
        else
            sums = dx.data + offset;
        for (std::int64_t row = 0; row < n.rows && (widen || !dx.accumulate); ++row)
            std::fill_n(sums + row * n.inner, width, C(0));
        for (std::int64_t m = 0; m < n.picks; ++m) {
            C* row = sums + indices[b * n.picks + m] * n.inner;
            const T* from = g + (b * n.picks + m) * n.inner + first;
            for (std::int64_t i = 0; i < width; ++i)
                row[i] += static_cast<C>(from[i]);
        }
        if constexpr (widen)
            for (std::int64_t row = 0; row < n.rows; ++row)
                for (std::int64_t i = row * n.inner; i < row * n.inner + width; ++i)
                    convert_element(sums[i], dx.data[offset + i], dx.accumulate);
    });
}

}  // namespace lafs::inline LAFS_ABI
