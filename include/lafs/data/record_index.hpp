// Where the records of a file begin and what their keys are, as the .idx text beside it says.
//
// A line of the text is `key<TAB>offset`. The index is kept in the order of the file.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/record_format.hpp>
#include <lafs/data/text_lines.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The records of a file in order. 8 bytes each when the keys are 0, 1, 2 ..., which is usual; else 16.
class RecordIndex {
public:
    RecordIndex() = default;

    /// `keys` belong to `offsets`, which ascend; none: the keys are 0, 1, 2 ...
    RecordIndex(std::vector<std::uint64_t> offsets, std::vector<std::uint64_t> keys)
        : offsets_(std::move(offsets)), keys_(std::move(keys)) {
        require(offsets_.size() <= UINT32_MAX, "record index", "got ", offsets_.size(),
                " records, expected less than 2^32");
        std::size_t counted = 0;
        while (counted < keys_.size() && keys_[counted] == counted)
            ++counted;
        if (counted == keys_.size())
            keys_ = {};
        if (std::is_sorted(keys_.begin(), keys_.end()))
            return;
        by_key_.resize(keys_.size());
        for (std::size_t i = 0; i < keys_.size(); ++i)
            by_key_[i] = static_cast<std::uint32_t>(i);
        std::sort(by_key_.begin(), by_key_.end(), [&](auto a, auto b) { return keys_[a] < keys_[b]; });
    }

    std::size_t size() const { return offsets_.size(); }
    std::uint64_t offset(std::size_t i) const { return offsets_[i]; }
    std::uint64_t key(std::size_t i) const { return keys_.empty() ? i : keys_[i]; }
    const std::vector<std::uint64_t>& offsets() const { return offsets_; }

    /// Where the record after record i begins; `file_size` after the last.
    std::uint64_t limit(std::size_t i, std::uint64_t file_size) const {
        return i + 1 < offsets_.size() ? std::min(file_size, offsets_[i + 1]) : file_size;
    }

    /// The place of a key in the order of the file.
    std::optional<std::size_t> find(std::uint64_t wanted) const {
        if (keys_.empty())
            return wanted < size() ? std::optional<std::size_t>(wanted) : std::nullopt;
        const auto place = [&](std::size_t i) { return by_key_.empty() ? i : std::size_t{by_key_[i]}; };
        std::size_t low = 0, high = size();
        while (low < high) {
            const std::size_t middle = low + (high - low) / 2;
            if (keys_[place(middle)] < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        return low < size() && keys_[place(low)] == wanted ? std::optional(place(low)) : std::nullopt;
    }

    /// The first key that two records have.
    std::optional<std::uint64_t> repeated_key() const {
        for (std::size_t i = 1; i < keys_.size(); ++i) {
            const std::size_t a = by_key_.empty() ? i - 1 : by_key_[i - 1],
                              b = by_key_.empty() ? i : by_key_[i];
            if (keys_[a] == keys_[b])
                return keys_[a];
        }
        return std::nullopt;
    }

private:
    std::vector<std::uint64_t> offsets_, keys_;
    std::vector<std::uint32_t> by_key_;  // places in the order of the keys, where they do not ascend
};

/// An index, or why there is none.
struct IndexText {
    std::optional<RecordIndex> index;
    std::string problem;
};

namespace detail {

inline bool parse_number(std::string_view& text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

inline bool is_blank(std::string_view text) {
    return text.find_first_not_of("\r\t ") == std::string_view::npos;
}

inline bool parse_index_line(std::string_view line, std::uint64_t& key, std::uint64_t& offset) {
    const bool has_key = parse_number(line, key);
    const std::size_t gap = std::min(line.find_first_not_of("\t "), line.size());
    line.remove_prefix(gap);
    return has_key && gap > 0 && parse_number(line, offset) && is_blank(line);
}

/// Sorts both by offset.
inline void sort_places(std::vector<std::uint64_t>& offsets, std::vector<std::uint64_t>& keys) {
    if (std::is_sorted(offsets.begin(), offsets.end()))
        return;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places(offsets.size());
    for (std::size_t i = 0; i < places.size(); ++i)
        places[i] = {offsets[i], keys[i]};
    std::sort(places.begin(), places.end());
    for (std::size_t i = 0; i < places.size(); ++i)
        std::tie(offsets[i], keys[i]) = places[i];
}

}  // namespace detail

/// Reads the text of an .idx file; a problem names the file and the line or keys. Throws nothing of it.
inline IndexText parse_index(std::string_view text, const std::string& name) {
    std::vector<std::uint64_t> offsets, keys;
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    offsets.reserve(lines);
    keys.reserve(lines);
    for (std::uint64_t number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (detail::is_blank(line))
            continue;
        std::uint64_t key = 0, offset = 0;
        if (!detail::parse_index_line(line, key, offset))
            return {{},
                    detail::text_of(name, " line ", number, ": got ", TextLines::quoted(line),
                                    ", expected key<TAB>offset")};
        offsets.push_back(offset);
        keys.push_back(key);
    }
    detail::sort_places(offsets, keys);
    const auto twice = std::adjacent_find(offsets.begin(), offsets.end());
    if (twice != offsets.end())
        return {{}, detail::text_of(name, ": two keys have the offset ", *twice)};
    RecordIndex index(std::move(offsets), std::move(keys));
    if (const auto key = index.repeated_key())
        return {{}, detail::text_of(name, ": the key ", *key, " appears twice")};
    return {std::move(index), {}};
}

/// Looks at up to 4096 records spread over an index, the first and the last among them: each must fill
/// the bytes to the next. Empty, or the first place where the file does not bear the index out.
inline std::string index_problem(std::span<const std::byte> file, const RecordIndex& index) {
    if (index.size() == 0)
        return file.empty() ? "" : detail::text_of("it is empty, the records have ", file.size(), " bytes");
    if (index.offset(0) != 0)
        return detail::text_of("the first record is said to begin at byte ", index.offset(0),
                               ", expected byte 0");
    const std::size_t samples = std::min<std::size_t>(index.size(), 4096);
    for (std::size_t k = 0; k < samples; ++k) {
        const std::size_t i = samples == 1 ? 0 : k * (index.size() - 1) / (samples - 1);
        const std::uint64_t limit = index.limit(i, file.size());
        const RecordExtent extent = follow_record(file, index.offset(i), limit);
        if (!extent.problem.empty() || extent.end != limit)
            return detail::text_of("no record reaches from byte ", index.offset(i), " (key ", index.key(i),
                                   ") to byte ", limit);
    }
    return {};
}

}  // namespace lafs::inline LAFS_ABI
