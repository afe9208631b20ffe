// Pooling on the CPU (formulas and contract: primitives/pooling.hpp): a task takes some planes.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/pooling.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Runs body(plane, row, column, place) over all places of planes of height x width.
template <class Body>
void for_each_pixel(std::int64_t planes, std::int64_t height, std::int64_t width, const Body& body) {
    count_launch();
    const std::int64_t grain = map_grain / std::max<std::int64_t>(1, height * width);
    parallel_ranges(planes, std::max<std::int64_t>(1, grain), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane)
            for (std::int64_t row = 0, place = plane * height * width; row < height; ++row)
                for (std::int64_t column = 0; column < width; ++column, ++place)
                    body(plane, row, column, place);
    });
}

}  // namespace cpu

template <class T>
void average_pool_forward(Cpu, const PoolGeometry& g, const T* x, T* y) {
    cpu::for_each_pixel(g.planes, g.rows.out, g.columns.out,
                        [&](std::int64_t plane, std::int64_t v, std::int64_t u, std::int64_t place) {
                            y[place] = static_cast<T>(g.average(x + plane * g.in_plane(), v, u));
                        });
}

template <class T>
void average_pool_backward(Cpu, const PoolGeometry& g, const T* grad, const GradientTarget<T>& dx) {
    cpu::for_each_pixel(g.planes, g.rows.size, g.columns.size,
                        [&](std::int64_t plane, std::int64_t v, std::int64_t u, std::int64_t place) {
                            convert_element(g.average_gradient(grad + plane * g.out_plane(), v, u),
                                            dx.data[place], dx.accumulate);
                        });
}

template <class T>
void max_pool_forward(Cpu, const PoolGeometry& g, const T* x, T* y, std::int64_t* where) {
    cpu::for_each_pixel(g.planes, g.rows.out, g.columns.out,
                        [&](std::int64_t plane, std::int64_t v, std::int64_t u, std::int64_t place) {
                            const auto best = g.largest(x + plane * g.in_plane(), v, u);
                            y[place] = static_cast<T>(best.value);
                            where[place] = best.where;
                        });
}

template <class T>
void max_pool_backward(Cpu, const PoolGeometry& g, const std::int64_t* where, const T* grad,
                       const GradientTarget<T>& dx) {
    cpu::for_each_pixel(g.planes, g.rows.size, g.columns.size,
                        [&](std::int64_t plane, std::int64_t v, std::int64_t u, std::int64_t place) {
                            const std::int64_t at = plane * g.out_plane();
                            convert_element(g.largest_gradient(where + at, grad + at, v, u), dx.data[place],
                                            dx.accumulate);
                        });
}

}  // namespace lafs::inline LAFS_ABI
