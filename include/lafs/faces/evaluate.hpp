// One evaluation of a recogniser, as the program lafs_evaluate runs it: verification sets, IJB, or scores
// that are already there; its result for people, for programs and as curves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/score_list.hpp>
#include <lafs/eval/curves.hpp>
#include <lafs/faces/evaluate_ijb.hpp>
#include <lafs/faces/ijb_report.hpp>
#include <lafs/faces/pair_sets.hpp>
#include <lafs/faces/verify_pairs.hpp>
#include <lafs/report/progress.hpp>
#include <lafs/report/verification_report.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What is evaluated. One of: `scores`; `ijb` with `set`; `bins` and `pairs` with `root`.
struct EvaluateOptions {
    std::filesystem::path weights;  ///< not needed for scores
    std::vector<std::filesystem::path>
        bins;                           ///< verification sets (.bin), or folders of them; see pair_sets.hpp
    std::filesystem::path pairs, root;  ///< a list of pairs and the folder of its images
    std::filesystem::path scores;       ///< `score label` lines
    std::filesystem::path ijb;          ///< folder with meta and loose_crop
    std::string set = "ijbc";           ///< what the names of its lists begin with
    EmbedOptions embed = {};
    bool use_detector_score = true, normalise_images = false;  ///< of IJB, see IjbOptions
    std::optional<double> calibrate_far = {};
};

/// The result: keys of `json` are those of verification_json and ijb_json.
struct EvaluateResult {
    nlohmann::ordered_json json;
    std::string text;
    std::vector<NamedCurve> curves;
    std::vector<std::string> warnings = {};
};

namespace detail {

/// A set that cannot be verified stops the run before hours of work on the others.
inline void check_before_work(const NamedPairSet& named) {
    const PairSet& set = named.set;
    const auto genuine =
        static_cast<std::size_t>(std::count(set.same.begin(), set.same.end(), std::uint8_t{1}));
    require(genuine > 0 && genuine < set.same.size(), "evaluate", named.file, " has ", genuine,
            " genuine of ", set.same.size(), " pairs, expected pairs of both kinds");
    require(set.same.size() >= set.folds, "evaluate", named.file, " has ", set.same.size(),
            " pairs, expected at least ", set.folds, ", one for each fold");
}

template <class Embed>
EvaluateResult verification_evaluation(const EvaluateOptions& options, const Embed& embed) {
    using Paths = std::vector<std::filesystem::path>;
    const bool listed = !options.pairs.empty();
    const std::vector<NamedPairSet> files = open_pair_sets(
        options.bins, listed ? Paths{options.pairs} : Paths{}, listed ? Paths{options.root} : Paths{});
    for (const NamedPairSet& file : files)
        check_before_work(file);
    std::vector<SetVerification> sets;
    for (const auto& [name, file, set] : files) {
        const std::vector<double> distances = embed_pair_distances(set, embed, options.embed);
        sets.push_back(verify_set(name, distances, set.same, set.folds, options.calibrate_far));
    }
    EvaluateResult result{verification_json(sets), verification_text(sets), {}};
    for (SetVerification& set : sets)
        result.curves.push_back({set.name, std::move(set.curve)});
    return result;
}

template <class Embed>
EvaluateResult ijb_evaluation(const EvaluateOptions& options, const Embed& embed) {
    const IjbSet set = read_ijb(options.ijb, options.set);
    IjbEvaluation how;
    how.protocol = {options.embed.mirrored, options.use_detector_score, options.normalise_images};
    how.batch = options.embed.batch;
    how.calibrate_far = options.calibrate_far;
    Progress progress(options.set, static_cast<std::int64_t>(set.images.size()));
    how.progress = [&](std::size_t) { progress.advance(1); };
    IjbResult result = evaluate_ijb(set, embed, how);
    return {ijb_json(options.set, result),
            ijb_text(options.set, result),
            {{options.set, std::move(result.curve)}}};
}

inline EvaluateResult score_evaluation(const EvaluateOptions& options) {
    const ScoreList list = read_scores(options.scores);
    RocCurve curve = roc_curve(list.scores, list.same, RocPoints::all);
    const auto impostors =
        static_cast<std::size_t>(std::count(list.same.begin(), list.same.end(), std::uint8_t{0}));
    std::vector<TarAtFar> points;
    for (const double far : {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1})
        points.push_back({far, tar_at_far(curve, far)});
    nlohmann::ordered_json json = {
        {"pairs", list.same.size()}, {"impostor_pairs", impostors}, {"tar_at_far", tar_at_far_json(points)}};
    std::string text = formatted("%zu pairs (%zu impostor)\n", list.same.size(), impostors) +
                       tar_at_far_text(points, impostors);
    if (options.calibrate_far) {
        const Calibration calibration = calibrate(list.scores, list.same, *options.calibrate_far);
        json["calibration"] = calibration_json(calibration);
        text += calibration_text(calibration);
    }
    std::vector<std::string> warnings;
    if (const double area = area_under(curve); area < 0.4) {
        warnings.push_back(formatted(
            "%s: pairs of one person score lower than pairs of two (area under the curve %.3f). These look "
            "like "
            "distances: expected scores that are higher for the same person, so give their negatives",
            options.scores.string().c_str(), area));
        json["warning"] = warnings.back();
    }
    return {std::move(json),
            std::move(text),
            {{options.scores.stem().string(), std::move(curve)}},
            std::move(warnings)};
}

}  // namespace detail

/// Throws, before anything is read, unless the options say what to evaluate, and only one kind of it.
inline void check_evaluate(const EvaluateOptions& options) {
    const bool verification = !options.bins.empty() || !options.pairs.empty();
    const int kinds = int{verification} + int{!options.ijb.empty()} + int{!options.scores.empty()};
    require(kinds == 1, "evaluate", "got ", kinds == 0 ? "nothing" : "several kinds of things",
            " to evaluate, expected --bin or --pairs, or --ijb, or --scores");
    require(
        options.scores.empty() == !options.weights.empty(), "evaluate",
        options.scores.empty() ? "--weights is missing" : "got --scores and --weights, expected one of them");
    require(options.pairs.empty() == options.root.empty(), "evaluate",
            "got one of --pairs and --root, expected both or neither");
}

/// Evaluates; progress of IJB is shown on standard error. `open(weights)` gives the recogniser as a function, on the device
/// that is to compute: face_embedder<Cpu>, say. A template, so that only programs that evaluate compile all this.
template <class Open>
EvaluateResult evaluate(const EvaluateOptions& options, const Open& open) {
    check_evaluate(options);
    if (!options.scores.empty())
        return detail::score_evaluation(options);
    const auto embed = open(options.weights);
    return options.ijb.empty() ? detail::verification_evaluation(options, embed)
                               : detail::ijb_evaluation(options, embed);
}

}  // namespace lafs::inline LAFS_ABI
