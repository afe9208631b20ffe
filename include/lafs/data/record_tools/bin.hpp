// A list of pairs and its images to a verification set in one file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/verification_bin.hpp>
#include <lafs/io/mapped_file.hpp>
#include <lafs/io/output_files.hpp>
#include <map>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Writes pairs as a .bin in their order: the bytes of the files as they are, an image of several pairs
/// once. Throws for a damaged image, and when `path` is there and must stay.
inline void write_pairs_bin(const PairList& list, const std::filesystem::path& path,
                            Overwrite overwrite = Overwrite::refuse) {
    check_output(path, overwrite);
    std::map<std::filesystem::path, std::vector<std::byte>> files;
    std::vector<std::span<const std::byte>> images;
    std::vector<std::uint8_t> same;
    for (const Pair& pair : list.pairs) {
        for (const std::filesystem::path& file : {pair.a, pair.b}) {
            const auto [found, added] = files.try_emplace(file);
            if (added) {
                const MappedFile mapped(file);
                decode_image(mapped.bytes(), file.string());
                found->second.assign(mapped.bytes().begin(), mapped.bytes().end());
            }
            images.emplace_back(found->second);
        }
        same.push_back(pair.same);
    }
    write_verification_bin(path, images, same);
}

}  // namespace lafs::inline LAFS_ABI
