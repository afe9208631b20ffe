// The bytes of MXNet's RecordIO: where a record begins, what it holds, where it ends.
//
// A record is one part or several: u32 magic number; u32 = flag << 29 | length; payload; zeros to a multiple
// of 4 bytes. Flag 0 is a whole record; 1, 2 and 3 are the first, a middle and the last part of one. A
// payload is split where it holds the magic number at a multiple of 4 bytes: those 4 bytes are dropped, and
// the reader puts them back between the parts. So that number, at a multiple of 4 bytes of the file, always
// begins a part: a damaged stretch ends where it appears again.
// Source: dmlc-core, include/dmlc/recordio.h. Every length is checked against the file before it is used.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/core/error.hpp>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

static_assert(std::endian::native == std::endian::little, "record files are read as they are");

inline constexpr std::uint32_t record_magic = 0xced7230a;

/// Longest part that the 29 bits of a length can name.
inline constexpr std::uint64_t max_record_part = (1u << 29) - 1;

namespace detail {

template <class T>
T load_bytes(std::span<const std::byte> bytes, std::uint64_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

inline std::string hexadecimal(std::uint32_t value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

inline std::uint64_t padded(std::uint64_t length) {
    return (length + 3) / 4 * 4;
}

/// The first multiple of 4 in [begin, end) where the magic number stands; `end` when there is none.
inline std::uint64_t find_magic(std::span<const std::byte> bytes, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t offset = padded(begin); offset + 4 <= end; offset += 4)
        if (load_bytes<std::uint32_t>(bytes, offset) == record_magic)
            return offset;
    return end;
}

/// Whether a record (not a later part of one) may begin here.
inline bool begins_record(std::span<const std::byte> file, std::uint64_t offset) {
    return offset + 8 <= file.size() && load_bytes<std::uint32_t>(file, offset) == record_magic &&
           load_bytes<std::uint32_t>(file, offset + 4) >> 29 <= 1;
}

/// The first place in [begin, end) where a record may begin; `end` when there is none.
inline std::uint64_t find_record(std::span<const std::byte> file, std::uint64_t begin, std::uint64_t end) {
    std::uint64_t offset = find_magic(file, begin, end);
    while (offset < end && !begins_record(file, offset))
        offset = find_magic(file, offset + 4, end);
    return offset;
}

}  // namespace detail

/// What stands at one offset of a file: a record that ends at `end`, or a `problem`.
struct RecordExtent {
    std::uint64_t end = 0;     ///< offset after the padding
    std::uint64_t length = 0;  ///< bytes of the payload, with the magic numbers put back
    std::uint64_t parts = 0;
    std::string problem;  ///< empty for a whole record
};

/// Follows the parts of the record at `offset`, which may use the bytes up to `limit`; calls
/// `on_part(payload)` for each. Throws nothing: what is wrong is in `problem`, with its byte.
template <class OnPart>
RecordExtent follow_record(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t limit,
                           const OnPart& on_part) {
    RecordExtent extent;
    const auto wrong = [&](const auto&... parts) {
        extent.problem = detail::text_of(parts...);
        return extent;
    };
    const auto room = [&] { return limit == file.size() ? " (the end of the file)" : " (the next record)"; };
    for (;;) {
        if (offset >= limit || limit - offset < 8)
            return wrong("got ", offset >= limit ? 0 : limit - offset, " bytes at byte ", offset,
                         ", expected the 8 of a part's header before byte ", limit, room());
        const auto magic = detail::load_bytes<std::uint32_t>(file, offset);
        if (magic != record_magic)
            return wrong("got ", detail::hexadecimal(magic), " at byte ", offset,
                         ", expected the magic number ", detail::hexadecimal(record_magic));
        const auto word = detail::load_bytes<std::uint32_t>(file, offset + 4);
        const std::uint32_t flag = word >> 29;
        const std::uint64_t length = word & max_record_part, begin = offset + 8;
        const bool first = extent.parts == 0;
        if (first ? flag > 1 : flag != 2 && flag != 3)
            return wrong("got the part flag ", flag, " at byte ", offset + 4, ", expected ",
                         first ? "0 or 1 (a record begins)" : "2 or 3 (a record goes on)");
        if (detail::padded(length) > limit - begin)
            return wrong("got a length of ", length, " bytes at byte ", offset + 4, ", expected at most ",
                         limit - begin, " to byte ", limit, room());
        // Only parts are searched: they are rare, and following them then never passes over other records.
        const std::uint64_t inside = flag == 0 ? limit : detail::find_magic(file, begin, begin + length);
        if (flag != 0 && inside < begin + length)
            return wrong("got the magic number at byte ", inside, " inside a part, expected a split there");
        on_part(file.subspan(begin, length));
        ++extent.parts;
        extent.length += length + (first ? 0 : 4);
        offset = extent.end = begin + detail::padded(length);
        if (flag == 0 || flag == 3)
            return extent;
    }
}

inline RecordExtent follow_record(std::span<const std::byte> file, std::uint64_t offset,
                                  std::uint64_t limit) {
    return follow_record(file, offset, limit, [](std::span<const std::byte>) {});
}

/// Calls `on_part(flag, payload)` for the parts that `payload` is written as. Throws for a part of 2^29
/// bytes or more, which the format cannot hold.
template <class OnPart>
void split_record(std::span<const std::byte> payload, const OnPart& on_part) {
    std::uint64_t begin = 0;
    for (bool first = true;; first = false) {
        const std::uint64_t end = detail::find_magic(payload, begin, payload.size());
        const bool last = end == payload.size();
        require(end - begin <= max_record_part, "write record", "got a part of ", end - begin,
                " bytes, expected at most ", max_record_part);
        on_part(first ? (last ? 0u : 1u) : (last ? 3u : 2u), payload.subspan(begin, end - begin));
        if (last)
            return;
        begin = end + 4;
    }
}

}  // namespace lafs::inline LAFS_ABI
