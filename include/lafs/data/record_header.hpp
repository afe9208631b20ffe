// What the payload of an image record holds: u32 flag, f32 label, u64 id, u64 id2; `flag` f32 labels when
// flag > 0; then the encoded image.
//
// Record 0 of an InsightFace set has two labels, [N + 1, N + 1 + C], and no image: images have the keys 1
// to N, and the records N + 1 to N + C name the first image of each identity and the one after its last.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <lafs/core/error.hpp>
#include <lafs/data/record_format.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Bytes of flag, label, id and id2.
inline constexpr std::uint64_t record_header_bytes = 24;

/// Whole numbers up to this one are exact in a float, which is what keys and classes are stored as.
inline constexpr std::uint64_t exact_in_float = std::uint64_t{1} << 24;

/// A payload taken apart; valid as long as the payload.
struct ImageRecord {
    std::uint32_t flag = 0;  ///< the number of `labels`
    float label = 0;         ///< used when there are no `labels`
    std::uint64_t id = 0, id2 = 0;
    std::span<const std::byte> labels;  ///< f32
    std::span<const std::byte> image;   ///< the encoded image; empty in records that describe the set

    /// Label i of [0, flag), not checked.
    float label_at(std::uint32_t i) const {
        return detail::load_bytes<float>(labels, std::uint64_t{i} * sizeof(float));
    }

    /// The label that says who it is.
    float class_label() const { return flag > 0 ? label_at(0) : label; }
};

/// Takes a payload apart. `where` names it in errors; throws when it is too short for what it says.
inline ImageRecord parse_image_record(std::span<const std::byte> payload, const std::string& where) {
    require(payload.size() >= record_header_bytes, "image record", where, ": got ", payload.size(),
            " bytes, expected at least the ", record_header_bytes, " of the header");
    ImageRecord record;
    record.flag = detail::load_bytes<std::uint32_t>(payload, 0);
    record.label = detail::load_bytes<float>(payload, 4);
    record.id = detail::load_bytes<std::uint64_t>(payload, 8);
    record.id2 = detail::load_bytes<std::uint64_t>(payload, 16);
    const std::span<const std::byte> rest = payload.subspan(record_header_bytes);
    const std::uint64_t bytes = std::uint64_t{record.flag} * sizeof(float);
    require(bytes <= rest.size(), "image record", where, ": got ", record.flag, " labels, expected at most ",
            rest.size() / sizeof(float), " in ", payload.size(), " bytes");
    record.labels = rest.first(bytes);
    record.image = rest.subspan(bytes);
    return record;
}

/// The payload of an image record: the inverse of `parse_image_record`. Without `labels` the flag is 0.
inline std::vector<std::byte> make_image_record(float label, std::uint64_t id, std::span<const float> labels,
                                                std::span<const std::byte> image, std::uint64_t id2 = 0) {
    const auto flag = static_cast<std::uint32_t>(labels.size());
    std::vector<std::byte> payload(record_header_bytes + labels.size_bytes() + image.size());
    std::memcpy(payload.data(), &flag, 4);
    std::memcpy(payload.data() + 4, &label, 4);
    std::memcpy(payload.data() + 8, &id, 8);
    std::memcpy(payload.data() + 16, &id2, 8);
    if (!labels.empty())
        std::memcpy(payload.data() + record_header_bytes, labels.data(), labels.size_bytes());
    if (!image.empty())
        std::memcpy(payload.data() + record_header_bytes + labels.size_bytes(), image.data(), image.size());
    return payload;
}

/// Whether `value` is a whole number of [0, 2^24], and so a class or a key.
inline bool is_exact_count(float value) {
    return value >= 0 && value <= static_cast<float>(exact_in_float) && value == std::floor(value);
}

/// Two keys of a record without an image: [begin, end).
struct KeyRange {
    std::uint64_t begin = 0, end = 0;

    bool operator==(const KeyRange&) const = default;
};

/// The keys that record 0 or the record of an identity holds; nothing when it is another kind of record.
/// Above 2^24 they are rounded.
inline std::optional<KeyRange> key_range(const ImageRecord& record) {
    if (record.flag != 2 || !record.image.empty())
        return std::nullopt;
    const float begin = record.label_at(0), end = record.label_at(1);
    if (!(begin >= 1 && begin <= end && end <= 4e9f && begin == std::floor(begin) && end == std::floor(end)))
        return std::nullopt;
    return KeyRange{static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end)};
}

/// The payload of record 0 or of the record of an identity.
inline std::vector<std::byte> make_range_record(std::uint64_t id, KeyRange range) {
    const float labels[] = {static_cast<float>(range.begin), static_cast<float>(range.end)};
    return make_image_record(0, id, labels, {});
}

}  // namespace lafs::inline LAFS_ABI
