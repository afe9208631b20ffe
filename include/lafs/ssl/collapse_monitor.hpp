// Watches self-distillation for its two ways to fail (DINO, arXiv 2104.14294, section 5.3):
//
//   uniform:        the teacher's output says nothing; its entropy and the loss sit at ln K;
//   one prototype:  the teacher's output is always the same; its entropy goes to 0.
//
// Both are seen in the numbers that the loss gives anyway. Early steps are at ln K in every run, so a warning
// needs many steps in a row.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <optional>
#include <string>

namespace lafs::inline LAFS_ABI {

struct CollapseOptions {
    std::int64_t patience = 500;   ///< steps in a row before a warning
    double uniform_share = 0.01;   ///< loss within this share of ln K below it, or above
    double entropy_share = 0.001;  ///< entropy below this share of ln K
};

class CollapseMonitor {
public:
    /// Throws for fewer than two prototypes (ln K is 0) and for options that make no sense.
    explicit CollapseMonitor(std::int64_t prototypes, const CollapseOptions& options = {})
        : log_prototypes_(std::log(static_cast<double>(prototypes))), options_(options) {
        require(prototypes >= 2, "collapse monitor", "got ", prototypes, " prototypes, expected at least 2");
        require(options.patience >= 1 && options.uniform_share >= 0 && options.entropy_share >= 0,
                "collapse monitor", "got patience ", options.patience, " and shares ", options.uniform_share,
                ", ", options.entropy_share, ", expected 1 or more steps and shares not below 0");
    }

    /// Takes the numbers of one step. Returns a warning in the step that makes `patience` bad ones in a row,
    /// once until things get better.
    std::optional<std::string> observe(double loss, double teacher_entropy) {
        const bool uniform = loss >= (1.0 - options_.uniform_share) * log_prototypes_;
        const bool single = teacher_entropy <= options_.entropy_share * log_prototypes_;
        uniform_steps_ = uniform ? uniform_steps_ + 1 : 0;
        single_steps_ = single ? single_steps_ + 1 : 0;
        if (uniform_steps_ == options_.patience)
            return "collapse? The loss has been at ln K = " + std::to_string(log_prototypes_) + " for " +
                   std::to_string(options_.patience) +
                   " steps: nothing is learnt. Start anew and try, one at a time: "
                   "--warmup-teacher-temperature 0.04, a longer --freeze-last-layer, --clip 0.3 to 1, twice "
                   "or "
                   "half the --lr";
        if (single_steps_ == options_.patience)
            return "collapse? The entropy of the teacher's output has been " +
                   std::to_string(teacher_entropy) + " for " + std::to_string(options_.patience) +
                   " steps: every image gets one prototype. Start anew and try, one at a time: a higher "
                   "--teacher-temperature (up to 0.07), half the --lr, a --momentum nearer to 1 (0.9995 for "
                   "small "
                   "batches), a larger --batch";
        return std::nullopt;
    }

private:
    double log_prototypes_;
    CollapseOptions options_;
    std::int64_t uniform_steps_ = 0, single_steps_ = 0;
};

}  // namespace lafs::inline LAFS_ABI
