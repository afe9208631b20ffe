// Watching features that are learnt without labels: at the end of an epoch the network embeds a labelled set, and two
// questions are asked. Does the nearest other image show the same person (eval/knn.hpp)? And which pairs of images do
// (eval/verification.hpp)? The training sees none of it, and its bits are the same with and without.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/source_pairs.hpp>
#include <lafs/eval/knn.hpp>
#include <lafs/faces/embed_images.hpp>
#include <lafs/faces/verify_pairs.hpp>
#include <lafs/report/log.hpp>
#include <lafs/report/log_reader.hpp>
#include <lafs/report/report.hpp>
#include <lafs/report/verification_report.hpp>
#include <lafs/train/training_set.hpp>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

struct ProbeOptions {
    static constexpr int folds = 10;  ///< of the pairs

    std::string data;             ///< a labelled set, as open_source takes it; empty: no probe
    std::int64_t images = 10000;  ///< the first so many of its images
    std::int64_t neighbours = 1;  ///< that vote for an image's identity
    std::int64_t pairs = 0;       ///< to verify; 0: as many as the set is sure to have, at most 6000
};

namespace detail {

/// A number of pairs that make_pairs can draw from any set of this many images of each identity: for each identity of
/// two images or more one of the same person, and one of two people.
inline std::int64_t sure_pairs(const std::vector<std::vector<std::int64_t>>& images_of) {
    const auto several =
        std::count_if(images_of.begin(), images_of.end(), [](const auto& own) { return own.size() > 1; });
    const std::int64_t folds = ProbeOptions::folds,
                       in_fold = several >= 2 * folds ? several / folds : several;
    return 2 * folds * std::clamp<std::int64_t>(in_fold, 1, 300);
}

}  // namespace detail

class KnnProbe {
public:
    /// Opens the set, reads all its images once and draws the pairs. Throws naming what is wrong with it.
    KnnProbe(const ProbeOptions& options, std::uint64_t seed) : options_(options) {
        require(options.images >= 2 && options.neighbours >= 1 && options.pairs >= 0, "probe", "got ",
                options.images, " images, ", options.neighbours, " neighbours and ", options.pairs,
                " pairs, expected at least 2, 1 and 0");
        source_ = open_checked_source(options.data, ColourOrder::rgb);
        if (source_->size() > options.images) {
            std::vector<std::int64_t> first(static_cast<std::size_t>(options.images));
            std::iota(first.begin(), first.end(), std::int64_t{0});
            source_ = std::make_shared<SubsetSource>(std::move(source_), std::move(first));
        }
        const std::int64_t pairs =
            options.pairs > 0 ? options.pairs : detail::sure_pairs(detail::images_by_identity(*source_));
        for (const IndexPair& pair : make_pairs(*source_, pairs, ProbeOptions::folds, seed)) {
            pairs_.emplace_back(static_cast<std::size_t>(pair.a), static_cast<std::size_t>(pair.b));
            same_.push_back(pair.same);
        }
        parallel_for(source_->size(), [&](std::int64_t i) { source_->image(i); });  // throws for damaged ones
        for (std::int64_t i = 0; i < source_->size(); ++i)
            labels_.push_back(source_->label(i));
    }

    /// Asks a network, given as a function from (B, 3, face_size, face_size) to (B, dim); `say` is given a line.
    template <class Embed>
    void ask(const Embed& embed, const std::function<void(const std::string&)>& say) {
        std::vector<float> rows;
        embed_images(
            labels_.size(), {}, [&](std::size_t i) { return source_->image(static_cast<std::int64_t>(i)); },
            embed,
            [&](std::size_t, std::span<const float> row) {
                rows.insert(rows.end(), row.begin(), row.end());
            });
        const std::size_t dim = rows.size() / labels_.size();
        nearest_ = knn_accuracy(rows, dim, labels_, options_.neighbours);
        pairs_result_ =
            verify_set(options_.data, distances_of_pairs(rows, dim, pairs_), same_, ProbeOptions::folds)
                .result;
        say(detail::formatted("probe: %s %.2f %% (%zu images), verification %.2f %% +- %.2f %% (%zu pairs)",
                              neighbours_text().c_str(), 100 * nearest_.accuracy, nearest_.asked,
                              100 * pairs_result_->accuracy, 100 * pairs_result_->accuracy_std,
                              pairs_result_->pairs));
    }

    /// Whether `ask` was called.
    bool asked() const { return pairs_result_.has_value(); }
    const KnnAccuracy& nearest() const { return nearest_; }
    /// Throws before the first `ask`.
    const VerificationResult& verification() const {
        require(asked(), "probe", "no network was asked yet");
        return *pairs_result_;
    }

    /// For the log.
    std::vector<LogField> log_fields() const {
        return {{"probe_knn", nearest_.accuracy},
                {"probe_accuracy", verification().accuracy},
                {"probe_accuracy_std", verification().accuracy_std}};
    }

    /// Both answers over the steps, from the log, and the latest verification.
    void add_to(Report& report, const std::filesystem::path& log) const {
        if (!asked())
            return;
        Chart chart;
        chart.title = "What the teacher's features tell about " + options_.data;
        chart.x.label = "step";
        chart.y.label = "accuracy";
        if (std::filesystem::exists(log)) {
            const auto entries = read_log(log);
            for (const auto& [key, name] :
                 {std::pair<std::string, std::string>{"probe_knn", neighbours_text()},
                  {"probe_accuracy", "verification"}})
                if (const auto found = entries.find(key); found != entries.end())
                    chart.series.push_back({name, found->second.step, found->second.value});
        }
        const std::string text =
            detail::formatted("The teacher on a labelled set: %s %.2f %% of %zu images.",
                              neighbours_text().c_str(), 100 * nearest_.accuracy, nearest_.asked);
        if (chart.series.empty())
            report.add_text("Probe", text);
        else
            report.add_charts("Probe", {chart}, text);
        report.add_verification("Verification on the probe set", {{options_.data, verification()}});
    }

private:
    std::string neighbours_text() const {
        return options_.neighbours == 1 ? std::string("nearest neighbour")
                                        : std::to_string(options_.neighbours) + " nearest neighbours";
    }

    ProbeOptions options_;
    std::shared_ptr<const FaceSource> source_;
    std::vector<std::int64_t> labels_;
    std::vector<std::pair<std::size_t, std::size_t>> pairs_;
    std::vector<std::uint8_t> same_;
    KnnAccuracy nearest_;
    std::optional<VerificationResult> pairs_result_;
};

}  // namespace lafs::inline LAFS_ABI
