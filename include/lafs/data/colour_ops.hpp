// Colour operations on images: brightness, contrast, saturation, hue, grey, solarisation.
//
// Every byte is the one that Pillow gives (and so torchvision on Pillow images): the same formulas in the
// same precision, written without branches so that the loops vectorise.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/abi.hpp>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Replaces every byte x by table[x].
inline void map_bytes(Image& image, const std::array<std::uint8_t, 256>& table) {
    for (std::uint8_t& byte : image.pixels)
        byte = table[byte];
}

/// Calls op(red, green, blue), which changes its three ints in 0 .. 255, for every pixel. Pixels pass in
/// blocks of a fixed size, one array a component: that is what compilers vectorise.
template <class Op>
LAFS_FLATTEN void map_pixels(Image& image, const Op& op) {
    constexpr int block = 64;
    int red[block] = {}, green[block] = {}, blue[block] = {};
    std::span<std::uint8_t> rest(image.pixels);
    while (!rest.empty()) {
        const std::size_t count = std::min<std::size_t>(block, rest.size() / 3);
        for (std::size_t i = 0; i < count; ++i) {
            red[i] = rest[3 * i];
            green[i] = rest[3 * i + 1];
            blue[i] = rest[3 * i + 2];
        }
        for (int i = 0; i < block; ++i) {
            int r = red[i], g = green[i], b = blue[i];
            op(r, g, b);
            red[i] = r;
            green[i] = g;
            blue[i] = b;
        }
        for (std::size_t i = 0; i < count; ++i) {
            rest[3 * i] = static_cast<std::uint8_t>(red[i]);
            rest[3 * i + 1] = static_cast<std::uint8_t>(green[i]);
            rest[3 * i + 2] = static_cast<std::uint8_t>(blue[i]);
        }
        rest = rest.subspan(3 * count);
    }
}

/// Luma of ITU-R 601-2 in 16-bit fixed point.
inline int luma(int red, int green, int blue) {
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/// from + factor * (to - from), cut off to an integer and clamped. Product and sum are rounded to float one
/// after the other; the doubles in between are exact and keep compilers from fusing the two.
inline int blend(int from, int to, float factor) {
    const float product = static_cast<float>(static_cast<double>(factor) * (to - from));
    const float sum = static_cast<float>(static_cast<double>(from) + static_cast<double>(product));
    return static_cast<int>(std::clamp(sum, 0.0f, 255.0f));
}

inline float enhancement(double factor, const char* operation) {
    require(factor >= 0 && std::isfinite(factor), operation, "got the factor ", factor,
            ", expected 0 or more");
    return static_cast<float>(factor);
}

/// Blends every byte with the same value: factor 0 gives it, 1 the image.
inline void blend_with(Image& image, int value, float factor) {
    std::array<std::uint8_t, 256> table;
    for (int byte = 0; byte < 256; ++byte)
        table[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(blend(value, byte, factor));
    map_bytes(image, table);
}

/// condition ? yes : no without a branch: compilers would move what only one side needs behind one.
inline int choose(bool condition, int yes, int no) {
    const int mask = -static_cast<int>(condition);
    return (yes & mask) | (no & ~mask);
}

/// Turns the hue of one pixel by `turn` 255ths of a circle: to bytes of hue, saturation and value, and back.
inline void turn_hue(int& red, int& green, int& blue, int turn) {
    const int value = std::max(red, std::max(green, blue));
    const int chroma = value - std::min(red, std::min(green, blue));
    const bool is_red = red == value, is_green = green == value;
    const int third = choose(is_red, 0, choose(is_green, 2, 4));  // the circle has six parts, two a component
    const int plus = value - choose(is_red, blue, choose(is_green, red, green));
    const int minus = value - choose(is_red, green, choose(is_green, blue, red));
    const float divisor = static_cast<float>(std::max(chroma, 1));
    const double added = static_cast<double>(static_cast<float>(plus) / divisor) + third;
    const float sector = static_cast<float>(added - static_cast<double>(static_cast<float>(minus) / divisor));
    const double turns = static_cast<double>(sector) / 6.0 + 1.0;
    const float fraction = static_cast<float>(turns - static_cast<int>(turns));
    const float share = static_cast<float>(chroma) / static_cast<float>(std::max(value, 1));
    const int hue = static_cast<int>(static_cast<double>(fraction) * 255.0);
    const int saturation = static_cast<int>(static_cast<double>(share) * 255.0);

    const double position = ((hue + turn) & 255) * 6.0 / 255.0;
    const int part = static_cast<int>(position);  // 0 .. 6, and 6 is 0 again
    const double f = static_cast<double>(static_cast<float>(position - part));
    const double s = static_cast<double>(static_cast<float>(saturation / 255.0));
    const double falling = static_cast<double>(static_cast<float>(s * f));
    const int p = static_cast<int>(value * (1.0 - s) + 0.5);
    const int q = static_cast<int>(value * (1.0 - falling) + 0.5);
    const int t = static_cast<int>(value * (1.0 - s * (1.0 - f)) + 0.5);
    const int ramp = choose(part & 1, q, t);
    const int pair = choose(part == 6, 0, part >> 1);  // which two components exchange the lead
    const int lead_first = choose(part & 1, ramp, value), lead_second = choose(part & 1, value, ramp);
    red = choose(pair == 0, lead_first, choose(pair == 1, p, lead_second));
    green = choose(pair == 0, lead_second, choose(pair == 1, lead_first, p));
    blue = choose(pair == 0, p, choose(pair == 1, lead_second, lead_first));
}

}  // namespace detail

/// Blends with black: 0 gives black, 1 the image, more than 1 a brighter one. Throws for a negative factor.
inline Image adjust_brightness(Image image, double factor) {
    check_image(image, "brightness");
    detail::blend_with(image, 0, detail::enhancement(factor, "brightness"));
    return image;
}

/// Blends with the mean of the image's luma: 0 gives a grey area, 1 the image. Throws for a negative factor.
inline Image adjust_contrast(Image image, double factor) {
    check_image(image, "contrast");
    const float blending = detail::enhancement(factor, "contrast");
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
        sum += detail::luma(image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]);
    const double mean = static_cast<double>(sum) / (static_cast<double>(image.pixels.size()) / 3.0);
    detail::blend_with(image, static_cast<int>(mean + 0.5), blending);
    return image;
}

/// Blends every pixel with its luma: 0 gives a grey image, 1 the image. Throws for a negative factor.
inline Image adjust_saturation(Image image, double factor) {
    check_image(image, "saturation");
    const float blending = detail::enhancement(factor, "saturation");
    detail::map_pixels(image, [blending](int& red, int& green, int& blue) {
        const int grey = detail::luma(red, green, blue);
        red = detail::blend(grey, red, blending);
        green = detail::blend(grey, green, blending);
        blue = detail::blend(grey, blue, blending);
    });
    return image;
}

/// Turns all hues by `shift` of a full circle, -0.5 .. 0.5; throws outside. Hue and saturation go through
/// bytes, as in torchvision, so that a shift of 0 is not exactly the image.
inline Image adjust_hue(Image image, double shift) {
    check_image(image, "hue");
    require(shift >= -0.5 && shift <= 0.5, "hue", "got a shift of ", shift, ", expected -0.5 .. 0.5");
    const int turn = static_cast<int>(shift * 255.0);
    detail::map_pixels(image,
                       [turn](int& red, int& green, int& blue) { detail::turn_hue(red, green, blue, turn); });
    return image;
}

/// The image's luma in all three components.
inline Image grayscale(Image image) {
    check_image(image, "grayscale");
    detail::map_pixels(
        image, [](int& red, int& green, int& blue) { red = green = blue = detail::luma(red, green, blue); });
    return image;
}

/// Inverts the bytes that are at least `threshold`, 0 .. 256; throws outside.
inline Image solarize(Image image, int threshold = 128) {
    check_image(image, "solarize");
    require(threshold >= 0 && threshold <= 256, "solarize", "got the threshold ", threshold,
            ", expected 0 .. 256");
    for (std::uint8_t& byte : image.pixels)
        byte = byte < threshold ? byte : static_cast<std::uint8_t>(255 - byte);
    return image;
}

}  // namespace lafs::inline LAFS_ABI
