// Resizing, cropping, mirroring, and the step from bytes to a network's input.
//
// Resampling is that of Pillow, bit by bit: a separable filter widened when shrinking (so nothing
// aliases), fixed-point weights of 22 bits, columns before rows, bytes in between.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

enum class Filter { bilinear, bicubic };
enum class ColourOrder { rgb, bgr };

/// A rectangle of whole pixels.
struct Box {
    int left = 0, top = 0, width = 0, height = 0;
};

/// How a network wants its pixels: (x / 255 - mean) / deviation, planes in this order.
struct PixelFormat {
    ColourOrder order = ColourOrder::rgb;
    float mean = 0.5f, deviation = 0.5f;
};

namespace detail {

inline double filter_support(Filter filter) {
    return filter == Filter::bilinear ? 1.0 : 2.0;
}

/// The filter at distance x; bicubic is Keys' with a = -0.5.
inline double filter_value(Filter filter, double x) {
    x = std::abs(x);
    if (filter == Filter::bilinear)
        return x < 1.0 ? 1.0 - x : 0.0;
    constexpr double a = -0.5;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

inline constexpr int resample_bits = 22, resample_half = 1 << (resample_bits - 1);

/// For every output position the first input position and its fixed-point weights.
struct ResampleWeights {
    std::vector<int> first, count;
    std::vector<int> weight;  // (output, taps)
    int taps = 0;

    ResampleWeights(int input, int output, Filter filter) : first(size(output)), count(size(output)) {
        const double scale = static_cast<double>(input) / output, stretch = std::max(scale, 1.0);
        const double support = filter_support(filter) * stretch;
        taps = static_cast<int>(std::ceil(support)) * 2 + 1;
        weight.resize(size(output) * size(taps));
        std::vector<double> exact(size(taps));
        for (int i = 0; i < output; ++i) {
            const double centre = (i + 0.5) * scale;
            const int begin = std::max(0, static_cast<int>(centre - support + 0.5));
            const int end = std::min(input, static_cast<int>(centre + support + 0.5));
            double sum = 0.0;
            for (int k = begin; k < end; ++k)
                sum += exact[size(k - begin)] = filter_value(filter, (k - centre + 0.5) / stretch);
            for (int k = 0; k < end - begin; ++k)
                weight[size(i) * size(taps) + size(k)] =
                    static_cast<int>(std::round(exact[size(k)] / sum * (1 << resample_bits)));
            first[size(i)] = begin;
            count[size(i)] = end - begin;
        }
    }

    static std::size_t size(int value) { return static_cast<std::size_t>(value); }
};

/// A weighted sum as a byte. 32 bits are enough: the weights' absolute values add up to less than 2.
inline std::uint8_t resampled_byte(int sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> resample_bits, 0, 255));
}

/// Resamples one row: to[x] is a weighted sum of pixels of `from`.
inline void resample_row(const ResampleWeights& columns, const std::uint8_t* from, std::uint8_t* to) {
    const int* weight = columns.weight.data();
    for (std::size_t x = 0; x < columns.first.size(); ++x, weight += columns.taps, to += 3) {
        const std::uint8_t* pixel = from + 3 * columns.first[x];
        int red = resample_half, green = resample_half, blue = resample_half;
        for (int k = 0; k < columns.count[x]; ++k, pixel += 3) {
            red += pixel[0] * weight[k];
            green += pixel[1] * weight[k];
            blue += pixel[2] * weight[k];
        }
        to[0] = resampled_byte(red);
        to[1] = resampled_byte(green);
        to[2] = resampled_byte(blue);
    }
}

/// to[i] = the weighted sum of byte i of `count` rows that lie `stride` bytes apart.
inline void resample_bytes(const int* weight, int count, const std::uint8_t* from, std::ptrdiff_t stride,
                           std::uint8_t* to, std::ptrdiff_t bytes) {
    constexpr std::ptrdiff_t block = 48;  // a fixed number vectorises
    std::ptrdiff_t begin = 0;
    for (; begin + block <= bytes; begin += block) {
        int sum[block];
        for (int i = 0; i < block; ++i)
            sum[i] = resample_half;
        for (int k = 0; k < count; ++k) {
            const std::uint8_t* row = from + k * stride + begin;
            for (int i = 0; i < block; ++i)
                sum[i] += row[i] * weight[k];
        }
        for (int i = 0; i < block; ++i)
            to[begin + i] = resampled_byte(sum[i]);
    }
    for (; begin < bytes; ++begin) {
        int sum = resample_half;
        for (int k = 0; k < count; ++k)
            sum += from[k * stride + begin] * weight[k];
        to[begin] = resampled_byte(sum);
    }
}

}  // namespace detail

/// Throws unless the image is sound and the box, not empty, lies inside it.
inline void check_box(const Image& image, const Box& box, const char* operation) {
    check_image(image, operation);
    require(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0 &&
                box.width <= image.width - box.left && box.height <= image.height - box.top,
            operation, "got the box ", box.left, ", ", box.top, ", ", box.width, " x ", box.height,
            ", expected one inside ", image.width, " x ", image.height);
}

/// Cuts `box` out of the image and resizes it to width x height.
/// Throws when the box is empty or reaches outside.
inline Image resized_crop(const Image& image, Box box, int width, int height,
                          Filter filter = Filter::bicubic) {
    check_box(image, box, "resized crop");
    Image wide(width, box.height), result(width, height);
    const detail::ResampleWeights columns(box.width, width, filter), rows(box.height, height, filter);
    for (int y = 0; y < box.height; ++y)
        detail::resample_row(columns, image.at(box.left, box.top + y), wide.at(0, y));
    const int* weight = rows.weight.data();
    for (std::size_t y = 0; y < rows.first.size(); ++y, weight += rows.taps)
        detail::resample_bytes(weight, rows.count[y], wide.at(0, rows.first[y]), 3 * width,
                               result.at(0, static_cast<int>(y)), 3 * width);
    return result;
}

/// The whole image at another size.
inline Image resize(const Image& image, int width, int height, Filter filter = Filter::bilinear) {
    if (image.width == width && image.height == height)
        return image;
    return resized_crop(image, {0, 0, image.width, image.height}, width, height, filter);
}

/// The mirror image, left and right exchanged.
inline Image flip_horizontal(const Image& image) {
    check_image(image, "flip");
    Image result(image.width, image.height);
    const int last = image.width - 1;
    for (int y = 0; y < image.height; ++y) {
        std::memcpy(result.at(0, y), image.at(last, y), 3);
        for (int x = 1; x < last; ++x)  // the fourth byte is overwritten by the next pixel
            std::memcpy(result.at(x, y), image.at(last - x, y), 4);
        std::memcpy(result.at(last, y), image.at(0, y), 3);
    }
    return result;
}

/// Writes the image as (3, height, width) floats. Throws unless `out` has 3 * height * width elements.
inline void to_planes(const Image& image, std::span<float> out, const PixelFormat& format = {}) {
    check_image(image, "to planes");
    require(out.size() == image.pixels.size(), "to planes", "got room for ", out.size(),
            " floats, expected 3 x ", image.height, " x ", image.width);
    std::array<float, 256> value;
    for (std::size_t byte = 0; byte < value.size(); ++byte)
        value[byte] = (static_cast<float>(byte) / 255.0f - format.mean) / format.deviation;
    const std::size_t plane = out.size() / 3;
    for (std::size_t c = 0; c < 3; ++c) {
        float* target = out.data() + (format.order == ColourOrder::rgb ? c : 2 - c) * plane;
        for (std::size_t i = 0; i < plane; ++i)
            target[i] = value[image.pixels[3 * i + c]];
    }
}

/// The inverse of `to_planes`, rounded and clamped to bytes.
inline Image from_planes(std::span<const float> planes, int width, int height,
                         const PixelFormat& format = {}) {
    Image image(width, height);
    require(planes.size() == image.pixels.size(), "from planes", "got ", planes.size(),
            " floats, expected 3 x ", height, " x ", width);
    const std::size_t plane = planes.size() / 3;
    for (std::size_t c = 0; c < 3; ++c) {
        const float* source = planes.data() + (format.order == ColourOrder::rgb ? c : 2 - c) * plane;
        for (std::size_t i = 0; i < plane; ++i) {
            const float value = (source[i] * format.deviation + format.mean) * 255.0f;
            image.pixels[3 * i + c] = static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0f, 255.0f));
        }
    }
    return image;
}

}  // namespace lafs::inline LAFS_ABI
