// Gaussian blur as Pillow does it, byte for byte.
//
// Three box blurs along rows, then three along columns, with a box of fractional width: whole pixels
// within the radius, a share of the next one on both sides (Gwosdek, Grewenig, Bruhn and Weickert,
// "Theoretical foundations of Gaussian convolution by extended box filtering", SSVM 2011). Pixels are bytes
// between passes, and those outside the image are the nearest inside.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

inline constexpr int blur_passes = 3;

/// A box of 2 * radius + 1 pixels of weight `inner` and one more of weight `edge` on both sides, in 24-bit
/// fixed point.
struct BlurBox {
    int radius;
    std::uint32_t inner, edge;

    /// The box whose repeated application has the Gaussian's variance.
    explicit BlurBox(float deviation) {
        const float variance = deviation * deviation / blur_passes;
        const float length = static_cast<float>(std::sqrt(12.0 * static_cast<double>(variance) + 1.0));
        const float whole = std::floor((length - 1.0f) / 2.0f);
        const float fraction = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) /
                               (6 * (variance - (whole + 1) * (whole + 1)));
        const float exact = whole + fraction;
        radius = static_cast<int>(exact);
        inner = static_cast<std::uint32_t>(static_cast<float>(1 << 24) / (exact * 2 + 1));
        edge = ((1u << 24) - static_cast<std::uint32_t>(2 * radius + 1) * inner) / 2;
    }

    /// The number of pixels that the box covers, partly covered ones included.
    int taps() const { return 2 * radius + 3; }
};

inline constexpr std::ptrdiff_t blur_block = 64;  // bytes at a time: a fixed number vectorises

/// out[i] = the box over source(0)[i] .. source(taps - 1)[i], for `count` bytes. Works in whole blocks:
/// reads and writes up to `blur_block` - 1 bytes beyond `count`.
template <class Source>
void blur_bytes(const BlurBox& box, const Source& source, std::uint8_t* out, std::ptrdiff_t count) {
    const int last = box.taps() - 1;
    for (std::ptrdiff_t begin = 0; begin < count; begin += blur_block) {
        std::uint32_t sum[blur_block] = {};
        for (int tap = 1; tap < last; ++tap) {
            const std::uint8_t* from = source(tap) + begin;
            for (int i = 0; i < blur_block; ++i)
                sum[i] += from[i];
        }
        const std::uint8_t *before = source(0) + begin, *after = source(last) + begin;
        std::uint8_t blurred[blur_block];
        for (int i = 0; i < blur_block; ++i) {
            const std::uint32_t ends = std::uint32_t{before[i]} + after[i];
            blurred[i] = static_cast<std::uint8_t>((sum[i] * box.inner + ends * box.edge + (1u << 23)) >> 24);
        }
        std::copy_n(blurred, blur_block, out + begin);
    }
}

/// Blurs rows in place, with the row's ends repeated in the margins of a scratch row.
inline void blur_rows(const BlurBox& box, std::uint8_t* pixels, int width, int height) {
    const std::ptrdiff_t margin = 3 * (box.radius + 1), length = 3 * static_cast<std::ptrdiff_t>(width);
    std::vector<std::uint8_t> scratch(static_cast<std::size_t>(2 * margin + length + blur_block));
    std::vector<std::uint8_t> blurred(static_cast<std::size_t>(length + blur_block));
    std::uint8_t* row = scratch.data() + margin;
    for (int y = 0; y < height; ++y) {
        std::copy_n(pixels + y * length, length, row);
        for (int pass = 0; pass < blur_passes; ++pass) {
            for (std::ptrdiff_t i = 0; i < margin; ++i) {
                row[i - margin] = row[i % 3];
                row[length + i] = row[length - 3 + i % 3];
            }
            blur_bytes(
                box, [&](int tap) { return scratch.data() + 3 * tap; }, blurred.data(), length);
            std::copy_n(blurred.data(), length, row);
        }
        std::copy_n(row, length, pixels + y * length);
    }
}

/// Blurs columns once, from one image to another; both have room for a block behind them.
inline void blur_columns(const BlurBox& box, const std::uint8_t* from, std::uint8_t* to, int width,
                         int height) {
    const std::ptrdiff_t length = 3 * static_cast<std::ptrdiff_t>(width);
    for (int y = 0; y < height; ++y)
        blur_bytes(
            box, [&](int tap) { return from + std::clamp(y + tap - box.radius - 1, 0, height - 1) * length; },
            to + y * length, length);
}

}  // namespace detail

/// The image blurred by a Gaussian whose standard deviation is `radius` pixels (Pillow's GaussianBlur).
/// Throws for a negative radius or one above 1000.
inline Image gaussian_blur(Image image, double radius) {
    check_image(image, "gaussian blur");
    require(radius >= 0 && radius <= 1000, "gaussian blur", "got the radius ", radius,
            ", expected 0 .. 1000");
    if (radius == 0)
        return image;
    const detail::BlurBox box(static_cast<float>(radius));
    const std::size_t bytes = image.pixels.size();
    detail::blur_rows(box, image.pixels.data(), image.width, image.height);
    image.pixels.resize(bytes + detail::blur_block);
    std::vector<std::uint8_t> other(bytes + detail::blur_block);
    for (int pass = 0; pass < detail::blur_passes; ++pass) {
        detail::blur_columns(box, image.pixels.data(), other.data(), image.width, image.height);
        std::swap(image.pixels, other);
    }
    image.pixels.resize(bytes);
    return image;
}

}  // namespace lafs::inline LAFS_ABI
