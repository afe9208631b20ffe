// Verification results, and thresholds with their intervals, for people and for programs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <lafs/eval/calibration.hpp>
#include <lafs/eval/curves.hpp>
#include <lafs/eval/verification.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The result on one set, with what may be asked for beside it.
struct SetVerification {
    std::string name;
    VerificationResult result;
    RocCurve curve;  ///< of all pairs by their cosine, in one fold
    std::optional<Calibration> calibration;
};

/// Verifies squared distances of L2-normalised embeddings, and calibrates where a FAR is given.
inline SetVerification verify_set(std::string name, std::span<const double> distances,
                                  std::span<const std::uint8_t> same, std::size_t folds,
                                  std::optional<double> calibrate_far = {}) {
    SetVerification set{std::move(name), {}, {}, {}};
    VerificationOptions options;
    options.folds = folds;
    set.result = verify_distances(distances, same, options);
    std::vector<double> cosines;
    for (const double distance : distances)
        cosines.push_back(1.0 - 0.5 * distance);
    set.curve = roc_curve(cosines, same, RocPoints::all);
    if (calibrate_far)
        set.calibration = calibrate(cosines, same, *calibrate_far);
    return set;
}

namespace detail {

/// printf into a string.
template <class... Values>
std::string formatted(const char* format, Values... values) {
    const int length = std::snprintf(nullptr, 0, format, values...);
    std::string text(static_cast<std::size_t>(std::max(length, 0)), '\0');
    std::snprintf(text.data(), text.size() + 1, format, values...);
    return text;
}

inline nlohmann::ordered_json rate_json(const RateInterval& rate) {
    return {{"rate", rate.rate}, {"low", rate.low}, {"high", rate.high}};
}

inline nlohmann::ordered_json number_or_null(const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace detail

/// {"0.1": .., "0.01": ..}: rates are shares of 1.
inline nlohmann::ordered_json tar_at_far_json(std::span<const TarAtFar> points) {
    nlohmann::ordered_json tar = nlohmann::ordered_json::object();
    for (const TarAtFar& point : points)
        tar[detail::formatted("%g", point.far)] = point.tar;
    return tar;
}

/// {"accuracy", "accuracy_std", "best_threshold", "tar_at_far": {"0.1": ..}, "pairs"}; rates are shares of 1.
inline nlohmann::ordered_json verification_json(const VerificationResult& result) {
    return {{"accuracy", result.accuracy},
            {"accuracy_std", result.accuracy_std},
            {"best_threshold", result.best_threshold},
            {"tar_at_far", tar_at_far_json(result.tar_at_far)},
            {"pairs", result.pairs}};
}

/// {"wanted_far", "confidence", "cosine", "squared_distance", "cosine_low", "cosine_high" (null: unknown),
/// "far" and "tar": {"rate", "low", "high"}, "impostor_pairs", "genuine_pairs", "warning" (empty: none)}.
inline nlohmann::ordered_json calibration_json(const Calibration& c) {
    return {{"wanted_far", c.wanted_far},
            {"confidence", c.confidence},
            {"cosine", c.threshold.cosine},
            {"squared_distance", c.threshold.squared_distance},
            {"cosine_low", detail::number_or_null(c.cosine_low)},
            {"cosine_high", detail::number_or_null(c.cosine_high)},
            {"far", detail::rate_json(c.far)},
            {"tar", detail::rate_json(c.tar)},
            {"impostor_pairs", c.impostors},
            {"genuine_pairs", c.genuine},
            {"warning", c.warning}};
}

/// Lines of TAR at FAR; those that the impostor pairs are too few to show are marked.
inline std::string tar_at_far_text(std::span<const TarAtFar> points, std::size_t impostor_pairs) {
    std::string text;
    for (const TarAtFar& point : points)
        text += detail::formatted("TAR at FAR %-6g %6.2f %%%s\n", point.far, 100 * point.tar,
                                  point.far * static_cast<double>(impostor_pairs) >= 1.0
                                      ? ""
                                      : "  (too few impostor pairs for this FAR)");
    return text;
}

/// One set as `verification_json`, with "calibration" where there is one;
/// several as {"sets": {name: ..}, "mean_accuracy"}.
inline nlohmann::ordered_json verification_json(std::span<const SetVerification> sets) {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    double sum = 0.0;
    for (const SetVerification& set : sets) {
        nlohmann::ordered_json one = verification_json(set.result);
        if (set.calibration)
            one["calibration"] = calibration_json(*set.calibration);
        if (sets.size() == 1)
            return one;
        all[set.name] = std::move(one);
        sum += set.result.accuracy;
    }
    return {{"sets", all}, {"mean_accuracy", sets.empty() ? 0.0 : sum / static_cast<double>(sets.size())}};
}

/// The same as lines of text.
inline std::string verification_text(const VerificationResult& result) {
    std::string text = detail::formatted("accuracy        %.2f %% +- %.2f %% (%zu pairs)\n",
                                         100 * result.accuracy, 100 * result.accuracy_std, result.pairs) +
                       detail::formatted("best threshold  %.3f (squared distance)\n", result.best_threshold);
    for (const TarAtFar& point : result.tar_at_far)
        text += detail::formatted("TAR at FAR %-6g %.2f %%\n", point.far, 100 * point.tar);
    return text;
}

/// A threshold and its intervals as lines of text.
inline std::string calibration_text(const Calibration& c) {
    const auto limit = [](const std::optional<double>& value) {
        return value ? detail::formatted("%.4f", *value) : std::string("unknown");
    };
    const auto rate = [](const char* name, const RateInterval& r, std::size_t pairs, const char* kind) {
        return detail::formatted("  %s there %.4g %%, between %.4g and %.4g %% (%zu %s pairs)\n", name,
                                 100 * r.rate, 100 * r.low, 100 * r.high, pairs, kind);
    };
    std::string text = detail::formatted("threshold for FAR %g (intervals of %g %% confidence)\n",
                                         c.wanted_far, 100 * c.confidence);
    text += detail::formatted("  same when cosine > %.4f (squared distance < %.4f); between %s and %s\n",
                              c.threshold.cosine, c.threshold.squared_distance, limit(c.cosine_low).c_str(),
                              limit(c.cosine_high).c_str());
    text += rate("FAR", c.far, c.impostors, "impostor") + rate("TAR", c.tar, c.genuine, "genuine");
    return c.warning.empty() ? text : text + "  warning: " + c.warning + "\n";
}

/// One set as `verification_text`; several as a table with a line each. Calibrations follow.
inline std::string verification_text(std::span<const SetVerification> sets) {
    std::string text;
    if (sets.size() == 1) {
        text = verification_text(sets[0].result);
    } else if (!sets.empty()) {
        std::size_t width = 4;
        for (const SetVerification& set : sets)
            width = std::max(width, set.name.size());
        const int column = static_cast<int>(width);
        text = detail::formatted("%-*s  %6s  %-16s  %9s", column, "set", "pairs", "accuracy %", "threshold");
        for (const TarAtFar& point : sets[0].result.tar_at_far)
            text += detail::formatted("  %8s", detail::formatted("FAR %g", point.far).c_str());
        double sum = 0.0;
        for (const SetVerification& set : sets) {
            const VerificationResult& r = set.result;
            text += detail::formatted("\n%-*s  %6zu  %6.2f +- %-6.2f  %9.3f", column, set.name.c_str(),
                                      r.pairs, 100 * r.accuracy, 100 * r.accuracy_std, r.best_threshold);
            for (const TarAtFar& point : r.tar_at_far)
                text += detail::formatted("  %8.2f", 100 * point.tar);
            sum += r.accuracy;
        }
        text += detail::formatted(
            "\n%-*s  %6s  %6.2f\nFAR columns: TAR in %% at that FAR; threshold: squared "
            "distance\n",
            column, "mean", "", 100 * sum / static_cast<double>(sets.size()));
    }
    for (const SetVerification& set : sets)
        if (set.calibration)
            text += (sets.size() > 1 ? set.name + ": " : std::string()) + calibration_text(*set.calibration);
    return text;
}

}  // namespace lafs::inline LAFS_ABI
