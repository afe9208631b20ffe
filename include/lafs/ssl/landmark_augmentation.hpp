// Landmark augmentations of LAFS (arXiv 2403.08161): coordinate noise, and random subsets for local views.
//
// Landmarks are (B, N, 2), x and y in pixels. Results are a pure function of (seed, stream).
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
template <class T>
void check_landmarks(const Tensor<T, Cpu>& landmarks, const char* operation) {
    require(landmarks.rank() == 3 && landmarks.shape(2) == 2, operation, "got landmarks of shape ",
            landmarks.shape(), ", expected (images, landmarks, 2)");
}
}  // namespace detail

/// Adds independent Gaussian noise of `deviation` pixels to every coordinate.
template <class T>
Tensor<T, Cpu> perturb_landmarks(const Tensor<T, Cpu>& landmarks, double deviation, std::uint64_t seed,
                                 std::uint64_t stream) {
    detail::check_landmarks(landmarks, "perturb landmarks");
    require(deviation >= 0 && std::isfinite(deviation), "perturb landmarks", "got the deviation ", deviation,
            ", expected 0 or more pixels");
    auto result = Tensor<T, Cpu>::empty(landmarks.shape());
    const T* from = landmarks.data();
    T* to = result.data();
    parallel_ranges(landmarks.size(), 1024, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            to[i] = static_cast<T>(static_cast<double>(from[i]) +
                                   deviation * normal_at(seed, stream, static_cast<std::uint64_t>(i)));
    });
    return result;
}

/// Draws `count` landmarks of every image, uniformly with replacement, in the order drawn: (B, N, 2) -> (B,
/// count, 2).
template <class T>
Tensor<T, Cpu> draw_landmarks(const Tensor<T, Cpu>& landmarks, std::int64_t count, std::uint64_t seed,
                              std::uint64_t stream) {
    detail::check_landmarks(landmarks, "draw landmarks");
    const std::int64_t images = landmarks.shape(0), available = landmarks.shape(1);
    require(count >= 1 && available >= 1 && available <= INT32_MAX, "draw landmarks", "got ", count, " of ",
            available, ", expected at least one of each");
    auto result = Tensor<T, Cpu>::empty({images, count, 2});
    const T* from = landmarks.data();
    T* to = result.data();
    parallel_ranges(images * count, 1024, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const auto index = static_cast<std::uint64_t>(i);
            const std::uint64_t bits = philox(seed, stream, index >> 2).word[index & 3];
            const auto chosen = static_cast<std::int64_t>(bits * static_cast<std::uint64_t>(available) >> 32);
            const T* point = from + 2 * (i / count * available + chosen);
            to[2 * i] = point[0];
            to[2 * i + 1] = point[1];
        }
    });
    return result;
}

}  // namespace lafs::inline LAFS_ABI
