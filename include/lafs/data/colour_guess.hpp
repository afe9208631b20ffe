// What the images of a set say about the order of its colours: skin is redder than blue. A guess, never a decision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/colour_order.hpp>
#include <lafs/data/image.hpp>
#include <optional>
#include <string>

namespace lafs::inline LAFS_ABI {

/// How many images have which colours in their middle.
struct ColourCount {
    std::int64_t grey = 0, redder = 0, bluer = 0;

    /// Counts one image by the means of its middle half.
    void add(const Image& image) {
        double red = 0, blue = 0;
        bool colourless = true;
        for (int y = image.height / 4; y < image.height - image.height / 4; ++y)
            for (int x = image.width / 4; x < image.width - image.width / 4; ++x) {
                const std::uint8_t* pixel = image.at(x, y);
                red += pixel[0];
                blue += pixel[2];
                colourless = colourless && pixel[0] == pixel[1] && pixel[1] == pixel[2];
            }
        ++(colourless ? grey : red > blue ? redder : bluer);
    }

    std::int64_t coloured() const { return redder + bluer; }
    /// Of the coloured images, how many in a hundred are redder than blue.
    std::int64_t percent() const { return (100 * redder + coloured() / 2) / coloured(); }

    /// The order of the files; nothing where too few images are coloured, or they disagree.
    std::optional<ColourOrder> order() const {
        if (coloured() == 0 || (percent() > 25 && percent() < 75))
            return std::nullopt;
        return percent() >= 75 ? ColourOrder::rgb : ColourOrder::bgr;
    }

    /// `RGB (a guess: ...)`.
    std::string guess() const {
        if (coloured() == 0)
            return grey > 0 ? "grey" : "unknown: no image can be read";
        const char* text = !order()                       ? "unclear"
                           : *order() == ColourOrder::rgb ? "RGB"
                                                          : "BGR, red and blue swapped";
        return std::string(text) + " (a guess: the middle is redder than blue in " +
               std::to_string(percent()) + " % of " + std::to_string(coloured()) +
               " coloured images, as skin is)";
    }
};

/// Looks at up to `most` of `size` images, spread over them; image(i) gives one, and what throws is passed over.
template <class Load>
ColourCount count_colours(std::int64_t size, const Load& image, std::int64_t most = 64) {
    ColourCount count;
    const std::int64_t looked_at = std::min(most, size);
    for (std::int64_t k = 0; k < looked_at; ++k) {
        try {
            count.add(image(k * size / looked_at));
        } catch (const Error&) {  // who needs this image will say what is wrong with it
        }
    }
    return count;
}

/// What to tell the owner of a set that was said to be in `stated` order, when its images, as RGB by then, seem to
/// be swapped. Nothing where the guess agrees or is none.
inline std::optional<std::string> colour_warning(const std::string& set, ColourOrder stated,
                                                 const ColourCount& as_rgb) {
    constexpr std::int64_t enough = 8;
    if (as_rgb.coloured() < enough || as_rgb.order() != ColourOrder::bgr)
        return std::nullopt;
    const std::string other =
        colour_order_name(stated == ColourOrder::rgb ? ColourOrder::bgr : ColourOrder::rgb);
    return set + " is read as " + colour_order_name(stated) + ", but looks like " + other +
           ": the middle is redder than blue in only " + std::to_string(as_rgb.percent()) + " % of " +
           std::to_string(as_rgb.coloured()) + " images, and skin is red. If it is, write " + other +
           ": in front of its name, or give --colour-order " + other + " if it is --data";
}

}  // namespace lafs::inline LAFS_ABI
