// Bilinear patches around landmarks on the CPU (formulas and contract: primitives/landmark_patches.hpp). A
// patch is one window of (side + 1)^2 pixels of each channel.
#pragma once

#include <lafs/core/counter.hpp>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <lafs/primitives/landmark_patches.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// The (side + 1)^2 pixels of one channel, row by row, zero outside the image.
template <class T, class C>
void read_window(const PatchSizes& n, const T* channel, const PatchPlace<C>& place, C* window) {
    for (std::int64_t y = place.y; y <= place.y + n.side; ++y)
        for (std::int64_t x = place.x; x <= place.x + n.side; ++x)
            *window++ = n.template pixel<C>(channel, y, x);
}

/// Landmarks of one task.
inline constexpr std::int64_t landmarks_per_task = 28;

/// body(landmark, place, window) for every landmark of the batch; `window` is scratch.
template <class C, class Body>
void for_each_landmark(const PatchSizes& n, const C* landmarks, const Body& body) {
    count_launch();
    parallel_ranges(n.batch * n.landmarks, landmarks_per_task, [&](std::int64_t begin, std::int64_t end) {
        const auto window = Tensor<C>::empty({n.side + 1, n.side + 1});
        for (std::int64_t at = begin; at < end; ++at)
            body(at, PatchPlace<C>(n, landmarks + 2 * at), window.data());
    });
}

/// Adds the gradient of one patch's channel to that channel of the image.
template <class T, class C>
void spread_patch(const PatchSizes& n, const PatchPlace<C>& place, const T* g, C* channel) {
    for (std::int64_t a = 0; a < n.side; ++a)
        for (std::int64_t b = 0; b < n.side; ++b)
            each_corner_gradient(
                n, place, a, b, static_cast<C>(g[(a * n.side + b) * n.channels]),
                [&](std::int64_t y, std::int64_t x, C gradient) { channel[y * n.width + x] += gradient; });
}

}  // namespace cpu

template <class T>
void landmark_patches_forward(Cpu, const PatchSizes& n, const T* images, const compute_t<T>* landmarks,
                              T* tokens) {
    using C = compute_t<T>;
    cpu::for_each_landmark(n, landmarks, [=](std::int64_t at, const PatchPlace<C>& place, C* window) {
        T* token = tokens + at * n.token();
        if (!place.inside) {
            std::fill_n(token, n.token(), static_cast<T>(place.outside_value));
            return;
        }
        const std::int64_t row = n.side + 1;
        const PatchBlend<C> blend(place);
        for (std::int64_t c = 0; c < n.channels; ++c) {
            cpu::read_window(n, images + (at / n.landmarks * n.channels + c) * n.pixels(), place, window);
            for (std::int64_t a = 0; a < n.side; ++a)
                for (std::int64_t b = 0; b < n.side; ++b) {
                    const C* corner = window + b * row + a;
                    token[(a * n.side + b) * n.channels + c] =
                        static_cast<T>(blend(corner[0], corner[1], corner[row], corner[row + 1]));
                }
        }
    });
}

template <class T>
void landmark_patches_backward_landmarks(Cpu, const PatchSizes& n, const T* images,
                                         const compute_t<T>* landmarks, const T* g,
                                         const GradientTarget<compute_t<T>>& dlandmarks) {
    using C = compute_t<T>;
    cpu::for_each_landmark(n, landmarks, [=](std::int64_t at, const PatchPlace<C>& place, C* window) {
        PatchLandmarkGradient<C> gradient(place);
        const std::int64_t row = n.side + 1;
        for (std::int64_t c = 0; place.inside && c < n.channels; ++c) {
            cpu::read_window(n, images + (at / n.landmarks * n.channels + c) * n.pixels(), place, window);
            for (std::int64_t a = 0; a < n.side; ++a)
                for (std::int64_t b = 0; b < n.side; ++b) {
                    const C* corner = window + b * row + a;
                    gradient.add(static_cast<C>(g[at * n.token() + (a * n.side + b) * n.channels + c]),
                                 corner[0], corner[1], corner[row], corner[row + 1]);
                }
        }
        C* to = dlandmarks.data + 2 * at;
        to[0] = dlandmarks.accumulate ? to[0] + gradient.x : gradient.x;
        to[1] = dlandmarks.accumulate ? to[1] + gradient.y : gradient.y;
    });
}

/// A task owns one channel; its patches are added in order, those of 16-bit images in float beside the
/// channel.
template <class T>
void landmark_patches_backward_images(Cpu, const PatchSizes& n, const compute_t<T>* landmarks, const T* g,
                                      const GradientTarget<T>& dimages) {
    using C = compute_t<T>;
    constexpr bool widens = !std::is_same_v<T, C>;
    count_launch();
    parallel_for(n.batch * n.channels, [&](std::int64_t task) {
        const std::int64_t image = task / n.channels, c = task % n.channels;
        T* to = dimages.data + task * n.pixels();
        const auto wide = Tensor<C>::empty({widens ? n.pixels() : 0});
        C* sums;
        if constexpr (widens)
            sums = wide.data();
        else
            sums = to;
        if (widens || !dimages.accumulate)
            std::fill_n(sums, n.pixels(), C(0));
        for (std::int64_t at = image * n.landmarks; at < (image + 1) * n.landmarks; ++at) {
            const PatchPlace<C> place(n, landmarks + 2 * at);
            if (place.inside)
                cpu::spread_patch(n, place, g + at * n.token() + c, sums);
        }
        if constexpr (widens)
            for (std::int64_t i = 0; i < n.pixels(); ++i)
                convert_element(sums[i], to[i], dimages.accumulate);
    });
}

}  // namespace lafs::inline LAFS_ABI
