// The order in which a set's files hold red, green and blue.
//
// Decoders give red first. Some sets were written by programs that hold blue first (MS1MV3's records are, those of
// WebFace4M are not), so that what comes out as red is blue. Nothing in such a file says so: its owner does, by
// `bgr:` in front of its name wherever a set is named, or by an option. Images leave here as RGB, always.
#pragma once

#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_ops.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// "rgb" or "bgr". Throws for other text.
inline ColourOrder parse_colour_order(std::string_view text) {
    require(text == "rgb" || text == "bgr", "colour order", "got \"", text, "\", expected rgb or bgr");
    return text == "rgb" ? ColourOrder::rgb : ColourOrder::bgr;
}

/// What `parse_colour_order` reads.
inline const char* colour_order_name(ColourOrder order) {
    return order == ColourOrder::rgb ? "rgb" : "bgr";
}

/// An image whose pixels are in `order`, as RGB.
inline Image to_rgb(Image image, ColourOrder order) {
    if (order == ColourOrder::bgr)
        for (std::size_t i = 0; i + 2 < image.pixels.size(); i += 3)
            std::swap(image.pixels[i], image.pixels[i + 2]);
    return image;
}

/// The name of a set, and the order of its colours.
struct OrderedName {
    ColourOrder order = ColourOrder::rgb;
    std::string name;
};

/// `bgr:lfw.bin` taken apart; names without `bgr:` or `rgb:` in front of them are those of RGB.
inline OrderedName split_colour_order(const std::string& text) {
    if (text.starts_with("bgr:") || text.starts_with("rgb:"))
        return {parse_colour_order(std::string_view(text).substr(0, 3)), text.substr(4)};
    return {ColourOrder::rgb, text};
}

}  // namespace lafs::inline LAFS_ABI
