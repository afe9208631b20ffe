// Landmarks of views: coordinate noise, and random subsets.
//
//   perturb_points(D, size, x, deviation, random, y)     y[i] = x[i] + deviation * (the i-th normal number)
//   draw_points(D, sizes, x, random, y)                  y[b, m] = x[b, the choice of number b * count + m]
//
// x and y are contiguous points (images, landmarks, 2); `size` counts coordinates. Choices are uniform, with
// replacement. Numbers are a pure function of (seed, stream, index), whatever the threads.
#pragma once

#include <lafs/core/random.hpp>

namespace lafs::inline LAFS_ABI {

/// x[i] with noise of `deviation`, one coordinate.
template <class T>
LAFS_HOST_DEVICE T perturbed(const RandomStream& random, double deviation, T value, std::int64_t i) {
    return static_cast<T>(static_cast<double>(value) +
                          deviation * normal_at(random.seed, random.stream, static_cast<std::uint64_t>(i)));
}

/// x (images, available, 2) -> y (images, count, 2).
struct DrawSizes {
    std::int64_t images, available, count;

    /// Which of its image's points is the i-th of y.
    LAFS_HOST_DEVICE std::int64_t chosen(const RandomStream& random, std::int64_t i) const {
        const auto index = static_cast<std::uint64_t>(i);
        const std::uint64_t bits = philox(random.seed, random.stream, index >> 2).word[index & 3];
        return static_cast<std::int64_t>(bits * static_cast<std::uint64_t>(available) >> 32);
    }
    /// Where that point lies in x, counted in points.
    LAFS_HOST_DEVICE std::int64_t source(const RandomStream& random, std::int64_t i) const {
        return i / count * available + chosen(random, i);
    }
};

}  // namespace lafs::inline LAFS_ABI
