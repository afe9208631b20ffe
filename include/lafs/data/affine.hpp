// Rotation, shear and shift of an image within its frame: Pillow's affine transform, byte for byte.
//
// A pixel of the result lies at (column + 0.5, row + 0.5) and takes its value from where the transform leads,
// in doubles, cut off to a byte; pixels beside the edge repeat it, and what comes from outside is filled. In
// doubles, every product is rounded by itself as on a machine without fused operations.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/core/error.hpp>
#include <lafs/core/rounded.hpp>
#include <lafs/core/unroll.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_ops.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The place in the image that (x, y) of the result shows: (a x + b y + c, d x + e y + f).
struct AffineMap {
    double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

/// The grey that random augmentation fills with.
inline constexpr std::uint8_t fill_grey = 128;

namespace detail {

/// The components of a pixel, and one that is not used.
using Lanes = double __attribute__((vector_size(32)));
using FloatLanes = float __attribute__((vector_size(16)));
using IntegerLanes = int __attribute__((vector_size(16)));
using ByteLanes = std::uint8_t __attribute__((vector_size(4)));

/// A pixel's components in memory: nvcc does not let a vector type be an element of containers.
struct alignas(16) FloatPixel {
    float values[4];
};

/// The image with its components as floats: a pixel is one load.
inline std::vector<FloatPixel> as_lanes(const Image& image) {
    std::vector<FloatPixel> pixels(image.pixels.size() / 3);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        ByteLanes bytes{};
        std::memcpy(&bytes, &image.pixels[3 * i], 3);
        const FloatLanes lanes = __builtin_convertvector(bytes, FloatLanes);
        std::memcpy(&pixels[i], &lanes, sizeof lanes);
    }
    return pixels;
}

/// The products, each rounded.
inline void round_lanes(Lanes& products) {
#if defined(__AVX__)
    asm("" : "+x"(products));
#else
    for (int i = 0; i < 4; ++i)
        products[i] = rounded(products[i]);
#endif
}

/// Between two values: bilinear; between the second and third of four: bicubic (Keys' with a = -1).
inline void interpolate(const Lanes (&v)[2], double t, Lanes& result) {
    result = (v[1] - v[0]) * t;
    round_lanes(result);
    result = v[0] + result;
}
inline void interpolate(const Lanes (&v)[4], double t, Lanes& result) {
    result = (v[1] - v[0] - v[2] + v[3]) * t;
    round_lanes(result);
    result = (2 * (v[0] - v[1]) + v[2] - v[3] + result) * t;
    round_lanes(result);
    result = (v[2] - v[0] + result) * t;
    round_lanes(result);
    result = v[1] + result;
}

/// The pixel at (x, y), which lies inside, from taps x taps pixels around it.
template <int taps>
void sample(const FloatPixel* pixels, int width, int height, double x, double y, std::uint8_t* out) {
    x -= 0.5;
    y -= 0.5;
    const int column = static_cast<int>(std::floor(x)), row = static_cast<int>(std::floor(y));
    const double right = x - column, down = y - row;
    constexpr int before = taps / 2 - 1;
    std::ptrdiff_t columns[taps];
    unroll<taps>([&](auto u) { columns[u] = std::clamp(column + u - before, 0, width - 1); });
    Lanes lines[taps];
    unroll<taps>([&](auto v) {
        const FloatPixel* line = pixels + std::ptrdiff_t{std::clamp(row + v - before, 0, height - 1)} * width;
        Lanes values[taps];
        unroll<taps>([&](auto u) {
            FloatLanes lanes;
            std::memcpy(&lanes, &line[columns[u]], sizeof lanes);
            values[u] = __builtin_convertvector(lanes, Lanes);
        });
        interpolate(values, right, lines[v]);
    });
    Lanes result;
    interpolate(lines, down, result);
    IntegerLanes whole = __builtin_convertvector(result, IntegerLanes);
    whole = whole < 0 ? 0 : whole > 255 ? 255 : whole;
    const ByteLanes bytes = __builtin_convertvector(whole, ByteLanes);
    std::memcpy(out, &bytes, 3);
}

template <int taps>
LAFS_FLATTEN void transform_pixels(const Image& image, const AffineMap& map, std::uint8_t fill,
                                   Image& result) {
    const std::vector<FloatPixel> pixels = as_lanes(image);
    for (int y = 0; y < result.height; ++y)
        for (int x = 0; x < result.width; ++x) {
            const double from_x = rounded(map.a * (x + 0.5)) + rounded(map.b * (y + 0.5)) + map.c;
            const double from_y = rounded(map.d * (x + 0.5)) + rounded(map.e * (y + 0.5)) + map.f;
            if (from_x >= 0 && from_x < image.width && from_y >= 0 && from_y < image.height)
                sample<taps>(pixels.data(), image.width, image.height, from_x, from_y, result.at(x, y));
            else
                std::fill_n(result.at(x, y), 3, fill);
        }
}

}  // namespace detail

/// The image moved by a transform, in a frame of the same size. Throws for numbers that are not finite.
inline Image transform_affine(const Image& image, const AffineMap& map, Filter filter = Filter::bilinear,
                              std::uint8_t fill = fill_grey) {
    check_image(image, "affine transform");
    for (const double number : {map.a, map.b, map.c, map.d, map.e, map.f})
        require(std::isfinite(number), "affine transform", "got the coefficient ", number,
                ", expected a finite number");
    Image result(image.width, image.height);
    if (filter == Filter::bilinear)
        detail::transform_pixels<2>(image, map, fill, result);
    else
        detail::transform_pixels<4>(image, map, fill, result);
    return result;
}

/// Turns the image about its middle, counter-clockwise.
inline Image rotate(const Image& image, double degrees, Filter filter = Filter::bilinear,
                    std::uint8_t fill = fill_grey) {
    require(std::isfinite(degrees), "rotate", "got ", degrees, " degrees, expected a finite number");
    double turn = std::fmod(degrees, 360.0);
    if (turn < 0)
        turn += 360.0;
    const double angle = -turn * (3.141592653589793 / 180.0);
    const auto decimals = [](double x) {  // to 15 of them: a right angle has the sine 1, not nearly 1
        return static_cast<double>(std::round(static_cast<long double>(x) * 1e15L) / 1e15L);
    };
    const double cosine = decimals(std::cos(angle)), sine = decimals(std::sin(angle));
    const double middle_x = image.width / 2.0, middle_y = image.height / 2.0;
    const double left = rounded(cosine * -middle_x) + rounded(sine * -middle_y);
    const double top = rounded(-sine * -middle_x) + rounded(cosine * -middle_y);
    return transform_affine(image, {cosine, sine, left + middle_x, -sine, cosine, top + middle_y}, filter,
                            fill);
}

/// Shifts every row to the left by `factor` times its distance from the top edge.
inline Image shear_x(const Image& image, double factor, Filter filter = Filter::bilinear,
                     std::uint8_t fill = fill_grey) {
    return transform_affine(image, {1, factor, 0, 0, 1, 0}, filter, fill);
}

/// Shifts every column up by `factor` times its distance from the left edge.
inline Image shear_y(const Image& image, double factor, Filter filter = Filter::bilinear,
                     std::uint8_t fill = fill_grey) {
    return transform_affine(image, {1, 0, 0, factor, 1, 0}, filter, fill);
}

/// Shifts the image to the left by a number of pixels, also a fractional one.
inline Image translate_x(const Image& image, double pixels, Filter filter = Filter::bilinear,
                         std::uint8_t fill = fill_grey) {
    return transform_affine(image, {1, 0, pixels, 0, 1, 0}, filter, fill);
}

/// Shifts the image up by a number of pixels, also a fractional one.
inline Image translate_y(const Image& image, double pixels, Filter filter = Filter::bilinear,
                         std::uint8_t fill = fill_grey) {
    return transform_affine(image, {1, 0, 0, 0, 1, pixels}, filter, fill);
}

}  // namespace lafs::inline LAFS_ABI
