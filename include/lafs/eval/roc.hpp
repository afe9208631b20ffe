// Receiver operating characteristic of scores, and the true accept rate (TAR) at a false accept rate (FAR).
//
//   FAR(t) = impostor pairs with score >= t / impostor pairs,  TAR(t) = same for genuine pairs
//
// Two curves are in use and both give TAR at FAR by `tar_at_far`: the curve of all scores (IJB, here), and
// the curve over fixed distance thresholds averaged over folds (verification sets, eval/verification.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <numeric>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Points of a curve, FAR and TAR never decreasing. `thresholds` are scores (falling) or distances (rising).
struct RocCurve {
    std::vector<double> far, tar, thresholds;
};

/// Which points of the score curve are kept.
enum class RocPoints {
    /// Those where the curve turns, as scikit-learn's roc_curve keeps them. The published TAR at FAR is read
    /// from these points, so it is the default; with millions of pairs the difference vanishes.
    corners,
    /// One for every distinct score.
    all,
};

namespace detail {

struct RocCount {
    std::int64_t impostors, genuine;
    double threshold;

    bool operator==(const RocCount&) const = default;
};

/// Accepted pairs at each distinct score, from the highest.
inline std::vector<RocCount> count_accepted(std::span<const double> scores,
                                            std::span<const std::uint8_t> same) {
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    std::vector<RocCount> counts;
    std::int64_t impostors = 0, genuine = 0;
    for (std::size_t k = 0; k < order.size(); ++k) {
        (same[order[k]] ? genuine : impostors) += 1;
        if (k + 1 == order.size() || scores[order[k + 1]] != scores[order[k]])
            counts.push_back({impostors, genuine, scores[order[k]]});
    }
    return counts;
}

/// Drops every point whose step from the last and to the next is the same in both counts.
inline std::vector<RocCount> keep_corners(const std::vector<RocCount>& counts) {
    std::vector<RocCount> kept;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        const bool inner = k > 0 && k + 1 < counts.size();
        if (!inner || counts[k + 1].impostors - 2 * counts[k].impostors + counts[k - 1].impostors != 0 ||
            counts[k + 1].genuine - 2 * counts[k].genuine + counts[k - 1].genuine != 0)
            kept.push_back(counts[k]);
    }
    return kept;
}

}  // namespace detail

/// Curve of `scores` (higher means "same"), starting at (0, 0). `same` is 1 for genuine pairs, else 0.
/// Throws for lengths that differ, scores that are not finite, and when one of the classes is absent.
inline RocCurve roc_curve(std::span<const double> scores, std::span<const std::uint8_t> same,
                          RocPoints points = RocPoints::corners) {
    require(scores.size() == same.size(), "roc_curve", "got ", scores.size(), " scores and ", same.size(),
            " labels, expected as many");
    for (std::size_t i = 0; i < scores.size(); ++i)
        require(std::isfinite(scores[i]), "roc_curve", "got score ", scores[i], " for pair ", i,
                ", expected finite scores");
    std::vector<detail::RocCount> counts = detail::count_accepted(scores, same);
    const std::int64_t impostors = counts.empty() ? 0 : counts.back().impostors;
    const std::int64_t genuine = counts.empty() ? 0 : counts.back().genuine;
    require(impostors > 0 && genuine > 0, "roc_curve", "got ", genuine, " genuine and ", impostors,
            " impostor pairs, expected some of both");
    if (points == RocPoints::corners)
        counts = detail::keep_corners(counts);

    RocCurve curve{{0.0}, {0.0}, {std::nextafter(counts.front().threshold, INFINITY)}};
    for (const detail::RocCount& count : counts) {
        curve.far.push_back(static_cast<double>(count.impostors) / static_cast<double>(impostors));
        curve.tar.push_back(static_cast<double>(count.genuine) / static_cast<double>(genuine));
        curve.thresholds.push_back(count.threshold);
    }
    return curve;
}

/// The largest TAR among the points whose FAR is nearest to `far`. Throws for an empty curve and for a FAR
/// outside [0, 1].
inline double tar_at_far(const RocCurve& curve, double far) {
    require(!curve.far.empty() && curve.far.size() == curve.tar.size(), "tar_at_far", "got a curve of ",
            curve.far.size(), " FAR and ", curve.tar.size(),
            " TAR values, expected as many and at least one");
    require(far >= 0.0 && far <= 1.0, "tar_at_far", "got FAR ", far, ", expected 0 to 1");
    double nearest = INFINITY, best = 0.0;
    for (std::size_t k = 0; k < curve.far.size(); ++k) {
        const double distance = std::abs(curve.far[k] - far);
        if (distance < nearest) {
            nearest = distance;
            best = curve.tar[k];
        } else if (distance == nearest) {
            best = std::max(best, curve.tar[k]);
        }
    }
    return best;
}

/// Area under the curve by trapezia: the probability that a genuine pair outscores an impostor pair. The
/// curve has to reach from FAR 0 to FAR 1, as `roc_curve` gives it.
inline double area_under(const RocCurve& curve) {
    double area = 0.0;
    for (std::size_t k = 1; k < curve.far.size(); ++k)
        area += (curve.far[k] - curve.far[k - 1]) * 0.5 * (curve.tar[k] + curve.tar[k - 1]);
    return area;
}

}  // namespace lafs::inline LAFS_ABI
