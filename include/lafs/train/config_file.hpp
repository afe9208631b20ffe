// Options in a file: one `name = value` a line.
//
//   # what stands behind the first = is the value, to the end of the line
//   data = /faces/my set
//   augmentation = webface
//
// Blanks around name and value do not count, nor does one pair of double quotes around the whole value. Lines that
// begin with # or ; are comments. UTF-8 mark at the beginning, \n or \r\n at line ends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/data/text_lines.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A line of a file of options.
struct ConfigEntry {
    std::string name, value;
    std::int64_t line = 0;
};

/// Reads a file of options, in its order. Throws with file and line for other lines, names with other
/// characters than letters, digits, - and _, names that are repeated but for those that `may_repeat`, and control
/// characters. Which names there are is for the caller to say.
inline std::vector<ConfigEntry> read_config_file(
    const std::filesystem::path& path, const std::function<bool(const std::string& name)>& may_repeat = {}) {
    constexpr std::string_view blanks = " \t";
    const auto trimmed = [&](std::string_view text) {
        const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
        return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
    };
    const auto is_plain = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    };
    TextLines lines("config", path);
    std::vector<ConfigEntry> entries;
    std::set<std::string, std::less<>> names;
    while (lines.next()) {
        const std::string_view text = trimmed(lines.text());
        if (text.starts_with('#') || text.starts_with(';'))
            continue;
        lines.require(std::none_of(text.begin(), text.end(),
                                   [](unsigned char c) { return (c < 32 && c != '\t') || c == 127; }),
                      "got ", TextLines::quoted(text), " with control characters, expected plain text");
        const std::size_t equals = text.find('=');
        const std::string_view name = trimmed(text.substr(0, equals));
        lines.require(equals != std::string_view::npos && !name.empty() && name.front() != '-' &&
                          std::all_of(name.begin(), name.end(), is_plain),
                      "got ", TextLines::quoted(text),
                      ", expected `name = value`, the name as on the command line "
                      "without --");
        std::string_view value = trimmed(text.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        lines.require(names.insert(std::string(name)).second || (may_repeat && may_repeat(std::string(name))),
                      "\"", name, "\" appears a second time");
        entries.push_back({std::string(name), std::string(value), lines.number()});
    }
    return entries;
}

}  // namespace lafs::inline LAFS_ABI
