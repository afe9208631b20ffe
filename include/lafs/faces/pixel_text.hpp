// The pixels that a network was trained on, as texts in the metadata of its weights.
//
//   colour_order    RGB or BGR                     without it: RGB
//   normalisation   (x / 255 - 0.5) / 0.5          without it: mean 0.5, deviation 0.5
#pragma once

#include <charconv>
#include <cmath>
#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/data/image_ops.hpp>
#include <map>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// RGB, mean 0.5, deviation 0.5: what images are given as to models of this library.
inline bool is_usual(const PixelFormat& format) {
    const PixelFormat usual;
    return format.order == usual.order && format.mean == usual.mean && format.deviation == usual.deviation;
}

/// "RGB" or "BGR"
inline std::string colour_order_text(const PixelFormat& format) {
    return format.order == ColourOrder::rgb ? "RGB" : "BGR";
}

namespace detail {

inline std::string number_text(float value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// Reads `before` and a number from the front of a text; false when they are not there.
inline bool take_number(std::string_view& text, std::string_view before, float& value) {
    if (!text.starts_with(before))
        return false;
    text.remove_prefix(before.size());
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

}  // namespace detail

/// "(x / 255 - 0.5) / 0.5"
inline std::string normalisation_text(const PixelFormat& format) {
    return "(x / 255 - " + detail::number_text(format.mean) + ") / " + detail::number_text(format.deviation);
}

/// What the metadata of a file says. Throws, naming the file, for texts that say nothing of the kind.
inline PixelFormat parse_pixels(const std::map<std::string, std::string>& metadata, const std::string& file) {
    PixelFormat format;
    if (const auto order = metadata.find("colour_order"); order != metadata.end()) {
        require(order->second == "RGB" || order->second == "BGR", "load_weights", file,
                ": got colour order \"", order->second, "\", expected RGB or BGR");
        format.order = order->second == "RGB" ? ColourOrder::rgb : ColourOrder::bgr;
    }
    if (const auto text = metadata.find("normalisation"); text != metadata.end()) {
        std::string_view rest = text->second;
        require(detail::take_number(rest, "(x / 255 - ", format.mean) &&
                    detail::take_number(rest, ") / ", format.deviation) && rest.empty() &&
                    std::abs(format.mean) <= 255 && format.deviation >= 1e-3f && format.deviation <= 255,
                "load_weights", file, ": got normalisation \"", text->second,
                "\", expected a text such as \"(x / 255 - 0.5) / 0.5\"");
    }
    return format;
}

/// Images (B, 3, H, W) in the usual format, as a network of another one takes them.
template <class T, class D>
Variable<T, D> to_pixel_format(const Variable<T, D>& images, const PixelFormat& format) {
    if (is_usual(format))
        return images;
    Variable<T, D> x = images;
    if (format.order == ColourOrder::bgr)
        x = concatenate({slice(x, 1, 2, 3), slice(x, 1, 1, 2), slice(x, 1, 0, 1)}, 1);
    // (0.5 x + 0.5 - mean) / deviation
    const auto deviation = static_cast<double>(format.deviation);
    const auto shift = (0.5 - static_cast<double>(format.mean)) / deviation;
    return x * static_cast<compute_t<T>>(0.5 / deviation) + static_cast<compute_t<T>>(shift);
}

}  // namespace lafs::inline LAFS_ABI
