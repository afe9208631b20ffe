// What a saved state remembers of the set it was trained on, so that a run goes on with no other.
//
// Sizes, and a hash of names and labels: image files are not opened. Ten million images take a few seconds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/io/json_text.hpp>
#include <lafs/io/safetensors.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A set in short.
struct SetFingerprint {
    std::int64_t images = 0, identities = 0;
    std::string names;  ///< a hash of names and labels in the order of the set, in hexadecimal digits

    bool operator==(const SetFingerprint&) const = default;
};

/// The fingerprint of a set: FNV-1a of each image's name, a 0 and the label's eight bytes (the lowest first), block
/// by block, and of the blocks' values. The same for any number of threads.
inline SetFingerprint fingerprint(const FaceSource& source) {
    constexpr std::uint64_t start = 0xcbf29ce484222325;
    constexpr std::int64_t block = 4096;
    const auto add = [](std::uint64_t hash, std::uint64_t byte) {
        return (hash ^ (byte & 0xFF)) * 0x100000001b3;
    };
    const auto add_number = [&](std::uint64_t hash, std::uint64_t number) {
        for (int shift = 0; shift < 64; shift += 8)
            hash = add(hash, number >> shift);
        return hash;
    };
    std::vector<std::uint64_t> hashes(static_cast<std::size_t>((source.size() + block - 1) / block), start);
    parallel_for(static_cast<std::int64_t>(hashes.size()), [&](std::int64_t b) {
        std::uint64_t& hash = hashes[static_cast<std::size_t>(b)];
        for (std::int64_t i = b * block; i < std::min((b + 1) * block, source.size()); ++i) {
            for (const char c : source.name(i))
                hash = add(hash, static_cast<unsigned char>(c));
            hash = add_number(add(hash, 0), static_cast<std::uint64_t>(source.label(i)));
        }
    });
    std::uint64_t all = start;
    for (const std::uint64_t hash : hashes)
        all = add_number(all, hash);
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(all));
    return {source.size(), source.identities(), digits};
}

/// Adds a fingerprint to a state, as the metadata "set".
inline void save_fingerprint(SafetensorsWriter& writer, const SetFingerprint& set) {
    writer.metadata(
        "set", json_text({{"images", set.images}, {"identities", set.identities}, {"names", set.names}}));
}

/// Throws, saying what differs, when a state was saved for another set than `now`. States of earlier versions,
/// which do not tell, pass.
inline void check_fingerprint(const SafetensorsFile& file, const SetFingerprint& now) {
    if (!file.metadata().contains("set"))
        return;
    const auto saved = nlohmann::ordered_json::parse(file.metadata("set"), nullptr, false);
    const auto number = [&](const char* key) {
        return saved.is_object() && saved.contains(key) && saved[key].is_number_integer()
                   ? saved[key].get<std::int64_t>()
                   : std::int64_t{-1};
    };
    const std::int64_t images = number("images"), identities = number("identities");
    const bool named = saved.is_object() && saved.contains("names") && saved["names"].is_string();
    require(images >= 0 && identities >= 0 && named, "resume", file.path().string(),
            ": what it says of its training set is damaged");
    std::string differences;
    const auto differ = [&](const std::string& what) {
        differences += (differences.empty() ? "" : "; ") + what;
    };
    if (images != now.images)
        differ("images: " + std::to_string(images) + " then, " + std::to_string(now.images) + " now");
    if (identities != now.identities)
        differ("identities: " + std::to_string(identities) + " then, " + std::to_string(now.identities) +
               " now");
    if (differences.empty() && saved["names"] != now.names)
        differ("as many images, but their names or labels are others");
    require(differences.empty(), "resume", file.path().string(), " was saved for another training set (",
            differences, "): resume with the same, or start anew in another folder");
}

}  // namespace lafs::inline LAFS_ABI
