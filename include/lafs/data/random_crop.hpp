// Random rectangles by torchvision's rules: the crop of RandomResizedCrop, the rectangle of random erasing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/image_ops.hpp>
#include <optional>

namespace lafs::inline LAFS_ABI {

/// What a random rectangle may be: its share of the picture's area, and its proportion width / height.
struct BoxRange {
    double smallest = 0.08, largest = 1.0;
    double narrowest = 3.0 / 4.0, widest = 4.0 / 3.0;
};

/// The rectangles of random erasing: 2 to 10 % of the area, height / width 0.3 .. 3.3 (torchvision's).
inline constexpr BoxRange erasing_range{0.02, 0.1, 1.0 / 3.3, 1.0 / 0.3};

/// Throws unless both ranges are ascending, shares are in (0, 1] and proportions positive.
inline void check_box_range(const BoxRange& range) {
    require(range.smallest > 0 && range.smallest <= range.largest && range.largest <= 1, "random box",
            "got shares of the area ", range.smallest, " .. ", range.largest,
            ", expected above 0, ascending, at most 1");
    require(range.narrowest > 0 && range.narrowest <= range.widest, "random box", "got proportions ",
            range.narrowest, " .. ", range.widest, ", expected positive and ascending");
}

/// A rectangle of uniform area and logarithmically uniform proportion, uniformly placed. Nothing if ten tries
/// gave none that fits.
inline std::optional<Box> random_box(int width, int height, const BoxRange& range, RandomSequence& random) {
    check_box_range(range);
    const auto place = [&](int room) {
        return static_cast<int>(random.integer(static_cast<std::uint64_t>(room) + 1));
    };
    for (int attempt = 0; attempt < 10; ++attempt) {
        const double area = random.uniform(range.smallest, range.largest) * width * height;
        const double ratio = std::exp(random.uniform(std::log(range.narrowest), std::log(range.widest)));
        const double columns = std::nearbyint(std::sqrt(area * ratio)),
                     rows = std::nearbyint(std::sqrt(area / ratio));
        if (columns < 1 || rows < 1 || columns > width || rows > height)
            continue;
        Box box{0, 0, static_cast<int>(columns), static_cast<int>(rows)};
        box.top = place(height - box.height);
        box.left = place(width - box.width);
        return box;
    }
    return std::nullopt;
}

/// The largest rectangle in the middle whose proportion is in range.
inline Box central_box(int width, int height, const BoxRange& range) {
    check_box_range(range);
    const double ratio = static_cast<double>(width) / height;
    Box box{0, 0, width, height};
    if (ratio < range.narrowest)
        box.height = std::clamp(static_cast<int>(std::nearbyint(width / range.narrowest)), 1, height);
    else if (ratio > range.widest)
        box.width = std::clamp(static_cast<int>(std::nearbyint(height * range.widest)), 1, width);
    box.left = (width - box.width) / 2;
    box.top = (height - box.height) / 2;
    return box;
}

/// The part that RandomResizedCrop cuts out: a random rectangle, or the central one when none fits.
inline Box random_crop_box(int width, int height, const BoxRange& range, RandomSequence& random) {
    const std::optional<Box> box = random_box(width, height, range, random);
    return box ? *box : central_box(width, height, range);
}

}  // namespace lafs::inline LAFS_ABI
