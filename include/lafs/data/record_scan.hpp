// The records of a file without an index: a walk over the whole file, which damaged stretches do not end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <lafs/data/record_format.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_index.hpp>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The payload of a record: bytes of the file, or joined from parts.
struct RecordPayload {
    RecordExtent extent;
    std::span<const std::byte> whole;  ///< of a record of one part
    std::vector<std::byte> joined;     ///< of a record of several

    std::span<const std::byte> bytes() const { return extent.parts > 1 ? joined : whole; }
};

/// The record at `offset`, which may use the bytes up to `limit`. Without bytes when `extent` has a problem.
inline RecordPayload read_record(std::span<const std::byte> file, std::uint64_t offset, std::uint64_t limit) {
    RecordPayload payload;
    payload.extent = follow_record(file, offset, limit, [&](auto part) { payload.whole = part; });
    if (!payload.extent.problem.empty()) {
        payload.whole = {};
    } else if (payload.extent.parts > 1) {
        payload.joined.reserve(payload.extent.length);
        bool first = true;
        follow_record(file, offset, limit, [&](auto part) {
            constexpr std::uint32_t dropped = record_magic;
            const auto magic = std::as_bytes(std::span(&dropped, 1));
            if (!std::exchange(first, false))
                payload.joined.insert(payload.joined.end(), magic.begin(), magic.end());
            payload.joined.insert(payload.joined.end(), part.begin(), part.end());
        });
    }
    return payload;
}

/// Where records begin, or should: `damaged` are the offsets at which no whole record stands.
struct RecordScan {
    std::vector<std::uint64_t> offsets, damaged;  // both ascend
    std::vector<std::uint64_t> ids;               // of image records; empty when there are others
    std::uint64_t range_end = 0;                  // of record 0 of an InsightFace set
};

namespace detail {

/// Keeps the ids of the image records of a scan for as long as all are image records.
class ScannedIds {
public:
    void add(const RecordPayload& payload, RecordScan& scan) {
        if (!images_)
            return;
        const auto bytes = payload.bytes();
        images_ = bytes.size() >= record_header_bytes &&
                  load_bytes<std::uint32_t>(bytes, 0) <= (bytes.size() - record_header_bytes) / sizeof(float);
        if (!images_) {
            scan.ids = {};
            return;
        }
        const ImageRecord record = parse_image_record(bytes, "");
        if (const auto range = key_range(record); range && scan.ids.empty())
            scan.range_end = range->end;
        scan.ids.push_back(record.id);
    }
    void add_damaged(RecordScan& scan) {
        if (images_)
            scan.ids.push_back(0);
    }

private:
    bool images_ = true;
};

}  // namespace detail

namespace detail {

/// Whether a record that ends at `end` has too large a length and hides the one at `inside`. It may also be
/// of a writer that does not split: then what begins inside is no record.
inline bool swallowed(std::span<const std::byte> file, std::uint64_t inside, std::uint64_t end) {
    const auto joins = [&](std::uint64_t offset) {
        return offset == file.size() || begins_record(file, offset);
    };
    if (!joins(end))
        return true;
    const RecordExtent extent = follow_record(file, inside, file.size());
    return extent.problem.empty() && joins(extent.end);
}

}  // namespace detail

/// Walks the whole file. After a damaged stretch it goes on where the next record may begin.
inline RecordScan scan_records(std::span<const std::byte> file) {
    RecordScan scan;
    detail::ScannedIds ids;
    for (std::uint64_t offset = 0; offset < file.size();) {
        scan.offsets.push_back(offset);
        const RecordPayload payload = read_record(file, offset, file.size());
        bool whole = payload.extent.problem.empty();
        std::uint64_t next = payload.extent.end;
        const std::uint64_t inside = whole ? detail::find_record(file, offset + 8, next)
                                           : detail::find_record(file, offset + 4, file.size());
        if (!whole || (inside < next && detail::swallowed(file, inside, next))) {
            whole = false;
            next = inside;
        }
        if (whole) {
            ids.add(payload, scan);
        } else {
            ids.add_damaged(scan);
            scan.damaged.push_back(offset);
        }
        offset = next;
    }
    return scan;
}

/// Whether an index has every whole record of a scan and cuts none where no record begins: then what else
/// it holds are damaged ones, or lie beyond the end of the file, which lost them.
inline bool covers(const RecordIndex& index, const RecordScan& scan, std::span<const std::byte> file) {
    std::vector<std::uint64_t> whole;
    std::set_difference(scan.offsets.begin(), scan.offsets.end(), scan.damaged.begin(), scan.damaged.end(),
                        std::back_inserter(whole));
    const std::vector<std::uint64_t>& offsets = index.offsets();
    const auto cuts = [&](std::uint64_t offset) {
        const auto after = std::upper_bound(scan.offsets.begin(), scan.offsets.end(), offset);
        return offset < file.size() && !detail::begins_record(file, offset) &&
               after != scan.offsets.begin() && *(after - 1) != offset &&
               !std::binary_search(scan.damaged.begin(), scan.damaged.end(), *(after - 1));
    };
    return std::includes(offsets.begin(), offsets.end(), whole.begin(), whole.end()) &&
           std::none_of(offsets.begin(), offsets.end(), cuts);
}

/// The index that a scan makes. The keys are the ids in the records where these are all different, as in
/// sets made with im2rec and by this library (a damaged record gets the number after the one before it, if
/// that is free); else the positions, as MXNet's rec2idx numbers them.
inline RecordIndex index_of(RecordScan scan) {
    const std::size_t count = scan.offsets.size();
    if (scan.ids.size() != count || scan.range_end == count)
        return {std::move(scan.offsets), {}};
    const auto is_damaged = [&](std::size_t i) {
        return std::binary_search(scan.damaged.begin(), scan.damaged.end(), scan.offsets[i]);
    };
    std::vector<std::uint64_t> used;
    used.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        if (!is_damaged(i))
            used.push_back(scan.ids[i]);
    std::sort(used.begin(), used.end());
    const bool repeated = std::adjacent_find(used.begin(), used.end()) != used.end();
    if (repeated || (!used.empty() && used.back() >= UINT64_MAX - count))
        return {std::move(scan.offsets), {}};
    std::uint64_t unused = used.empty() ? 0 : used.back() + 1;  // this and all above
    for (std::size_t i = 0; !scan.damaged.empty() && i < count; ++i) {
        if (!is_damaged(i))
            continue;
        const std::uint64_t after = i == 0 ? 0 : scan.ids[i - 1] + 1;
        const bool is_free = after < unused && !std::binary_search(used.begin(), used.end(), after);
        scan.ids[i] = is_free ? after : unused++;
    }
    return {std::move(scan.offsets), std::move(scan.ids)};
}

}  // namespace lafs::inline LAFS_ABI
