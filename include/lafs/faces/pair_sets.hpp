// Several sets of pairs by name, from files as they are given to programs: verification sets (.bin), folders of them,
// and lists of pairs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/colour_order.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/verification_bin.hpp>
#include <lafs/faces/verify_pairs.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Pairs, the file that they come from, and the name for people.
struct NamedPairSet {
    std::string name;
    std::filesystem::path file;
    PairSet set;
};

/// The files themselves, and the .bin files of folders by name; `bgr:` in front stays in front. Throws for a folder
/// without any.
inline std::vector<std::filesystem::path> bin_files(const std::vector<std::filesystem::path>& given) {
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path& path : given) {
        const OrderedName found = split_colour_order(path.string());
        std::error_code ignored;
        if (!std::filesystem::is_directory(found.name, ignored)) {
            files.push_back(path);
            continue;
        }
        std::vector<std::filesystem::path> inside;
        for (const auto& entry : std::filesystem::directory_iterator(found.name))
            if (entry.path().extension() == ".bin")
                inside.push_back(entry.path());
        require(!inside.empty(), "evaluate", std::filesystem::path(found.name),
                " has no .bin files, expected verification sets");
        std::sort(inside.begin(), inside.end());
        const char* front = found.order == ColourOrder::bgr ? "bgr:" : "";
        for (const std::filesystem::path& file : inside)
            files.push_back(front + file.string());
    }
    return files;
}

namespace detail {

/// `name`, or with a number behind it where a set has that name.
inline std::string unused_name(const std::vector<NamedPairSet>& sets, const std::string& name) {
    const auto used = [&](const std::string& text) {
        return std::any_of(sets.begin(), sets.end(), [&](const auto& set) { return set.name == text; });
    };
    std::string free = name;
    for (int number = 2; used(free); ++number)
        free = name + "_" + std::to_string(number);
    return free;
}

inline void add_set(std::vector<NamedPairSet>& sets, const OrderedName& file, PairSet set) {
    set.order = file.order;
    const std::filesystem::path path = file.name;
    sets.push_back({unused_name(sets, path.stem().string()), path, std::move(set)});
}

}  // namespace detail

/// Opens sets and lists of pairs; names are those of the files without their endings. `roots` has the folder of the
/// images of each list, or one of all lists. `bgr:` in front of a file: its images hold blue first. Throws for files
/// that cannot be read, and another number of roots; pairs are not checked (faces/check_pairs.hpp).
inline std::vector<NamedPairSet> open_pair_sets(const std::vector<std::filesystem::path>& bins,
                                                const std::vector<std::filesystem::path>& pairs,
                                                const std::vector<std::filesystem::path>& roots) {
    require(roots.size() == pairs.size() || (roots.size() == 1 && !pairs.empty()), "pairs", "got ",
            pairs.size(), " times --pairs and ", roots.size(),
            " times --root, expected one folder for each list, or one of all");
    std::vector<NamedPairSet> sets;
    for (const std::filesystem::path& bin : bin_files(bins)) {
        const OrderedName file = split_colour_order(bin.string());
        detail::add_set(sets, file, pair_set(VerificationBin::open(file.name)));
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const OrderedName file = split_colour_order(pairs[i].string());
        detail::add_set(sets, file, pair_set(read_pairs(file.name, roots[roots.size() == 1 ? 0 : i])));
    }
    return sets;
}

}  // namespace lafs::inline LAFS_ABI
