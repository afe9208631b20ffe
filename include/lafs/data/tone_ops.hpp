// Operations on tones: autocontrast, equalisation, inversion, fewer bits, sharpness. Every byte is the one
// that Pillow gives.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/rounded.hpp>
#include <lafs/data/colour_ops.hpp>
#include <lafs/data/image.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

namespace detail {

using Histogram = std::array<std::int64_t, 256>;  ///< how many pixels have each value
using ToneTable = std::array<std::uint8_t, 256>;

/// Replaces the bytes of each component by those of the table that `table_of(histogram)` gives for it.
template <class TableOf>
void map_by_histogram(Image& image, const TableOf& table_of) {
    std::array<Histogram, 3> histograms{};
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
        for (std::size_t c = 0; c < 3; ++c)
            ++histograms[c][image.pixels[i + c]];
    const std::array<ToneTable, 3> tables{table_of(histograms[0]), table_of(histograms[1]),
                                          table_of(histograms[2])};
    for (std::size_t i = 0; i < image.pixels.size(); i += 3)
        for (std::size_t c = 0; c < 3; ++c)
            image.pixels[i + c] = tables[c][image.pixels[i + c]];
}

/// value(byte), clamped, for every byte.
template <class Value>
ToneTable tone_table(const Value& value) {
    ToneTable table;
    for (int byte = 0; byte < 256; ++byte)
        table[static_cast<std::size_t>(byte)] =
            static_cast<std::uint8_t>(std::clamp<std::int64_t>(value(byte), 0, 255));
    return table;
}

inline ToneTable unchanged_tones() {
    return tone_table([](int byte) { return byte; });
}

/// Stretches what occurs to 0 .. 255.
inline ToneTable stretched_tones(const Histogram& histogram) {
    const auto occurs = [](std::int64_t count) { return count > 0; };
    const auto low = std::find_if(histogram.begin(), histogram.end(), occurs) - histogram.begin();
    const auto high = 255 - (std::find_if(histogram.rbegin(), histogram.rend(), occurs) - histogram.rbegin());
    if (high <= low)
        return unchanged_tones();
    const double scale = 255.0 / static_cast<double>(high - low);
    const double offset = -static_cast<double>(low) * scale;
    return tone_table([&](int byte) { return static_cast<int>(rounded(byte * scale) + offset); });
}

/// Spreads the tones so that all occur about equally often.
inline ToneTable equalized_tones(const Histogram& histogram) {
    std::int64_t pixels = 0, brightest = 0;
    for (const std::int64_t count : histogram) {
        pixels += count;
        if (count > 0)
            brightest = count;
    }
    const std::int64_t step = (pixels - brightest) / 255;
    if (step == 0)
        return unchanged_tones();
    std::int64_t below = step / 2;
    return tone_table([&](int byte) {
        const std::int64_t tone = below / step;
        below += histogram[static_cast<std::size_t>(byte)];
        return tone;
    });
}

/// The blend of `count` bytes with a 3 x 3 mean in which the middle counts five times; `from` points to the
/// middle of the first. Works in blocks: a fixed number vectorises.
LAFS_FLATTEN inline void sharpen_bytes(const std::uint8_t* from, std::ptrdiff_t stride, float factor,
                                       std::uint8_t* to, std::ptrdiff_t count) {
    constexpr std::ptrdiff_t block = 64;
    for (std::ptrdiff_t begin = 0; begin < count; begin += block) {
        const std::ptrdiff_t size = std::min(block, count - begin);
        std::uint8_t tap[block] = {}, blended[block];
        int middle[block] = {}, sum[block] = {};
        for (std::ptrdiff_t v = -1; v <= 1; ++v)
            for (std::ptrdiff_t u = -1; u <= 1; ++u) {
                std::copy_n(from + begin + v * stride + 3 * u, size, tap);
                for (std::ptrdiff_t i = 0; i < block; ++i)
                    sum[i] += tap[i];
            }
        std::copy_n(from + begin, size, middle);
        for (std::ptrdiff_t i = 0; i < block; ++i) {
            const int smoothed = (2 * (sum[i] + 4 * middle[i]) + 13) / 26;
            blended[i] = static_cast<std::uint8_t>(blend(smoothed, middle[i], factor));
        }
        std::copy_n(blended, size, to + begin);
    }
}

}  // namespace detail

/// Stretches each component so that its darkest value becomes 0 and its brightest 255. A component of one
/// value stays.
inline Image autocontrast(Image image) {
    check_image(image, "autocontrast");
    detail::map_by_histogram(image, detail::stretched_tones);
    return image;
}

/// Equalises the histogram of each component.
inline Image equalize(Image image) {
    check_image(image, "equalize");
    detail::map_by_histogram(image, detail::equalized_tones);
    return image;
}

/// The negative.
inline Image invert(Image image) {
    return solarize(std::move(image), 0);
}

/// Keeps the highest `bits` of every byte, 0 .. 8; throws outside.
inline Image posterize(Image image, int bits) {
    check_image(image, "posterize");
    require(bits >= 0 && bits <= 8, "posterize", "got ", bits, " bits, expected 0 .. 8");
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits));
    for (std::uint8_t& byte : image.pixels)
        byte &= mask;
    return image;
}

/// Blends with a smoothed image: 0 gives it, 1 the image, more than 1 a sharper one. Pixels at the edge stay.
/// Throws for a negative factor.
inline Image adjust_sharpness(const Image& image, double factor) {
    check_image(image, "sharpness");
    const float blending = detail::enhancement(factor, "sharpness");
    Image result = image;
    const std::ptrdiff_t stride = 3 * static_cast<std::ptrdiff_t>(image.width);
    for (int y = 1; y + 1 < image.height && image.width > 2; ++y)
        detail::sharpen_bytes(image.at(1, y), stride, blending, result.at(1, y), stride - 6);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
