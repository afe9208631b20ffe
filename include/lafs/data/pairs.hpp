// Lists of image pairs for verification, in the form of LFW's pairs.txt.
//
// First line `folds pairs` or `pairs` (one fold); then folds x pairs lines of the same person and as
// many of two people, fold after fold. A line is one of
//   name i j                  same        root/name/name_000i.jpg and name_000j.jpg
//   name1 i name2 j           different
//   id file1 file2            same        root/id/file1 and root/id/file2
//   id1 file1 id2 file2       different
// with tabs between the fields (names may then hold spaces) or else spaces.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/data/text_lines.hpp>
#include <lafs/io/atomic_file.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Two image files and whether they show the same person.
struct Pair {
    std::filesystem::path a, b;
    bool same = false;
};

/// Pairs in `folds` contiguous parts of equal size.
struct PairList {
    int folds = 1;
    std::vector<Pair> pairs;
};

namespace detail {

/// A whole non-negative number, or -1.
inline std::int64_t parse_count(std::string_view text) {
    std::int64_t value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

/// The file of one half of a line. Both parts must be plain names, so that no list leads out of `root`.
inline std::filesystem::path pair_file(const std::filesystem::path& root, std::string_view person,
                                       std::string_view entry, const TextLines& line) {
    const std::string name(line.plain_name(person, "person")), image(line.plain_name(entry, "image"));
    std::error_code ignored;
    const std::filesystem::path folder = root / name;
    const std::int64_t number = parse_count(image);
    if (number < 0) {
        line.require(std::filesystem::exists(folder / image, ignored), "the file ", folder / image,
                     " is missing");
        return folder / image;
    }
    line.require(number > 0 && number <= 1'000'000, "got the image number ", image,
                 ", expected 1 to 1000000");
    char digits[16];
    std::snprintf(digits, sizeof digits, "_%04d", static_cast<int>(number));
    const std::string stem = name + digits;
    for (const std::string_view extension : image_extensions)
        if (auto file = folder / (stem + std::string(extension)); std::filesystem::exists(file, ignored))
            return file;
    line.require(false, "the file ", folder / (stem + ".jpg"), " is missing");
    return {};
}

/// Names may hold spaces where tabs stand between the fields.
inline std::span<const std::string_view> pair_fields(TextLines& line) {
    return line.fields(line.text().find('\t') == std::string_view::npos ? ' ' : '\t');
}

inline Pair parse_pair(const std::filesystem::path& root, TextLines& line) {
    const auto fields = pair_fields(line);
    line.require(fields.size() == 3 || fields.size() == 4, "got ", fields.size(),
                 " fields, expected 3 (same person) or 4 (two people)");
    const std::string_view second = fields.size() == 4 ? fields[2] : fields[0];
    return {pair_file(root, fields[0], fields[1], line), pair_file(root, second, fields.back(), line),
            second == fields[0]};
}

}  // namespace detail

/// Reads a list and checks that it has as many pairs as it says and that every file is there.
/// Throws with the list's name and line. Names that lead out of `root` are refused.
inline PairList read_pairs(const std::filesystem::path& list, const std::filesystem::path& root) {
    TextLines lines("pairs", list);
    lines.next();  // there is a line, or the list would have been refused
    const auto header = detail::pair_fields(lines);
    const std::int64_t folds = header.size() == 2 ? detail::parse_count(header[0]) : 1;
    const std::int64_t per_fold = detail::parse_count(header.back());
    lines.require(
        header.size() <= 2 && folds > 0 && per_fold > 0 && folds <= 100'000 && per_fold <= 1'000'000'000,
        "got ", TextLines::quoted(lines.text()), ", expected `folds pairs` or `pairs`");
    PairList result;
    result.folds = static_cast<int>(folds);
    while (lines.next())
        result.pairs.push_back(detail::parse_pair(root, lines));
    require(static_cast<std::int64_t>(result.pairs.size()) == 2 * folds * per_fold, "pairs", list, " has ",
            result.pairs.size(), " pairs, expected ", 2 * folds * per_fold, " (", folds, " folds x ",
            per_fold, " x same and different)");
    return result;
}

/// Writes pairs of files root/<identity>/<image> in the tab-separated form, atomically. Throws unless the
/// folds have equally many pairs, half of them of the same person.
inline void write_pairs(const std::filesystem::path& list, const PairList& pairs) {
    const auto folds = static_cast<std::size_t>(std::max(pairs.folds, 1)), count = pairs.pairs.size();
    const auto same =
        std::count_if(pairs.pairs.begin(), pairs.pairs.end(), [](const Pair& p) { return p.same; });
    require(count > 0 && count % (2 * folds) == 0 && static_cast<std::size_t>(same) * 2 == count, "pairs",
            "got ", count, " pairs, ", same,
            " of the same person, expected as many of different people and equal folds");
    std::string text = std::to_string(folds) + '\t' + std::to_string(count / folds / 2) + '\n';
    for (const Pair& pair : pairs.pairs) {
        const std::string first = pair.a.parent_path().filename().string();
        text += first + '\t' + pair.a.filename().string() + '\t';
        if (!pair.same)
            text += pair.b.parent_path().filename().string() + '\t';
        text += pair.b.filename().string() + '\n';
    }
    write_file(list, text);
}

}  // namespace lafs::inline LAFS_ABI
