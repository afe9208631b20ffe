// Faults of validation pairs, found before the training that would end in them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/faces/verify_pairs.hpp>

namespace lafs::inline LAFS_ABI {

/// Decodes every image of the set and counts its pairs. Throws, naming the image or `file`, unless all are
/// whole and there are pairs of the same person, of two people, and enough for the folds.
inline void check_pair_set(const PairSet& set, const std::filesystem::path& file) {
    const auto genuine =
        static_cast<std::size_t>(std::count_if(set.same.begin(), set.same.end(), [](auto s) { return s; }));
    const std::size_t impostors = set.same.size() - genuine;
    require(genuine > 0 && impostors > 0 && set.same.size() >= set.folds, "validation", file, " has ",
            genuine, " pairs of the same person and ", impostors,
            " of two people, expected both kinds and at least ", set.folds, " pairs");
    parallel_for(static_cast<std::int64_t>(set.image_count()),
                 [&](std::int64_t i) { set.image(static_cast<std::size_t>(i)); });
}

}  // namespace lafs::inline LAFS_ABI
