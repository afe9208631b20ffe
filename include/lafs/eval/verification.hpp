// Verification sets (LFW, CFP-FP, AgeDB-30, CALFW, CPLFW and pair lists alike).
//
// Pair i is rows 2i and 2i+1 of the embeddings, which are L2-normalised here; d = squared distance; a pair is
// called "same" when d < t, strictly. Thresholds are 0, 0.01 .. 3.99. For each of ten contiguous folds the
// threshold with the best accuracy on the other nine (the first of equals) is used on the fold. The ROC is
// the mean of the folds' rates at each threshold, and TAR at FAR is read from it (eval/roc.hpp).
// Everything is summed in a fixed order in double: results do not depend on threads or on batches.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/list.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <lafs/eval/roc.hpp>
#include <numeric>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The published protocol; other values are for experiments.
struct VerificationOptions {
    std::size_t folds = 10;
    std::size_t thresholds = 400;
    double threshold_step = 0.01;
    std::vector<double> far = {1e-1, 1e-2, 1e-3, 1e-4};
};

/// TAR at one FAR.
struct TarAtFar {
    double far, tar;
};

/// What `verify` measures.
struct VerificationResult {
    std::size_t pairs = 0;
    double accuracy = 0.0;                ///< mean over the folds
    double accuracy_std = 0.0;            ///< deviation over the folds (of the population, as published)
    double best_threshold = 0.0;          ///< mean of the folds' thresholds on the squared distance
    std::vector<double> fold_accuracy;    ///< (folds)
    std::vector<double> fold_thresholds;  ///< (folds)
    RocCurve roc;                         ///< (thresholds) points
    std::vector<TarAtFar> tar_at_far;     ///< in the order of the options
    /// Folds with pairs of one class only. Their rate of the absent class counts as 0 in the ROC, as
    /// published: the TAR is then too low, and the pairs want shuffling.
    std::size_t one_class_folds = 0;
};

/// Embedding of each image plus that of its mirror, both (rows, dim), as the protocol wants it.
template <List X, List Y>
std::vector<double> add_mirrored(const X& images_list, const Y& mirrors_list) {
    const auto images = span_of(images_list);
    const auto mirrors = span_of(mirrors_list);
    require(images.size() == mirrors.size(), "add_mirrored", "got ", images.size(), " and ", mirrors.size(),
            " values, expected as many");
    std::vector<double> sum(images.size());
    std::transform(images.begin(), images.end(), mirrors.begin(), sum.begin(),
                   [](auto a, auto b) { return static_cast<double>(a) + static_cast<double>(b); });
    return sum;
}

/// Squared distance of each pair of L2-normalised rows: (2 pairs, dim) -> (pairs). Throws for an odd number
/// of rows, values that are not finite and rows of zeros.
template <List X>
std::vector<double> pair_distances(const X& list, std::size_t dim) {
    const auto embeddings = span_of(list);
    const std::size_t rows = checked_rows("pair_distances", embeddings, dim);
    require(rows % 2 == 0, "pair_distances", "got ", rows, " rows, expected two for each pair");
    std::vector<double> pair(2 * dim), distances(rows / 2);
    for (std::size_t i = 0; i < distances.size(); ++i) {
        std::copy_n(embeddings.begin() + static_cast<std::ptrdiff_t>(2 * i * dim), 2 * dim, pair.begin());
        normalise_rows("pair_distances", pair, dim, 2 * i);
        const std::span<double> difference = std::span(pair).first(dim);
        for (std::size_t k = 0; k < dim; ++k)
            difference[k] -= pair[dim + k];
        distances[i] = pairwise_dot(difference, difference);
    }
    return distances;
}

namespace detail {

/// Pairs called "same" at each threshold, by class, for one set of pairs.
struct AcceptedPairs {
    std::vector<std::int64_t> genuine, impostors;  // (thresholds)
    std::int64_t genuine_total = 0, impostors_total = 0;

    explicit AcceptedPairs(std::size_t thresholds) : genuine(thresholds), impostors(thresholds) {}

    std::int64_t correct(std::size_t k) const { return genuine[k] + impostors_total - impostors[k]; }

    void add(const AcceptedPairs& other, std::int64_t sign) {
        for (std::size_t k = 0; k < genuine.size(); ++k) {
            genuine[k] += sign * other.genuine[k];
            impostors[k] += sign * other.impostors[k];
        }
        genuine_total += sign * other.genuine_total;
        impostors_total += sign * other.impostors_total;
    }
};

inline AcceptedPairs count_accepted_pairs(std::span<const double> distances,
                                          std::span<const std::uint8_t> same,
                                          std::span<const double> thresholds) {
    AcceptedPairs counts(thresholds.size());
    for (std::size_t i = 0; i < distances.size(); ++i) {
        (same[i] ? counts.genuine_total : counts.impostors_total) += 1;
        const auto first = std::upper_bound(thresholds.begin(), thresholds.end(), distances[i]);
        if (first != thresholds.end())
            (same[i] ? counts.genuine
                     : counts.impostors)[static_cast<std::size_t>(first - thresholds.begin())] += 1;
    }
    std::partial_sum(counts.genuine.begin(), counts.genuine.end(), counts.genuine.begin());
    std::partial_sum(counts.impostors.begin(), counts.impostors.end(), counts.impostors.begin());
    return counts;
}

inline void check_pairs(std::size_t distances, std::span<const std::uint8_t> same,
                        const VerificationOptions& options) {
    require(distances == same.size(), "verify", "got ", distances, " pairs of embeddings and ", same.size(),
            " labels, expected as many");
    require(options.folds >= 2, "verify", "got ", options.folds, " folds, expected 2 or more");
    require(same.size() >= options.folds, "verify", "got ", same.size(), " pairs for ", options.folds,
            " folds, expected one or more in each");
    require(options.thresholds > 0 && options.threshold_step > 0.0, "verify", "got ", options.thresholds,
            " thresholds in steps of ", options.threshold_step, ", expected both above 0");
    const auto genuine =
        static_cast<std::size_t>(std::count_if(same.begin(), same.end(), [](auto s) { return s; }));
    require(genuine > 0 && genuine < same.size(), "verify", "got ", genuine, " genuine of ", same.size(),
            " pairs, expected genuine and impostor pairs");
}

/// First of the thresholds with the most correct pairs.
inline std::size_t best_threshold(const AcceptedPairs& counts) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < counts.genuine.size(); ++k)
        if (counts.correct(k) > counts.correct(best))
            best = k;
    return best;
}

inline void add_rates(RocCurve& roc, const AcceptedPairs& fold) {
    for (std::size_t k = 0; k < roc.far.size(); ++k) {
        if (fold.genuine_total > 0)
            roc.tar[k] += static_cast<double>(fold.genuine[k]) / static_cast<double>(fold.genuine_total);
        if (fold.impostors_total > 0)
            roc.far[k] += static_cast<double>(fold.impostors[k]) / static_cast<double>(fold.impostors_total);
    }
}

}  // namespace detail

/// Ten-fold verification from squared distances. `same` is 1 for genuine pairs, else 0.
/// Throws when the lengths differ, there are fewer pairs than folds, or one of the classes is absent.
inline VerificationResult verify_distances(std::span<const double> distances,
                                           std::span<const std::uint8_t> same,
                                           const VerificationOptions& options = {}) {
    detail::check_pairs(distances.size(), same, options);
    for (std::size_t i = 0; i < distances.size(); ++i)
        require(std::isfinite(distances[i]), "verify", "got distance ", distances[i], " for pair ", i,
                ", expected finite distances");
    VerificationResult result;
    result.pairs = same.size();
    result.roc.thresholds.resize(options.thresholds);
    for (std::size_t k = 0; k < options.thresholds; ++k)
        result.roc.thresholds[k] = static_cast<double>(k) * options.threshold_step;
    result.roc.far.assign(options.thresholds, 0.0);
    result.roc.tar.assign(options.thresholds, 0.0);

    std::vector<detail::AcceptedPairs> folds;
    detail::AcceptedPairs others(options.thresholds);
    for (std::size_t fold = 0, begin = 0; fold < options.folds; ++fold) {
        const std::size_t size = same.size() / options.folds + (fold < same.size() % options.folds);
        folds.push_back(detail::count_accepted_pairs(distances.subspan(begin, size),
                                                     same.subspan(begin, size), result.roc.thresholds));
        others.add(folds.back(), 1);
        begin += size;
    }
    for (const detail::AcceptedPairs& fold : folds) {
        others.add(fold, -1);
        const std::size_t best = detail::best_threshold(others);
        others.add(fold, 1);
        const std::int64_t size = fold.genuine_total + fold.impostors_total;
        result.fold_accuracy.push_back(static_cast<double>(fold.correct(best)) / static_cast<double>(size));
        result.fold_thresholds.push_back(result.roc.thresholds[best]);
        result.one_class_folds += fold.genuine_total == 0 || fold.impostors_total == 0;
        detail::add_rates(result.roc, fold);
    }

    const auto count = static_cast<double>(options.folds);
    for (std::vector<double>* rates : {&result.roc.far, &result.roc.tar})
        for (double& rate : *rates)
            rate /= count;
    const auto mean = [&](const std::vector<double>& v) {
        return std::accumulate(v.begin(), v.end(), 0.0) / count;
    };
    result.accuracy = mean(result.fold_accuracy);
    result.best_threshold = mean(result.fold_thresholds);
    double variance = 0.0;
    for (double accuracy : result.fold_accuracy)
        variance += (accuracy - result.accuracy) * (accuracy - result.accuracy) / count;
    result.accuracy_std = std::sqrt(variance);
    for (double far : options.far)
        result.tar_at_far.push_back({far, tar_at_far(result.roc, far)});
    return result;
}

/// Ten-fold verification from embeddings (2 pairs, dim), float or double, not yet normalised.
/// Throws as `pair_distances` and `verify_distances` do.
template <List X>
VerificationResult verify(const X& embeddings, std::size_t dim, std::span<const std::uint8_t> same,
                          const VerificationOptions& options = {}) {
    return verify_distances(pair_distances(embeddings, dim), same, options);
}

}  // namespace lafs::inline LAFS_ABI
