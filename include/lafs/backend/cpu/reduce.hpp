// Sums over one axis on the CPU (contract: primitives/reduce.hpp).
#pragma once

#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/reduce.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Elements of one partial sum: longer axes are cut into chunks, by shape alone.
inline constexpr std::int64_t reduce_chunk = 1 << 15;

/// Columns that one task sums side by side.
template <class T>
inline constexpr std::int64_t reduce_strip = 64 * Pack<compute_t<T>>::width;

/// out[row] = scale * sum of row. Rows are cut into chunks, whose sums are added in double, in order.
template <class T>
void row_sums(std::int64_t rows, std::int64_t n, const T* x, compute_t<T> scale, T* out) {
    const std::int64_t chunks = std::max<std::int64_t>(1, (n + reduce_chunk - 1) / reduce_chunk);
    const auto partials = Tensor<double>::empty({rows, chunks});
    const RowLanes<compute_t<T>> lanes;
    const std::int64_t grain = chunks > 1 ? 1 : rows_per_task(n);
    parallel_ranges(rows * chunks, grain, [&](std::int64_t begin, std::int64_t end) LAFS_FLATTEN {
        for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t first = task % chunks * reduce_chunk;
            const T* from = x + task / chunks * n + first;
            partials.data()[task] =
                lanes.sum(std::min(reduce_chunk, n - first), [&](auto at) { return at(from); });
        }
    });
    for (std::int64_t row = 0; row < rows; ++row) {
        double total = 0;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
            total += partials.data()[row * chunks + chunk];
        out[row] = static_cast<T>(static_cast<compute_t<T>>(total * scale));
    }
}

/// sums[i] += the rows of x, `stride` elements apart, in order, for the first `width` columns.
template <class T>
LAFS_FLATTEN void add_rows(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t width,
                           compute_t<T>* sums) {
    using V = Pack<compute_t<T>>;
    for (std::int64_t row = 0; row < rows; ++row, x += stride) {
        std::int64_t i = 0;
        for (; i + V::width <= width; i += V::width)
            store(sums + i, load(sums + i) + load(x + i));
        for (; i < width; ++i)
            sums[i] += static_cast<compute_t<T>>(x[i]);
    }
}

/// The sum over the middle axis of (outer, n, inner): strips of columns and chunks of rows in parallel,
/// then the chunks in order.
template <class T>
void column_sums(std::int64_t outer, std::int64_t n, std::int64_t inner, const T* x, compute_t<T> scale,
                 T* out) {
    using C = compute_t<T>;
    const std::int64_t strips = (inner + reduce_strip<T> - 1) / reduce_strip<T>;
    const std::int64_t wanted = std::max<std::int64_t>(1, 64 / std::max<std::int64_t>(1, outer * strips));
    const std::int64_t rows = std::max((n + wanted - 1) / wanted, reduce_chunk / inner + 1);
    const std::int64_t chunks = std::max<std::int64_t>(1, (n + rows - 1) / rows);
    const auto partials = Tensor<C>::zeros({outer, chunks, inner});
    parallel_for(outer * chunks * strips, [&](std::int64_t task) {
        const std::int64_t slab = task / strips, begin = task % strips * reduce_strip<T>;
        const std::int64_t o = slab / chunks, first = slab % chunks * rows;
        add_rows(x + (o * n + first) * inner + begin, std::min(rows, n - first), inner,
                 std::min(reduce_strip<T>, inner - begin), partials.data() + slab * inner + begin);
    });
    parallel_ranges(outer * inner, map_grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
            const C* from = partials.data() + at / inner * chunks * inner + at % inner;
            C total = 0;
            for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
                total += from[chunk * inner];
            out[at] = static_cast<T>(scale * total);
        }
    });
}

}  // namespace cpu

template <class T>
void reduce_sum(Cpu, const AxisSizes& sizes, const T* x, compute_t<T> scale, T* out) {
    count_launch();
    if (sizes.inner == 1)
        cpu::row_sums(sizes.outer, sizes.n, x, scale, out);
    else if (sizes.results() > 0)
        cpu::column_sums(sizes.outer, sizes.n, sizes.inner, x, scale, out);
}

}  // namespace lafs::inline LAFS_ABI
