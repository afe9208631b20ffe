// Bilinear patches around landmarks: sizes, where a patch lies, its weights, and contract.
//
// images (batch, channels, height, width), landmarks (batch, landmarks, 2), tokens (batch, landmarks, (side,
// side, channels)):
//
//   tokens[b, l, (i, j, c)] = images[b, c] at x = lx + i - side / 2 - 0.5, y = ly + j - side / 2 - 0.5,
//
// bilinear, zero outside the image. The first index of a patch moves along x, and cells lie half a pixel
// before their centre, both as published. All cells of a patch share their fraction of a pixel, so that cell
// (i, j) blends the corners (y + j, x + i), (y + j, x + i + 1), (y + j + 1, x + i), (y + j + 1, x + i + 1),
// in this order, with four weights of the patch.
//
// A backend overloads, for its device:
//   landmark_patches_forward(D, sizes, images, landmarks, tokens)                    tokens =
//   landmark_patches_backward_landmarks(D, sizes, images, landmarks, g, dlandmarks)  dlandmarks = or +=
//   landmark_patches_backward_images(D, sizes, landmarks, g, dimages)                dimages = or +=
// A pixel's gradients are added in the order of landmarks and cells. Landmarks and their gradients are of the
// compute type: a bfloat16 coordinate would be off by up to half a pixel.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

struct PatchSizes {
    std::int64_t batch, channels, height, width, landmarks, side;

    LAFS_HOST_DEVICE std::int64_t token() const { return side * side * channels; }
    LAFS_HOST_DEVICE std::int64_t pixels() const { return height * width; }
    LAFS_HOST_DEVICE bool inside(std::int64_t y, std::int64_t x) const {
        return y >= 0 && y < height && x >= 0 && x < width;
    }
    /// A channel's pixel in the compute type, zero outside the image.
    template <class C, class T>
    LAFS_HOST_DEVICE C pixel(const T* channel, std::int64_t y, std::int64_t x) const {
        return inside(y, x) ? static_cast<C>(channel[y * width + x]) : C(0);
    }
};

/// Where a patch lies: its first pixel and the fraction of a pixel beyond. `inside` is false where no cell
/// touches the image; `outside_value` is what its cells, and its landmark's gradient, hold then (0, or NaN
/// for landmarks that are no numbers).
template <class C>
struct PatchPlace {
    bool inside;
    std::int64_t x, y;
    C fraction_x, fraction_y, outside_value;

    LAFS_HOST_DEVICE PatchPlace(const PatchSizes& n, const C* landmark) {
        const C shift = static_cast<C>(n.side) / 2 + C(0.5);
        const C left = landmark[0] - shift, top = landmark[1] - shift;
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

/// The blend of four corners with the weights of a patch.
template <class C>
struct PatchBlend {
    C weight[4];

    LAFS_HOST_DEVICE explicit PatchBlend(const PatchPlace<C>& place) {
        const C fx = place.fraction_x, fy = place.fraction_y;
        weight[0] = (1 - fy) * (1 - fx), weight[1] = (1 - fy) * fx;
        weight[2] = fy * (1 - fx), weight[3] = fy * fx;
    }
    LAFS_HOST_DEVICE C operator()(C c0, C c1, C c2, C c3) const {
        return weight[0] * c0 + weight[1] * c1 + weight[2] * c2 + weight[3] * c3;
    }
};

/// The gradient of a landmark: what the cells of its patch add up to.
template <class C>
struct PatchLandmarkGradient {
    C fx, fy, x, y;

    LAFS_HOST_DEVICE explicit PatchLandmarkGradient(const PatchPlace<C>& place)
        : fx(place.fraction_x), fy(place.fraction_y), x(place.outside_value), y(place.outside_value) {}

    /// A cell's corners and its gradient g.
    LAFS_HOST_DEVICE void add(C g, C c0, C c1, C c2, C c3) {
        x += g * ((1 - fy) * (c1 - c0) + fy * (c3 - c2));
        y += g * ((1 - fx) * (c2 - c0) + fx * (c3 - c1));
    }
};

/// The gradients of a cell's corners from that of the cell: body(y, x, gradient) for each that the image has.
template <class C, class Body>
LAFS_HOST_DEVICE void each_corner_gradient(const PatchSizes& n, const PatchPlace<C>& place, std::int64_t i,
                                           std::int64_t j, C g, const Body& body) {
    const C fx = place.fraction_x, fy = place.fraction_y;
    const std::int64_t x = place.x + i, y = place.y + j;
    const auto put = [&](std::int64_t at_y, std::int64_t at_x, C gradient) {
        if (n.inside(at_y, at_x))
            body(at_y, at_x, gradient);
    };
    put(y, x, g * (1 - fy) * (1 - fx));
    put(y, x + 1, g * (1 - fy) * fx);
    put(y + 1, x, g * fy * (1 - fx));
    put(y + 1, x + 1, g * fy * fx);
}

}  // namespace lafs::inline LAFS_ABI
