// What was found when weights were looked for in a file, told in a few lines.
#pragma once

#include <lafs/core/error.hpp>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A tensor that is there, but not as the model has it.
struct WeightsDifference {
    std::string name;      ///< the model's
    std::string in_file;   ///< "(1, 197, 64)", or what else is wrong with it
    std::string expected;  ///< "(1, 50, 64)"
};

/// What a file holds for a module.
struct WeightsReport {
    std::string file;                              ///< its path
    std::string part;                              ///< sub-dictionary that was read; empty: the whole file
    std::vector<std::string> loaded;               ///< names of the model that were found and fit
    std::vector<std::string> missing;              ///< names of the model that the file lacks
    std::vector<WeightsDifference> differing;      ///< names of the model whose tensors do not fit
    std::vector<std::string> left_over;            ///< names of the file that were not asked for
    std::map<std::string, std::size_t> elsewhere;  ///< other parts of the file and their tensors
    std::vector<std::string> notes;                ///< what was taken for granted

    /// Everything that was asked for was found and fits.
    bool complete() const { return missing.empty() && differing.empty(); }
    /// The report in a few lines without a final line break, long lists cut short.
    std::string text() const;
};

/// "a, b, c and 4 more": the first `most` of a list.
template <class Range, class Print>
std::string short_list(const Range& items, const Print& print, std::size_t most = 6) {
    std::string text;
    std::size_t shown = 0;
    for (const auto& item : items) {
        if (shown == most)
            return text + " and " + std::to_string(items.size() - most) + " more";
        text += (shown++ ? ", " : "") + std::string(print(item));
    }
    return text;
}

inline std::string short_list(const std::vector<std::string>& names) {
    return short_list(names, [](const std::string& name) { return name; });
}

inline std::string WeightsReport::text() const {
    const std::size_t expected = loaded.size() + missing.size() + differing.size();
    std::string result = file + (part.empty() ? "" : " (" + part + ")") + ": " +
                         std::to_string(loaded.size()) + " of " + std::to_string(expected) + " tensors found";
    const auto line = [&](const char* what, std::size_t count, const std::string& list) {
        if (count > 0)
            result += "\n  " + std::to_string(count) + " " + what + ": " + list;
    };
    line("missing", missing.size(), short_list(missing));
    line(differing.size() == 1 ? "differs" : "differ", differing.size(),
         short_list(differing, [](const WeightsDifference& tensor) {
             return tensor.name + " " + tensor.in_file + ", expected " + tensor.expected;
         }));
    line("left over", left_over.size(), short_list(left_over));
    std::size_t others = 0;
    for (const auto& [name, count] : elsewhere)
        others += count;
    line("in other parts of the file", others, short_list(elsewhere, [](const auto& other) {
             return other.first + ".* (" + std::to_string(other.second) + ")";
         }));
    for (const std::string& note : notes)
        result += "\n  note: " + note;
    return result;
}

inline std::ostream& operator<<(std::ostream& out, const WeightsReport& report) {
    return out << report.text();
}

}  // namespace lafs::inline LAFS_ABI
