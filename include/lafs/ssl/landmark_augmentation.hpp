// Landmark augmentations of LAFS (arXiv 2403.08161): coordinate noise, and random subsets for local views.
//
// Landmarks are (B, N, 2), x and y in pixels, on any device. Results are a pure function of (seed, stream).
#pragma once

#include <cmath>
#include <lafs/backend/cpu/landmark_views.hpp>
#include <lafs/core/tensor.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
inline void check_landmarks(const Shape& landmarks, const char* operation) {
    require(landmarks.rank() == 3 && landmarks[2] == 2, operation, "got landmarks of shape ", landmarks,
            ", expected (images, landmarks, 2)");
}
}  // namespace detail

/// Adds independent Gaussian noise of `deviation` pixels to every coordinate.
template <class T, class D>
Tensor<T, D> perturb_landmarks(const Tensor<T, D>& landmarks, double deviation, std::uint64_t seed,
                               std::uint64_t stream) {
    detail::check_landmarks(landmarks.shape(), "perturb landmarks");
    require(deviation >= 0 && std::isfinite(deviation), "perturb landmarks", "got the deviation ", deviation,
            ", expected 0 or more pixels");
    auto result = Tensor<T, D>::empty(landmarks.shape());
    perturb_points(D{}, landmarks.size(), landmarks.data(), deviation, RandomStream{seed, stream},
                   result.data());
    return result;
}

/// Draws `count` landmarks of every image, uniformly with replacement, in the order drawn: (B, N, 2) -> (B,
/// count, 2).
template <class T, class D>
Tensor<T, D> draw_landmarks(const Tensor<T, D>& landmarks, std::int64_t count, std::uint64_t seed,
                            std::uint64_t stream) {
    detail::check_landmarks(landmarks.shape(), "draw landmarks");
    const DrawSizes sizes{landmarks.shape(0), landmarks.shape(1), count};
    require(count >= 1 && sizes.available >= 1 && sizes.available <= INT32_MAX, "draw landmarks", "got ",
            count, " of ", sizes.available, ", expected at least one of each");
    auto result = Tensor<T, D>::empty({sizes.images, count, 2});
    draw_points(D{}, sizes, landmarks.data(), RandomStream{seed, stream}, result.data());
    return result;
}

}  // namespace lafs::inline LAFS_ABI
