// RandAugment (Cubuk et al., arXiv 1909.13719) as LAFS uses it: timm's "rand-m<M>-mstd0.5-inc1", without
// solarisation. What is drawn and what is done are apart: `draw_rand_augment` takes the same number of values
// from the sequence whatever it draws.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/random.hpp>
#include <lafs/data/affine.hpp>
#include <lafs/data/colour_ops.hpp>
#include <lafs/data/tone_ops.hpp>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The operations that are drawn from.
enum class RandOperation : std::uint8_t {
    autocontrast,
    equalize,
    invert,
    rotate,
    posterize,
    colour,
    contrast,
    brightness,
    sharpness,
    shear_x,
    shear_y,
    translate_x,
    translate_y
};

inline constexpr int rand_operation_count = 13;

/// Magnitudes are on a scale of 0 (nothing) to 10 (most).
inline constexpr double largest_magnitude = 10;

struct RandAugmentOptions {
    double magnitude = 1;  ///< mean of the magnitudes; LAFS: 1 for WebFace, 2 for MS1MV3
    double deviation = 0.5;
    int operations = 2;        ///< drawn for an image, with replacement
    double probability = 0.5;  ///< that a drawn operation happens
    std::uint8_t fill = fill_grey;
};

/// Throws for values outside their ranges.
inline void check_rand_augment(const RandAugmentOptions& options) {
    constexpr const char* operation = "rand augment";
    require(options.magnitude >= 0 && options.magnitude <= largest_magnitude, operation, "got magnitude ",
            options.magnitude, ", expected 0 .. ", largest_magnitude);
    require(options.deviation >= 0 && std::isfinite(options.deviation), operation, "got the deviation ",
            options.deviation, ", expected 0 or more");
    require(options.operations >= 0 && options.operations <= 100, operation, "got ", options.operations,
            " operations, expected 0 .. 100");
    require(options.probability >= 0 && options.probability <= 1, operation, "got the probability ",
            options.probability, ", expected 0 .. 1");
}

/// One change of an image.
struct RandStep {
    RandOperation operation = RandOperation::autocontrast;
    double amount = 0;  ///< degrees, bits kept, a factor, or a share of the side; unused by some
    Filter filter = Filter::bilinear;
};

/// What an operation does at a magnitude: more for a larger one, in one direction or the other.
inline double rand_amount(RandOperation operation, double magnitude, bool negative) {
    const double share = magnitude / largest_magnitude, sign = negative ? -1 : 1;
    switch (operation) {
        case RandOperation::rotate:
            return sign * share * 30.0;
        case RandOperation::posterize:
            return 4 - static_cast<int>(share * 4);
        case RandOperation::colour:
        case RandOperation::contrast:
        case RandOperation::brightness:
        case RandOperation::sharpness:
            return 1 + sign * share * 0.9;
        case RandOperation::shear_x:
        case RandOperation::shear_y:
            return sign * share * 0.3;
        case RandOperation::translate_x:
        case RandOperation::translate_y:
            return sign * share * 0.45;
        case RandOperation::autocontrast:
        case RandOperation::equalize:
        case RandOperation::invert:
            break;
    }
    return 0;
}

/// The steps that happen, in order.
inline std::vector<RandStep> draw_rand_augment(const RandAugmentOptions& options, RandomSequence& random) {
    check_rand_augment(options);
    std::vector<RandStep> steps;
    for (int i = 0; i < options.operations; ++i) {
        const auto operation = static_cast<RandOperation>(random.integer(rand_operation_count));
        const bool happens = random.uniform() < options.probability;
        const double magnitude =
            std::clamp(random.normal(options.magnitude, options.deviation), 0.0, largest_magnitude);
        const bool negative = random.uniform() < 0.5;
        const Filter filter = random.uniform() < 0.5 ? Filter::bilinear : Filter::bicubic;
        if (happens)
            steps.push_back({operation, rand_amount(operation, magnitude, negative), filter});
    }
    return steps;
}

inline Image apply_rand_step(Image image, const RandStep& step, std::uint8_t fill = fill_grey) {
    switch (step.operation) {
        case RandOperation::autocontrast:
            return autocontrast(std::move(image));
        case RandOperation::equalize:
            return equalize(std::move(image));
        case RandOperation::invert:
            return invert(std::move(image));
        case RandOperation::rotate:
            return rotate(image, step.amount, step.filter, fill);
        case RandOperation::posterize:
            return posterize(std::move(image), static_cast<int>(step.amount));
        case RandOperation::colour:
            return adjust_saturation(std::move(image), step.amount);
        case RandOperation::contrast:
            return adjust_contrast(std::move(image), step.amount);
        case RandOperation::brightness:
            return adjust_brightness(std::move(image), step.amount);
        case RandOperation::sharpness:
            return adjust_sharpness(image, step.amount);
        case RandOperation::shear_x:
            return shear_x(image, step.amount, step.filter, fill);
        case RandOperation::shear_y:
            return shear_y(image, step.amount, step.filter, fill);
        case RandOperation::translate_x:
            return translate_x(image, step.amount * image.width, step.filter, fill);
        case RandOperation::translate_y:
            return translate_y(image, step.amount * image.height, step.filter, fill);
    }
    fail("rand augment", "got the operation ", static_cast<int>(step.operation), ", expected 0 .. ",
         rand_operation_count - 1);
}

inline Image apply_rand_augment(Image image, std::span<const RandStep> steps, std::uint8_t fill = fill_grey) {
    for (const RandStep& step : steps)
        image = apply_rand_step(std::move(image), step, fill);
    return image;
}

/// Draws and does.
inline Image rand_augment(Image image, const RandAugmentOptions& options, RandomSequence& random) {
    const std::vector<RandStep> steps = draw_rand_augment(options, random);
    return apply_rand_augment(std::move(image), steps, options.fill);
}

}  // namespace lafs::inline LAFS_ABI
