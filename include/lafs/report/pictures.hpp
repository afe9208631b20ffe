// Pictures for reports: patches put together, and attention over a face.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How the values of a patch lie in a token.
enum class PatchLayout {
    columns_first,  ///< (x, y, channel): patches around landmarks, as the published model has them
    rows_first,     ///< (y, x, channel): patches of the plain grid
};

namespace detail {

/// The viridis colour map at `value` in [0, 1]: even in brightness, and in grey too.
inline std::array<double, 3> viridis(double value) {
    static constexpr std::array<std::array<double, 3>, 9> anchors = {{{68, 1, 84},
                                                                      {71, 44, 122},
                                                                      {59, 81, 139},
                                                                      {44, 113, 142},
                                                                      {33, 144, 141},
                                                                      {39, 173, 129},
                                                                      {92, 200, 99},
                                                                      {170, 220, 50},
                                                                      {253, 231, 37}}};
    const double scaled = std::clamp(value, 0.0, 1.0) * (anchors.size() - 1);
    const auto below = std::min(static_cast<std::size_t>(scaled), anchors.size() - 2);
    const double part = scaled - static_cast<double>(below);
    std::array<double, 3> colour{};
    for (std::size_t c = 0; c < 3; ++c)
        colour[c] = anchors[below][c] * (1.0 - part) + anchors[below + 1][c] * part;
    return colour;
}

inline std::uint8_t to_byte(double value) {
    return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

/// Throws unless `values` are `count` finite numbers.
inline void check_numbers(const char* operation, const char* what, std::span<const float> values,
                          std::size_t count) {
    require(values.size() == count, operation, "got ", values.size(), " ", what, ", expected ", count);
    for (std::size_t i = 0; i < count; ++i)
        require(std::isfinite(values[i]), operation, "got ", values[i], " in place ", i, " of the ", what,
                ", expected finite numbers");
}

}  // namespace detail

/// All patches of one image side by side, a pixel apart, `columns` in a row.
/// patches: (count, side * side * 3) with values in [-1, 1]. Throws when the sizes do not fit or a value is
/// not finite.
inline Image patch_mosaic(std::span<const float> patches, int side, int columns, PatchLayout layout) {
    require(side > 0 && columns > 0, "patch_mosaic", "got patches of side ", side, " in ", columns,
            " columns, expected both above 0");
    const auto values = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
    require(!patches.empty() && patches.size() % values == 0, "patch_mosaic", "got ", patches.size(),
            " values, expected a positive multiple of ", values, " (patches of side ", side, ")");
    detail::check_numbers("patch_mosaic", "values", patches, patches.size());
    const int count = static_cast<int>(patches.size() / values), pitch = side + 1;
    Image image(columns * pitch + 1, (count + columns - 1) / columns * pitch + 1);
    std::fill(image.pixels.begin(), image.pixels.end(), std::uint8_t{255});
    for (int k = 0; k < count; ++k)
        for (int y = 0; y < side; ++y)
            for (int x = 0; x < side; ++x) {
                const int cell = layout == PatchLayout::columns_first ? x * side + y : y * side + x;
                const float* source = patches.data() + static_cast<std::size_t>(k) * values + 3 * cell;
                std::uint8_t* target = image.at(k % columns * pitch + 1 + x, k / columns * pitch + 1 + y);
                for (int c = 0; c < 3; ++c)
                    target[c] = detail::to_byte((static_cast<double>(source[c]) + 1.0) * 127.5);
            }
    return image;
}

/// Attention as a colour over a grey face. Between the positions the weights are a mean with Gaussian
/// weights. positions: (count, 2) as x, y in pixels; weights: (count), at least 0, of any sum; `radius`: the
/// deviation of the Gaussian in pixels. Throws when the sizes do not fit or a number is not finite.
inline Image attention_overlay(const Image& face, std::span<const float> positions,
                               std::span<const float> weights, double radius = 5.0) {
    check_image(face, "attention_overlay");
    require(!weights.empty() && radius > 0.0, "attention_overlay", "got ", weights.size(),
            " weights and radius ", radius, ", expected both above 0");
    detail::check_numbers("attention_overlay", "coordinates", positions, 2 * weights.size());
    detail::check_numbers("attention_overlay", "weights", weights, weights.size());
    std::vector<double> heat;
    for (int y = 0; y < face.height; ++y)
        for (int x = 0; x < face.width; ++x) {
            double sum = 0.0, total = 1e-3;  // far from every position the colour fades
            for (std::size_t k = 0; k < weights.size(); ++k) {
                const double dx = x - static_cast<double>(positions[2 * k]);
                const double dy = y - static_cast<double>(positions[2 * k + 1]);
                const double near = std::exp(-(dx * dx + dy * dy) / (2.0 * radius * radius));
                sum += near * static_cast<double>(weights[k]);
                total += near;
            }
            heat.push_back(sum / total);
        }
    const auto [low, high] = std::minmax_element(heat.begin(), heat.end());
    const double floor = *low, range = *high > *low ? *high - *low : 1.0;
    Image out(face.width, face.height);
    for (std::size_t i = 0; i < heat.size(); ++i) {
        const std::uint8_t* pixel = face.pixels.data() + 3 * i;
        const double grey = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
        const double value = (heat[i] - floor) / range;
        const std::array<double, 3> colour = detail::viridis(value);
        const double share = 0.25 + 0.45 * value;
        for (std::size_t c = 0; c < 3; ++c)
            out.pixels[3 * i + c] = detail::to_byte((1.0 - share) * grey + share * colour[c]);
    }
    return out;
}

}  // namespace lafs::inline LAFS_ABI
