// Largest and smallest elements over one axis on the CPU (contract: primitives/extremum.hpp).
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/extremum.hpp>

namespace lafs::inline LAFS_ABI {

template <class Order, class T>
void reduce_extremum(Cpu, Order order, const AxisSizes& n, const T* x, T* out, std::int64_t* where) {
    using C = compute_t<T>;
    count_launch();
    parallel_ranges(n.results(), std::max<std::int64_t>(1, cpu::map_grain / n.n),
                    [&](std::int64_t begin, std::int64_t end) {
                        for (std::int64_t at = begin; at < end; ++at) {
                            Extremum<C> best{static_cast<C>(x[n.element(at, 0)]), 0};
                            for (std::int64_t k = 1; k < n.n; ++k)
                                best.take(order, {static_cast<C>(x[n.element(at, k)]), k});
                            out[at] = static_cast<T>(best.value);
                            where[at] = best.where;
                        }
                    });
}

template <class T>
void scatter_extremum(Cpu, const AxisSizes& n, const std::int64_t* where, const T* g,
                      const GradientTarget<T>& dx) {
    count_launch();
    parallel_ranges(
        n.outer, std::max<std::int64_t>(1, cpu::map_grain / std::max<std::int64_t>(1, n.n * n.inner)),
        [&](std::int64_t begin, std::int64_t end) {
            if (!dx.accumulate)
                std::fill(dx.data + begin * n.n * n.inner, dx.data + end * n.n * n.inner, static_cast<T>(0));
            for (std::int64_t at = begin * n.inner; at < end * n.inner; ++at)
                convert_element(g[at], dx.data[n.element(at, where[at])], true);
        });
}

}  // namespace lafs::inline LAFS_ABI
