// Scores of pairs as text, from this library or any other program: `score label` a line, with blanks or a
// comma between; label 1 same, 0 different. A first line that begins with a letter is a header.
#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/text_lines.hpp>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Scores of pairs (higher means "same") and whether they show the same person; two lists of the same length.
struct ScoreList {
    std::vector<double> scores;
    std::vector<std::uint8_t> same;
};

/// Reads a list of scores. Throws for other lines, scores that are not finite, and a list without pairs of
/// both kinds.
inline ScoreList read_scores(const std::filesystem::path& path) {
    TextLines lines("scores", path);
    ScoreList list;
    std::size_t genuine = 0;
    for (bool first = true; lines.next(); first = false) {
        const std::string_view text = lines.text();
        if (first && std::isalpha(static_cast<unsigned char>(text[text.find_first_not_of(" \t")])) != 0)
            continue;
        const auto fields = lines.fields(text.find(',') == std::string_view::npos ? ' ' : ',');
        lines.require(fields.size() == 2, "got ", fields.size(), " fields, expected `score label`");
        list.scores.push_back(lines.finite_number(fields[0], "score"));
        lines.require(fields[1] == "0" || fields[1] == "1", "got the label ", TextLines::quoted(fields[1]),
                      ", expected 0 (different) or 1 (same)");
        list.same.push_back(fields[1] == "1");
        genuine += list.same.back();
    }
    require(genuine > 0 && genuine < list.same.size(), "scores", path.string(), " has ", genuine,
            " genuine of ", list.same.size(), " pairs, expected pairs of both kinds");
    return list;
}

}  // namespace lafs::inline LAFS_ABI
