// The threshold for a wanted false accept rate (FAR), from scores of pairs, and how sure it is.
//
// With n impostor scores and k = floor(FAR n), the threshold lies half-way between the k-th and the (k+1)-th
// largest (on the largest when k = 0); a pair is "same" when its score is strictly above.
//   FAR and TAR at the threshold: exact intervals of Clopper and Pearson (eval/distributions.hpp). They hold
//     although the threshold comes from the same scores: the true FAR above the r-th largest of n scores is
//     distributed as Beta(r, n - r + 1), whose quantiles for r = k and k + 1 are those limits.
//   Threshold: order statistics (David and Nagaraja, Order Statistics, 2003, section 7.1). The number of
//     impostors above the true threshold is Binomial(n, FAR), so the true threshold lies between the u-th and
//     the l-th largest with P(N >= u) and P(N < l) both at most (1 - confidence) / 2.
// Both assume independent pairs from the population of later use. Pairs that share people are not quite
// independent: real intervals are then wider.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/eval/distributions.hpp>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What a recogniser needs to say "same": either of the two tests, which agree for L2-normalised embeddings.
struct MatchThreshold {
    double cosine = 0;            ///< same when the cosine is above this
    double squared_distance = 2;  ///< same when the squared distance is below this: 2 - 2 cosine
};

/// The threshold of that cosine.
inline MatchThreshold match_threshold(double cosine) {
    return {cosine, 2.0 - 2.0 * cosine};
}

/// A threshold and how sure it is.
struct Calibration {
    MatchThreshold threshold;
    double wanted_far = 0, confidence = 0.95;
    std::size_t impostors = 0, genuine = 0;
    RateInterval far, tar;  ///< at the threshold
    /// Limits of the threshold's cosine; without a value where the set is too small to give one.
    std::optional<double> cosine_low, cosine_high;
    /// What is wrong with a set that is too small for this FAR; empty when nothing is.
    std::string warning;
};

/// Impostor pairs above the threshold that a trustworthy FAR needs: with 30 errors the true rate is
/// within 30 % of the observed one at 90 % confidence
/// (the rule of 30; Doddington et al., Speech Communication 31, 2000).
inline constexpr std::int64_t trustworthy_errors = 30;

namespace detail {

/// The largest rank with P(N >= rank) above `chance`, N ~ Binomial(n, p).
inline std::int64_t tail_rank(std::int64_t n, double p, double chance) {
    std::int64_t low = 0, high = n + 1;  // the tail is above at low, not above at high
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (binomial_tail(middle, n, p) > chance ? low : high) = middle;
    }
    return low;
}

inline std::string calibration_warning(double far, std::size_t impostors) {
    const double expected = far * static_cast<double>(impostors);
    if (expected >= static_cast<double>(trustworthy_errors))
        return {};
    std::ostringstream text;
    if (expected < 1.0)
        text << impostors << " impostor pairs are too few for FAR " << far
             << ": the threshold is the highest impostor score, the FAR behind it is known only as an "
                "interval; ";
    else
        text << impostors << " impostor pairs are few for FAR " << far << ": the threshold rests on "
             << std::floor(expected + 1e-9) << " of them; ";
    text << "at least " << std::ceil(1.0 / far - 1e-9) << " pairs are needed, "
         << std::ceil(static_cast<double>(trustworthy_errors) / far - 1e-9) << " for a FAR within 30 %";
    return text.str();
}

}  // namespace detail

/// The threshold for `far` on cosines of pairs; `same` is 1 for genuine pairs, else 0. A set that is too
/// small is not an error: see `Calibration::warning`. Throws for lengths that differ, scores that are not
/// finite, rates and confidences outside (0, 1), and when one of the classes is absent.
inline Calibration calibrate(std::span<const double> cosines, std::span<const std::uint8_t> same, double far,
                             double confidence = 0.95) {
    require(cosines.size() == same.size(), "calibrate", "got ", cosines.size(), " scores and ", same.size(),
            " labels, expected as many");
    require(far > 0.0 && far < 1.0 && confidence > 0.0 && confidence < 1.0, "calibrate", "got FAR ", far,
            " and confidence ", confidence, ", expected both between 0 and 1");
    std::vector<double> impostors;
    for (std::size_t i = 0; i < same.size(); ++i) {
        require(std::isfinite(cosines[i]), "calibrate", "got score ", cosines[i], " for pair ", i,
                ", expected finite scores");
        if (!same[i])
            impostors.push_back(cosines[i]);
    }
    const std::size_t count = impostors.size();
    require(count > 0 && count < same.size(), "calibrate", "got ", same.size() - count, " genuine and ",
            count, " impostor pairs, expected some of both");
    std::sort(impostors.begin(), impostors.end(), std::greater<>());

    Calibration result;
    result.wanted_far = far;
    result.confidence = confidence;
    result.impostors = count;
    result.genuine = same.size() - count;
    const auto accepted =
        std::min(static_cast<std::size_t>(far * static_cast<double>(count) + 1e-9), count - 1);
    const double above = impostors[accepted == 0 ? 0 : accepted - 1], below = impostors[accepted];
    result.threshold = match_threshold(below + 0.5 * (above - below));

    std::int64_t false_accepts = 0, true_accepts = 0;
    for (std::size_t i = 0; i < same.size(); ++i)
        (same[i] ? true_accepts : false_accepts) += cosines[i] > result.threshold.cosine;
    const auto n = static_cast<std::int64_t>(count);
    result.far = clopper_pearson(false_accepts, n, confidence);
    result.tar = clopper_pearson(true_accepts, static_cast<std::int64_t>(result.genuine), confidence);

    const double outside = 0.5 * (1.0 - confidence);
    const std::int64_t lower = detail::tail_rank(n, far, outside) + 1;  // P(N >= lower) <= outside
    if (lower <= n)
        result.cosine_low = impostors[static_cast<std::size_t>(lower - 1)];
    // P(N < upper) = 1 - P(N >= upper) <= outside for upper up to this rank.
    const std::int64_t upper = detail::tail_rank(n, far, std::nextafter(1.0 - outside, 0.0));
    if (upper >= 1)
        result.cosine_high = impostors[static_cast<std::size_t>(upper - 1)];
    result.warning = detail::calibration_warning(far, count);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
