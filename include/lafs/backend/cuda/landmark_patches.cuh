// Bilinear patches around landmarks on the GPU (formulas and contract: primitives/landmark_patches.hpp).
//
// Forward, a thread makes one number of a token. A landmark's gradient is summed by a warp. An image's is
// gathered: a thread owns a pixel and looks which cells of which patches touch it, in order, without atomics.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/primitives/convert.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <lafs/primitives/landmark_patches.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// The pixels that a cell of a patch blends, of one channel of its image.
template <class C>
struct CellCorners {
    C corner[4];

    template <class T>
    __device__ CellCorners(const PatchSizes& n, const T* channel, const PatchPlace<C>& place, std::int64_t i,
                           std::int64_t j) {
        for (int k = 0; k < 4; ++k)
            corner[k] = n.template pixel<C>(channel, place.y + j + k / 2, place.x + i + k % 2);
    }
};

template <class T>
__global__ void patches_kernel(PatchSizes n, const T* images, const compute_t<T>* landmarks, T* tokens) {
    using C = compute_t<T>;
    each_element(n.batch * n.landmarks * n.token(), [=](std::int64_t at) {
        const std::int64_t landmark = at / n.token(), c = at % n.channels, cell = at % n.token() / n.channels;
        const PatchPlace<C> place(n, landmarks + 2 * landmark);
        C value = place.outside_value;
        if (place.inside) {
            const T* channel = images + (landmark / n.landmarks * n.channels + c) * n.pixels();
            const C(&p)[4] = CellCorners<C>(n, channel, place, cell / n.side, cell % n.side).corner;
            value = PatchBlend<C>(place)(p[0], p[1], p[2], p[3]);
        }
        tokens[at] = static_cast<T>(value);
    });
}

template <class T>
__global__ void patches_landmarks_kernel(PatchSizes n, const T* images, const compute_t<T>* landmarks,
                                         const T* g, GradientTarget<compute_t<T>> dlandmarks) {
    using C = compute_t<T>;
    each_element(n.batch * n.landmarks * warp_threads, [=](std::int64_t thread) {  // a warp stays together
        const std::int64_t landmark = thread / warp_threads, lane = thread % warp_threads;
        const PatchPlace<C> place(n, landmarks + 2 * landmark);
        PatchLandmarkGradient<C> gradient(place);
        if (place.inside) {
            for (std::int64_t at = lane; at < n.token(); at += warp_threads) {
                const std::int64_t c = at % n.channels, cell = at / n.channels;
                const T* channel = images + (landmark / n.landmarks * n.channels + c) * n.pixels();
                const C(&p)[4] = CellCorners<C>(n, channel, place, cell / n.side, cell % n.side).corner;
                gradient.add(static_cast<C>(g[landmark * n.token() + at]), p[0], p[1], p[2], p[3]);
            }
            const auto add = [](C a, C b) { return a + b; };
            gradient.x = across_warp(gradient.x, add);
            gradient.y = across_warp(gradient.y, add);
        }
        if (lane == 0) {
            C* to = dlandmarks.data + 2 * landmark;
            to[0] = dlandmarks.accumulate ? to[0] + gradient.x : gradient.x;
            to[1] = dlandmarks.accumulate ? to[1] + gradient.y : gradient.y;
        }
    });
}

template <class T>
__global__ void patches_images_kernel(PatchSizes n, const compute_t<T>* landmarks, const T* g,
                                      GradientTarget<T> dimages) {
    using C = compute_t<T>;
    each_element(n.batch * n.channels * n.pixels(), [=](std::int64_t pixel) {
        const std::int64_t image = pixel / (n.channels * n.pixels()), c = pixel / n.pixels() % n.channels,
                           y = pixel % n.pixels() / n.width, x = pixel % n.width;
        C sum = 0;
        for (std::int64_t at = image * n.landmarks; at < (image + 1) * n.landmarks; ++at) {
            const PatchPlace<C> place(n, landmarks + 2 * at);
            const std::int64_t last_i = x - place.x, last_j = y - place.y;  // the cell that begins here
            if (!place.inside || last_i < 0 || last_i > n.side || last_j < 0 || last_j > n.side)
                continue;
            for (std::int64_t i = last_i - 1; i <= last_i; ++i)
                for (std::int64_t j = last_j - 1; j <= last_j; ++j) {
                    if (i < 0 || i >= n.side || j < 0 || j >= n.side)
                        continue;
                    const C gradient = static_cast<C>(g[at * n.token() + (i * n.side + j) * n.channels + c]);
                    each_corner_gradient(n, place, i, j, gradient,
                                         [&](std::int64_t at_y, std::int64_t at_x, C of_corner) {
                                             if (at_y == y && at_x == x)
                                                 sum += of_corner;
                                         });
                }
        }
        convert_element(sum, dimages.data[pixel], dimages.accumulate);
    });
}

}  // namespace cuda

template <class T>
void landmark_patches_forward(Cuda, const PatchSizes& n, const T* images, const compute_t<T>* landmarks,
                              T* tokens) {
    cuda::launch_elements(cuda::patches_kernel<T>, n.batch * n.landmarks * n.token(), n, images, landmarks,
                          tokens);
}

template <class T>
void landmark_patches_backward_landmarks(Cuda, const PatchSizes& n, const T* images,
                                         const compute_t<T>* landmarks, const T* g,
                                         const GradientTarget<compute_t<T>>& dlandmarks) {
    cuda::launch_elements(cuda::patches_landmarks_kernel<T>, n.batch * n.landmarks * cuda::warp_threads, n,
                          images, landmarks, g, dlandmarks);
}

template <class T>
void landmark_patches_backward_images(Cuda, const PatchSizes& n, const compute_t<T>* landmarks, const T* g,
                                      const GradientTarget<T>& dimages) {
    cuda::launch_elements(cuda::patches_images_kernel<T>, n.batch * n.channels * n.pixels(), n, landmarks, g,
                          dimages);
}

}  // namespace lafs::inline LAFS_ABI
