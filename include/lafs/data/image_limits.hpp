// The largest image that is decoded: what a file says of its size is no reason to allocate.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Limits of an image in pixels; each takes three bytes in memory.
struct ImageLimits {
    std::int64_t pixels = std::int64_t{64} * 1024 * 1024;
    /// An image of at most so many pixels is decoded whatever the size of its file; a larger one needs a byte of
    /// its file for each 20 pixels.
    std::int64_t any_file = 20'000'000;
};

namespace detail {

struct ImageLimitsInUse {
    std::atomic<std::int64_t> pixels{ImageLimits{}.pixels}, any_file{ImageLimits{}.any_file};
};

inline ImageLimitsInUse& image_limits_in_use() {
    static ImageLimitsInUse limits;
    return limits;
}

}  // namespace detail

inline ImageLimits image_limits() {
    const detail::ImageLimitsInUse& limits = detail::image_limits_in_use();
    return {limits.pixels, limits.any_file};
}

/// Sets the limits of the whole program. Throws unless both are positive.
inline void set_image_limits(const ImageLimits& limits) {
    require(limits.pixels > 0 && limits.any_file > 0, "image limits", "got ", limits.pixels, " and ",
            limits.any_file, " pixels, expected at least 1");
    detail::image_limits_in_use().pixels = limits.pixels;
    detail::image_limits_in_use().any_file = limits.any_file;
}

/// Images of so many pixels are decoded, larger ones are not, whatever the size of their files.
inline void set_max_image_pixels(std::int64_t pixels) {
    set_image_limits({pixels, pixels});
}

/// The most bytes that an image of `coded` bytes may become.
inline std::int64_t decoded_bytes_limit(std::size_t coded) {
    return std::max<std::int64_t>(3 * image_limits().any_file, 60 * static_cast<std::int64_t>(coded));
}

/// Throws, naming the image, unless its size is positive and within the limits for a file of `coded` bytes.
inline void check_image_size(std::int64_t width, std::int64_t height, std::size_t coded,
                             const std::string& name) {
    constexpr std::int64_t longest = 1 << 24;  // neither a product nor a row overflows
    const std::int64_t pixels = image_limits().pixels, limit = decoded_bytes_limit(coded) / 3;
    require(width > 0 && height > 0 && width < longest && height < longest && width * height <= pixels,
            "decode image", "image ", name, " is ", width, " x ", height, ", expected at most ", pixels,
            " pixels (--max-pixels, set_max_image_pixels)");
    require(width * height <= limit, "decode image", "image ", name, " says it is ", width, " x ", height,
            " in ", coded, " bytes, expected at most ", limit,
            " pixels (--max-pixels, set_max_image_pixels)");
}

}  // namespace lafs::inline LAFS_ABI
