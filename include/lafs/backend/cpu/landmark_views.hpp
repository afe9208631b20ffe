// Landmarks of views on the CPU (contract: primitives/landmark_views.hpp).
#pragma once

#include <lafs/core/counter.hpp>
#include <lafs/core/device.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/primitives/landmark_views.hpp>

namespace lafs::inline LAFS_ABI {

template <class T>
void perturb_points(Cpu, std::int64_t size, const T* x, double deviation, const RandomStream& random, T* y) {
    count_launch();
    parallel_ranges(size, 1024, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            y[i] = perturbed(random, deviation, x[i], i);
    });
}

template <class T>
void draw_points(Cpu, const DrawSizes& n, const T* x, const RandomStream& random, T* y) {
    count_launch();
    parallel_ranges(n.images * n.count, 1024, [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::int64_t from = n.source(random, i);
            y[2 * i] = x[2 * from];
            y[2 * i + 1] = x[2 * from + 1];
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
