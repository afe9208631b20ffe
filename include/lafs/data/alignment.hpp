// Five points of a face to the 112 x 112 picture that recognisers are trained on.
//
// The similarity transform q = s R p + t that is closest to the template by least squares (Umeyama 1991,
// without reflection), then bilinear sampling with black outside. Pixel centres lie at whole numbers.
// Coordinates are rounded to 1/32 pixel and weights are whole numbers, as in OpenCV's warpAffine, with which
// the published training sets were aligned: the bytes are the same, on every machine.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/rounded.hpp>
#include <lafs/data/image.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A position in an image in pixels, x to the right and y down; (0, 0) is the centre of the first pixel.
struct Point {
    double x = 0, y = 0;

    bool operator==(const Point&) const = default;
};

/// Left eye, right eye, nose, left and right corner of the mouth; left and right as in the picture.
using FivePoints = std::array<Point, 5>;

/// Where the five points lie in an aligned face of 112 x 112.
inline constexpr FivePoints face_template = {
    {{38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}}};

/// Rotation, uniform scale and shift: (x, y) -> (a x - b y + dx, b x + a y + dy).
struct Similarity {
    double a = 1, b = 0, dx = 0, dy = 0;

    Point operator()(Point p) const { return {a * p.x - b * p.y + dx, b * p.x + a * p.y + dy}; }

    /// Length in the result of a distance of 1.
    double scale() const { return std::hypot(a, b); }

    /// The transform back. Throws when the scale is 0 or a number is not finite.
    Similarity inverse() const {
        const double square = rounded(a * a) + rounded(b * b);
        require(square > 0 && std::isfinite(1 / square) && std::isfinite(dx) && std::isfinite(dy),
                "similarity", "got scale ", scale(), " and shift ", dx, ", ", dy,
                ", expected a transform that has an inverse");
        const double c = a / square, d = -b / square;
        return {c, d, rounded(-c * dx) + rounded(d * dy), rounded(-d * dx) - rounded(c * dy)};
    }
};

/// The transform that takes `from` closest to `to`: least sum of squared distances. Throws for lists of
/// different lengths, fewer than two points, numbers that are not finite, and points that determine no
/// transform (all in one place, or best matched by shrinking everything to a point).
inline Similarity estimate_similarity(std::span<const Point> from, std::span<const Point> to) {
    constexpr const char* operation = "similarity";
    require(from.size() == to.size() && from.size() >= 2, operation, "got ", from.size(), " and ", to.size(),
            " points, expected as many, at least 2");
    for (const auto& points : {from, to})
        for (const Point& p : points)
            require(std::isfinite(p.x) && std::isfinite(p.y), operation, "got the point ", p.x, ", ", p.y,
                    ", expected finite numbers");
    const double count = static_cast<double>(from.size());
    Point p0, q0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        p0 = {p0.x + from[i].x / count, p0.y + from[i].y / count};
        q0 = {q0.x + to[i].x / count, q0.y + to[i].y / count};
    }
    // With R's angle and s written as a = s cos, b = s sin, the problem is linear in a and b.
    double spread = 0, target_spread = 0, along = 0, across = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const Point p{from[i].x - p0.x, from[i].y - p0.y}, q{to[i].x - q0.x, to[i].y - q0.y};
        spread += rounded(p.x * p.x) + rounded(p.y * p.y);
        target_spread += rounded(q.x * q.x) + rounded(q.y * q.y);
        along += rounded(p.x * q.x) + rounded(p.y * q.y);
        across += rounded(p.x * q.y) - rounded(p.y * q.x);
    }
    constexpr double rounding = 1e-12;
    const double largest = std::max(std::abs(p0.x), std::abs(p0.y));
    require(std::isfinite(spread) && spread > rounding * rounding * largest * largest * count, operation,
            "all points lie at ", p0.x, ", ", p0.y, ", expected points that are apart");
    require(std::isfinite(target_spread) &&
                std::hypot(along, across) > rounding * std::sqrt(spread * target_spread),
            operation, "the points do not resemble their targets in any rotation: the best scale is 0");
    const double a = along / spread, b = across / spread;
    return {a, b, q0.x - (rounded(a * p0.x) - rounded(b * p0.y)),
            q0.y - (rounded(b * p0.x) + rounded(a * p0.y))};
}

namespace detail {

inline constexpr int warp_bits = 5;       ///< of the fraction of a coordinate
inline constexpr int warp_sum_bits = 10;  ///< of the terms that a coordinate is summed from
inline constexpr int warp_step = 1 << warp_bits;

/// A term of a coordinate as a whole number of 2^-10 pixels, ties to even; clamped far outside any image.
inline std::int64_t warp_term(double value) {
    constexpr double limit = 1e12;
    return std::llrint(std::clamp(value * (1 << warp_sum_bits), -limit, limit));
}

/// The pixel's three bytes, or black outside.
inline const std::uint8_t* pixel_or_black(const Image& image, std::int64_t x, std::int64_t y) {
    static constexpr std::uint8_t black[3] = {};
    const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
    return inside ? image.at(static_cast<int>(x), static_cast<int>(y)) : black;
}

/// The image at (x, y) in units of 1/32 pixel.
inline void sample_bilinear(const Image& image, std::int64_t x, std::int64_t y, std::uint8_t* out) {
    const std::int64_t left = x >> warp_bits, top = y >> warp_bits;
    const int right_weight = static_cast<int>(x & (warp_step - 1)), left_weight = warp_step - right_weight;
    const int lower_weight = static_cast<int>(y & (warp_step - 1)), upper_weight = warp_step - lower_weight;
    const std::uint8_t* corners[] = {pixel_or_black(image, left, top), pixel_or_black(image, left + 1, top),
                                     pixel_or_black(image, left, top + 1),
                                     pixel_or_black(image, left + 1, top + 1)};
    constexpr int half = warp_step * warp_step / 2;
    for (int c = 0; c < 3; ++c) {
        const int upper = corners[0][c] * left_weight + corners[1][c] * right_weight;
        const int lower = corners[2][c] * left_weight + corners[3][c] * right_weight;
        out[c] = static_cast<std::uint8_t>((upper * upper_weight + lower * lower_weight + half) >>
                                           (2 * warp_bits));
    }
}

}  // namespace detail

/// The image moved by `transform` and cut to width x height; black where nothing comes to lie.
/// Throws for an empty image or size, and for a transform without inverse.
inline Image warp(const Image& image, const Similarity& transform, int width, int height) {
    check_image(image, "warp");
    const Similarity back = transform.inverse();
    Image result(width, height);
    std::vector<std::array<std::int64_t, 2>> column(static_cast<std::size_t>(width));
    for (int x = 0; x < width; ++x)
        column[static_cast<std::size_t>(x)] = {detail::warp_term(back.a * x), detail::warp_term(back.b * x)};
    constexpr int shift = detail::warp_sum_bits - detail::warp_bits;
    constexpr std::int64_t half = 1 << (shift - 1);
    for (int y = 0; y < height; ++y) {
        const std::int64_t row_x = detail::warp_term(rounded(-back.b * y) + back.dx) + half;
        const std::int64_t row_y = detail::warp_term(rounded(back.a * y) + back.dy) + half;
        for (int x = 0; x < width; ++x) {
            const auto& [column_x, column_y] = column[static_cast<std::size_t>(x)];
            detail::sample_bilinear(image, (row_x + column_x) >> shift, (row_y + column_y) >> shift,
                                    result.at(x, y));
        }
    }
    return result;
}

/// The face with these five points as a face_size x face_size image.
/// Throws for points that determine no transform.
inline Image align_face(const Image& image, const FivePoints& points) {
    return warp(image, estimate_similarity(points, face_template), face_size, face_size);
}

}  // namespace lafs::inline LAFS_ABI
