// Bilinear patches around landmarks on the CPU.
//
// All cells of a patch share their fraction of a pixel, so a patch is one window of (side + 1)^2 pixels, zero
// outside the image, blended with four weights. The first index of a patch moves along x, and cells lie
// half a pixel before their centre, both as published.
#pragma once

#include <lafs/backend/cpu/pack.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

/// images (batch, channels, height, width), landmarks (batch, landmarks, 2), tokens (batch, landmarks,
/// side * side * channels).
struct PatchSizes {
    std::int64_t batch, channels, height, width, landmarks, side;

    std::int64_t token() const { return side * side * channels; }
    std::int64_t pixels() const { return height * width; }
};

namespace cpu {

/// Where a patch lies: its first pixel and the fraction of a pixel beyond. `inside` is false where no cell
/// touches the image; `outside_value` is what its cells hold then (NaN for landmarks that are no numbers).
template <class C>
struct PatchPlace {
    bool inside;
    std::int64_t x, y;
    C fraction_x, fraction_y, outside_value;

    template <class T>
    PatchPlace(const PatchSizes& n, const T* landmark) {
        const C shift = static_cast<C>(n.side) / 2 + C(0.5);
        const C left = static_cast<C>(landmark[0]) - shift, top = static_cast<C>(landmark[1]) - shift;
        const C reach = static_cast<C>(-n.side - 1);
        inside =
            left > reach && left < static_cast<C>(n.width) && top > reach && top < static_cast<C>(n.height);
        outside_value = left * 0 + top * 0;
        x = inside ? static_cast<std::int64_t>(std::floor(left)) : 0;
        y = inside ? static_cast<std::int64_t>(std::floor(top)) : 0;
        fraction_x = left - static_cast<C>(x);
        fraction_y = top - static_cast<C>(y);
    }
};

/// The (side + 1)^2 pixels of one channel, row by row, zero outside the image.
template <class T, class C>
void read_window(const PatchSizes& n, const T* channel, const PatchPlace<C>& place, C* window) {
    for (std::int64_t y = place.y; y <= place.y + n.side; ++y)
        for (std::int64_t x = place.x; x <= place.x + n.side; ++x) {
            const bool inside = y >= 0 && y < n.height && x >= 0 && x < n.width;
            *window++ = inside ? static_cast<C>(channel[y * n.width + x]) : C(0);
        }
}

/// Landmarks of one task.
inline constexpr std::int64_t landmarks_per_task = 28;

/// body(landmark, place, window) for every landmark of the batch; `window` is scratch.
template <class T, class Body>
void for_each_landmark(const PatchSizes& n, const T* landmarks, const Body& body) {
    using C = compute_t<T>;
    count_launch();
    parallel_ranges(n.batch * n.landmarks, landmarks_per_task, [&](std::int64_t begin, std::int64_t end) {
        const auto window = Tensor<C>::empty({n.side + 1, n.side + 1});
        for (std::int64_t at = begin; at < end; ++at)
            body(at, PatchPlace<C>(n, landmarks + 2 * at), window.data());
    });
}

/// Adds the gradient of one patch's channel to that channel of the image.
template <class T, class C>
void spread_patch(const PatchSizes& n, const PatchPlace<C>& place, const T* g, T* channel) {
    const C fx = place.fraction_x, fy = place.fraction_y;
    const auto add = [&](std::int64_t y, std::int64_t x, C value) {
        if (y >= 0 && y < n.height && x >= 0 && x < n.width) {
            T& to = channel[y * n.width + x];
            to = static_cast<T>(static_cast<C>(to) + value);
        }
    };
    for (std::int64_t a = 0; a < n.side; ++a)
        for (std::int64_t b = 0; b < n.side; ++b) {
            const C value = static_cast<C>(g[(a * n.side + b) * n.channels]);
            const std::int64_t x = place.x + a, y = place.y + b;
            add(y, x, value * (1 - fy) * (1 - fx));
            add(y, x + 1, value * (1 - fy) * fx);
            add(y + 1, x, value * fy * (1 - fx));
            add(y + 1, x + 1, value * fy * fx);
        }
}

}  // namespace cpu

/// tokens[b, l, (i, j, c)] = image[b, c] at x = lx + i - side / 2 - 0.5, y = ly + j - side / 2 - 0.5.
template <class T>
void landmark_patches_forward(Cpu, const PatchSizes& n, const T* images, const T* landmarks, T* tokens) {
    using C = compute_t<T>;
    cpu::for_each_landmark(n, landmarks, [=](std::int64_t at, const cpu::PatchPlace<C>& place, C* window) {
        T* token = tokens + at * n.token();
        if (!place.inside) {
            std::fill_n(token, n.token(), static_cast<T>(place.outside_value));
            return;
        }
        const std::int64_t row = n.side + 1;
        const C fx = place.fraction_x, fy = place.fraction_y;
        const C weight[4] = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx};
        for (std::int64_t c = 0; c < n.channels; ++c) {
            cpu::read_window(n, images + (at / n.landmarks * n.channels + c) * n.pixels(), place, window);
            for (std::int64_t a = 0; a < n.side; ++a)
                for (std::int64_t b = 0; b < n.side; ++b) {
                    const C* corner = window + b * row + a;
                    token[(a * n.side + b) * n.channels + c] =
                        static_cast<T>(weight[0] * corner[0] + weight[1] * corner[1] +
                                       weight[2] * corner[row] + weight[3] * corner[row + 1]);
                }
        }
    });
}

/// dlandmarks (+)= the gradient of the landmarks' x and y, given that of the tokens.
template <class T>
void landmark_patches_backward_landmarks(Cpu, const PatchSizes& n, const T* images, const T* landmarks,
                                         const T* g, const GradientTarget<T>& dlandmarks) {
    using C = compute_t<T>;
    cpu::for_each_landmark(n, landmarks, [=](std::int64_t at, const cpu::PatchPlace<C>& place, C* window) {
        C dx = place.outside_value, dy = place.outside_value;
        const std::int64_t row = n.side + 1;
        const C fx = place.fraction_x, fy = place.fraction_y;
        for (std::int64_t c = 0; place.inside && c < n.channels; ++c) {
            cpu::read_window(n, images + (at / n.landmarks * n.channels + c) * n.pixels(), place, window);
            for (std::int64_t a = 0; a < n.side; ++a)
                for (std::int64_t b = 0; b < n.side; ++b) {
                    const C value = static_cast<C>(g[at * n.token() + (a * n.side + b) * n.channels + c]);
                    const C* corner = window + b * row + a;
                    dx += value * ((1 - fy) * (corner[1] - corner[0]) + fy * (corner[row + 1] - corner[row]));
                    dy += value * ((1 - fx) * (corner[row] - corner[0]) + fx * (corner[row + 1] - corner[1]));
                }
        }
        T* to = dlandmarks.data + 2 * at;
        to[0] = static_cast<T>(dlandmarks.accumulate ? static_cast<C>(to[0]) + dx : dx);
        to[1] = static_cast<T>(dlandmarks.accumulate ? static_cast<C>(to[1]) + dy : dy);
    });
}

/// dimages (+)= the gradient of the images. A task owns one channel; its patches are added in order.
template <class T>
void landmark_patches_backward_images(Cpu, const PatchSizes& n, const T* landmarks, const T* g,
                                      const GradientTarget<T>& dimages) {
    using C = compute_t<T>;
    count_launch();
    parallel_for(n.batch * n.channels, [&](std::int64_t task) {
        const std::int64_t image = task / n.channels, c = task % n.channels;
        T* channel = dimages.data + task * n.pixels();
        if (!dimages.accumulate)
            std::fill_n(channel, n.pixels(), static_cast<T>(0));
        for (std::int64_t at = image * n.landmarks; at < (image + 1) * n.landmarks; ++at) {
            const cpu::PatchPlace<C> place(n, landmarks + 2 * at);
            if (place.inside)
                cpu::spread_patch(n, place, g + at * n.token() + c, channel);
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
