// Random changes of colour, and erased rectangles. What is drawn and what is done are apart: `draw_jitter`
// takes the same numbers from the sequence whether the result is used or not.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/blur.hpp>
#include <lafs/data/colour_ops.hpp>
#include <lafs/data/image_ops.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// How far colours may move: factors in [1 - x, 1 + x] (not below 0), hue in [-x, x] of a circle.
struct ColourJitter {
    double brightness = 0.4, contrast = 0.4, saturation = 0.2, hue = 0.1;
};

/// Throws for a negative range, or a hue beyond half a circle.
inline void check_jitter(const ColourJitter& jitter) {
    require(jitter.brightness >= 0 && jitter.contrast >= 0 && jitter.saturation >= 0 && jitter.hue >= 0 &&
                jitter.hue <= 0.5,
            "colour jitter", "got ranges ", jitter.brightness, ", ", jitter.contrast, ", ", jitter.saturation,
            ", hue ", jitter.hue, ", expected 0 or more, hue at most 0.5");
}

/// One draw of a colour jitter: the four changes, each used once, in a random order.
struct JitterDraw {
    enum Change : std::uint8_t { brightness, contrast, saturation, hue };
    std::array<Change, 4> order{brightness, contrast, saturation, hue};
    std::array<double, 4> amount{1, 1, 1, 0};  ///< indexed by Change
};

/// Draws all four amounts and their order.
inline JitterDraw draw_jitter(const ColourJitter& jitter, RandomSequence& random) {
    check_jitter(jitter);
    JitterDraw draw;
    for (std::size_t last = draw.order.size() - 1; last > 0; --last)
        std::swap(draw.order[last], draw.order[random.integer(last + 1)]);
    const auto factor = [&](double range) { return random.uniform(std::max(0.0, 1.0 - range), 1.0 + range); };
    draw.amount[JitterDraw::brightness] = factor(jitter.brightness);
    draw.amount[JitterDraw::contrast] = factor(jitter.contrast);
    draw.amount[JitterDraw::saturation] = factor(jitter.saturation);
    draw.amount[JitterDraw::hue] = random.uniform(-jitter.hue, jitter.hue);
    return draw;
}

/// Applies what was drawn. A change whose range was 0 does nothing.
inline Image apply_jitter(Image image, const JitterDraw& draw) {
    for (const JitterDraw::Change change : draw.order) {
        const double amount = draw.amount[change];
        if (change == JitterDraw::hue ? amount == 0 : amount == 1)
            continue;
        switch (change) {
            case JitterDraw::brightness:
                image = adjust_brightness(std::move(image), amount);
                break;
            case JitterDraw::contrast:
                image = adjust_contrast(std::move(image), amount);
                break;
            case JitterDraw::saturation:
                image = adjust_saturation(std::move(image), amount);
                break;
            case JitterDraw::hue:
                image = adjust_hue(std::move(image), amount);
                break;
        }
    }
    return image;
}

/// torchvision's ColorJitter: brightness, contrast, saturation and hue by random amounts in random order.
inline Image colour_jitter(Image image, const ColourJitter& jitter, RandomSequence& random) {
    return apply_jitter(std::move(image), draw_jitter(jitter, random));
}

/// Fills the rectangle, as published with byte 0: -1 after normalisation by mean and deviation 0.5.
/// Throws when it reaches outside.
inline Image erase(Image image, const Box& box, std::uint8_t value = 0) {
    check_box(image, box, "erase");
    for (int y = box.top; y < box.top + box.height; ++y)
        std::fill_n(image.at(box.left, y), 3 * box.width, value);
    return image;
}

}  // namespace lafs::inline LAFS_ABI
