// The sets that a run validates on at the end of epochs: each by its name in the log, in the report and on the
// terminal, and their mean accuracy, by which the best checkpoint is chosen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/faces/check_pairs.hpp>
#include <lafs/faces/pair_sets.hpp>
#include <lafs/report/log.hpp>
#include <lafs/report/log_reader.hpp>
#include <lafs/report/report.hpp>
#include <lafs/report/verification_report.hpp>
#include <lafs/train/training_set.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

class ValidationSets {
public:
    /// Checks all pairs and decodes all images, so that a damaged set stops the run before its first step; says on
    /// standard error where colours look swapped. Throws naming the set.
    explicit ValidationSets(std::vector<NamedPairSet> sets) : sets_(std::move(sets)) {
        for (const auto& [name, file, set] : sets_) {
            if (!file.empty()) {  // not drawn by the library
                check_pair_set(set, file);
                const auto image = [&pairs = set](std::int64_t i) {
                    return pairs.image(static_cast<std::size_t>(i));
                };
                warn_of_colours(file.string(), set.order, static_cast<std::int64_t>(set.image_count()),
                                image);
            }
            keys_.push_back("accuracy." + name);
            keys_.push_back("accuracy_std." + name);
        }
    }

    bool empty() const { return sets_.empty(); }

    /// Verifies a model (see verify_pairs) on all sets; `say` is given a line on each as soon as it is known.
    template <class Embed>
    void verify(const Embed& embed, const std::function<void(const std::string&)>& say) {
        results_.clear();
        for (const auto& [name, file, set] : sets_) {
            const auto distances = embed_pair_distances(set, embed);
            results_.push_back(verify_set(name, distances, set.same, set.folds));
            const VerificationResult& result = results_.back().result;
            say(detail::formatted("%s: accuracy %.2f %% +- %.2f %% (%zu pairs)", name.c_str(),
                                  100 * result.accuracy, 100 * result.accuracy_std, result.pairs));
        }
    }

    /// What the latest `verify` gave; empty before it.
    const std::vector<SetVerification>& results() const { return results_; }

    /// Throws before the first `verify`.
    double mean_accuracy() const {
        require(!results_.empty(), "validation", "no set was verified yet");
        double sum = 0;
        for (const SetVerification& set : results_)
            sum += set.result.accuracy;
        return sum / static_cast<double>(results_.size());
    }

    /// For the log: `accuracy`, the mean, then `accuracy.NAME` and `accuracy_std.NAME` of each set. Keys live as long
    /// as this.
    std::vector<LogField> log_fields() const {
        std::vector<LogField> fields{{"accuracy", mean_accuracy()}};
        for (std::size_t i = 0; i < results_.size(); ++i) {
            fields.emplace_back(keys_[2 * i], results_[i].result.accuracy);
            fields.emplace_back(keys_[2 * i + 1], results_[i].result.accuracy_std);
        }
        return fields;
    }

    /// Adds accuracies over the steps, from the log, and the latest results to a report; nothing before `verify`.
    void add_to(Report& report, const std::filesystem::path& log) const {
        if (results_.empty())
            return;
        report.add_charts("Validation", curves(log));
        std::vector<NamedVerification> named;
        for (const SetVerification& set : results_)
            named.push_back({set.name, set.result});
        report.add_verification("Verification", named);
    }

private:
    std::vector<Chart> curves(const std::filesystem::path& log) const {
        if (!std::filesystem::exists(log))
            return {};
        const auto entries = read_log(log);
        Chart chart;
        chart.title = "Accuracy on the validation sets";
        chart.x.label = "step";
        chart.y.label = "accuracy";
        const auto add = [&](const std::string& key, const std::string& name, bool dashed) {
            if (const auto found = entries.find(key); found != entries.end())
                chart.series.push_back({name, found->second.step, found->second.value, dashed});
        };
        for (std::size_t i = 0; i < sets_.size(); ++i)
            add(keys_[2 * i], sets_[i].name, false);
        if (sets_.size() > 1)
            add("accuracy", "mean", true);
        return chart.series.empty() ? std::vector<Chart>{} : std::vector<Chart>{std::move(chart)};
    }

    std::vector<NamedPairSet> sets_;
    std::vector<std::string> keys_;  // two for each set, for log_fields
    std::vector<SetVerification> results_;
};

}  // namespace lafs::inline LAFS_ABI
