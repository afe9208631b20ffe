// A verification result for people and for programs.
#pragma once

#include <cstdio>
#include <lafs/eval/verification.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// {"accuracy", "accuracy_std", "best_threshold", "tar_at_far": {"0.1": ..}, "pairs"}; rates are shares of 1.
inline nlohmann::ordered_json verification_json(const VerificationResult& result) {
    nlohmann::ordered_json tar = nlohmann::ordered_json::object();
    for (const TarAtFar& point : result.tar_at_far) {
        char key[32];
        std::snprintf(key, sizeof key, "%g", point.far);
        tar[key] = point.tar;
    }
    return {{"accuracy", result.accuracy},
            {"accuracy_std", result.accuracy_std},
            {"best_threshold", result.best_threshold},
            {"tar_at_far", tar},
            {"pairs", result.pairs}};
}

/// The same as lines of text.
inline std::string verification_text(const VerificationResult& result) {
    char line[128];
    std::snprintf(line, sizeof line, "accuracy        %.2f %% +- %.2f %% (%zu pairs)\n",
                  100 * result.accuracy, 100 * result.accuracy_std, result.pairs);
    std::string text = line;
    std::snprintf(line, sizeof line, "best threshold  %.3f (squared distance)\n", result.best_threshold);
    text += line;
    for (const TarAtFar& point : result.tar_at_far) {
        std::snprintf(line, sizeof line, "TAR at FAR %-6g %.2f %%\n", point.far, 100 * point.tar);
        text += line;
    }
    return text;
}

}  // namespace lafs::inline LAFS_ABI
