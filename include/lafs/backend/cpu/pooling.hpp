// Pooling on the CPU (formulas and contract: primitives/pooling.hpp): a task takes some planes.
//
// Gradients are scattered into a plane of the task's own, in the order of the windows, which is that in which the
// contract has a pixel gather them.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/backend/cpu/pack.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/pooling.hpp>
#include <limits>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Runs body(plane, scratch) for all planes; the scratch is the task's own.
template <class C, class Body>
void for_each_plane(const PoolGeometry& g, std::int64_t scratch_size, const Body& body) {
    count_launch();
    const std::int64_t grain = map_grain / std::max<std::int64_t>(1, g.in_plane());
    parallel_ranges(g.planes, std::max<std::int64_t>(1, grain), [&](std::int64_t begin, std::int64_t end) {
        const auto scratch = Tensor<C>::empty({scratch_size});
        for (std::int64_t plane = begin; plane < end; ++plane)
            body(plane, scratch.data());
    });
}

/// Runs add(scratch), which adds to a plane of zeros, for each plane, and puts the sums to dx.
template <class T, class Add>
void scatter_planes(const PoolGeometry& g, const GradientTarget<T>& dx, const Add& add) {
    using C = compute_t<T>;
    for_each_plane<C>(g, g.in_plane(), [&](std::int64_t plane, C* sums) {
        std::fill_n(sums, g.in_plane(), C(0));
        add(plane, sums);
        T* to = dx.data + plane * g.in_plane();
        for (std::int64_t i = 0; i < g.in_plane(); ++i)
            convert_element(sums[i], to[i], dx.accumulate);
    });
}

/// The windows of one row of the output that lie within the columns of the plane: begin .. end - 1.
inline PoolRange inner_windows(const PoolAxis& axis) {
    if (axis.kernel == 0)
        return {0, 0};
    const std::int64_t begin = std::min(axis.out, (axis.padding + axis.stride - 1) / axis.stride);
    const std::int64_t free = axis.size - axis.kernel + axis.padding;
    return {begin, free < 0 ? begin : std::max(begin, std::min(axis.out, free / axis.stride + 1))};
}

/// The largest elements of `count` windows of row v from u on, a pack of them at a time: no branch depends on
/// values.
template <class T>
LAFS_FLATTEN void max_pool_pack(const PoolGeometry& g, const T* x, std::int64_t v, std::int64_t u,
                                std::int64_t count, T* y, std::int64_t* where) {
    using P = Pack<compute_t<T>>;
    const PoolAxis& axis = g.columns;
    const PoolRange rows = g.rows.window(v);
    const std::int64_t column = u * axis.stride - axis.padding;
    P best(-std::numeric_limits<compute_t<T>>::infinity()), tap(0);
    for (std::int64_t a = rows.first; a < rows.last; ++a)
        for (std::int64_t b = 0; b < axis.kernel; ++b) {
            const T* from = x + a * axis.size + column + b;
            const P value =
                axis.stride == 1 && count == P::width ? load(from) : load(from, axis.stride, count);
            const P better =  // NaN wins, and stays
                select(is_equal(value, value), is_less(best, value), is_equal(best, best));
            best = select(better, value, best);
            tap = select(better, P(static_cast<compute_t<T>>((a - rows.first) * axis.kernel + b)), tap);
        }
    store(y + u, best, 1, count);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto at = static_cast<std::int64_t>(tap.lanes[i]);
        where[u + i] =
            (rows.first + at / axis.kernel) * axis.size + column + i * axis.stride + at % axis.kernel;
    }
}

}  // namespace cpu

template <class T>
void average_pool_forward(Cpu, const PoolGeometry& g, const T* x, T* y) {
    cpu::for_each_plane<T>(g, 0, [&](std::int64_t plane, T*) {
        T* to = y + plane * g.out_plane();
        for (std::int64_t v = 0; v < g.rows.out; ++v)
            for (std::int64_t u = 0; u < g.columns.out; ++u)
                *to++ = static_cast<T>(g.average(x + plane * g.in_plane(), v, u));
    });
}

template <class T>
void average_pool_backward(Cpu, const PoolGeometry& g, const T* grad, const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    cpu::scatter_planes(g, dx, [&](std::int64_t plane, C* sums) {
        const T* from = grad + plane * g.out_plane();
        for (std::int64_t v = 0; v < g.rows.out; ++v)
            for (std::int64_t u = 0; u < g.columns.out; ++u) {
                const C share = static_cast<C>(*from++) / static_cast<C>(g.divisor(v, u));
                const PoolRange a = g.rows.window(v), b = g.columns.window(u);
                for (std::int64_t row = a.first; row < a.last; ++row)
                    for (std::int64_t at = row * g.columns.size + b.first; at < row * g.columns.size + b.last;
                         ++at)
                        sums[at] += share;
            }
    });
}

template <class T>
void max_pool_forward(Cpu, const PoolGeometry& g, const T* x, T* y, std::int64_t* where) {
    using P = Pack<compute_t<T>>;
    const PoolRange inner = cpu::inner_windows(g.columns);
    cpu::for_each_plane<T>(g, 0, [&](std::int64_t plane, T*) {
        const T* from = x + plane * g.in_plane();
        for (std::int64_t v = 0; v < g.rows.out; ++v) {
            T* to = y + plane * g.out_plane() + v * g.columns.out;
            std::int64_t* place = where + plane * g.out_plane() + v * g.columns.out;
            const auto one = [&](std::int64_t u) {
                const auto best = g.largest(from, v, u);
                to[u] = static_cast<T>(best.value);
                place[u] = best.where;
            };
            for (std::int64_t u = 0; u < inner.first; ++u)
                one(u);
            for (std::int64_t u = inner.first; u < inner.last; u += P::width)
                cpu::max_pool_pack(g, from, v, u, std::min<std::int64_t>(P::width, inner.last - u), to,
                                   place);
            for (std::int64_t u = inner.last; u < g.columns.out; ++u)
                one(u);
        }
    });
}

template <class T>
void max_pool_backward(Cpu, const PoolGeometry& g, const std::int64_t* where, const T* grad,
                       const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    cpu::scatter_planes(g, dx, [&](std::int64_t plane, C* sums) {
        for (std::int64_t at = plane * g.out_plane(); at < (plane + 1) * g.out_plane(); ++at)
            sums[where[at]] += static_cast<C>(grad[at]);
    });
}

}  // namespace lafs::inline LAFS_ABI
