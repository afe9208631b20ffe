// The header of a safetensors file: JSON of an untrusted file to a checked table of tensors.
//
// {"__metadata__": {key: text, ...}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
// It is parsed as a stream of events, so that hostile nesting costs nothing and a key given twice is seen.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/elements.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The name of an element type in safetensors files, e.g. "F32".
inline const char* safetensors_name(DType type) {
    static constexpr const char* names[] = {"F32", "F64", "BF16", "F16", "I64",
                                            "I32", "I16", "I8",   "U8",  "BOOL"};
    return names[static_cast<int>(type)];
}

/// The element type of a safetensors name; nothing for one that lafs does not hold.
inline std::optional<DType> dtype_from_safetensors(std::string_view text) {
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i)
        if (text == safetensors_name(static_cast<DType>(i)))
            return static_cast<DType>(i);
    return std::nullopt;
}

/// Where tensors of a type come in a file, 0 first: the reference implementation's order.
inline int safetensors_rank(DType type) {
    //                             F32 F64 BF16 F16 I64 I32 I16 I8 U8 BOOL
    static constexpr int ranks[] = {2, 1, 4, 5, 0, 3, 6, 7, 8, 9};
    return ranks[static_cast<int>(type)];
}

namespace detail {

/// One entry of the header; offsets count from the end of the header.
struct SafetensorsEntry {
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
    std::map<std::string, std::string> metadata;
    std::map<std::string, SafetensorsEntry> tensors;
};

/// Receives the events of nlohmann's parser. Every event that does not fit the format returns false
/// with the reason in `problem`, which ends the parse.
class SafetensorsEvents {
public:
    SafetensorsHeader header;
    std::string problem;

    bool null() { return refuse("got null"); }
    bool boolean(bool) { return refuse("got a boolean"); }
    bool number_integer(std::int64_t value) { return refuse("got the number " + std::to_string(value)); }
    bool number_float(double, const std::string& text) { return refuse("got the number " + text); }
    bool binary(std::vector<std::uint8_t>&) { return refuse("got binary data"); }

    bool number_unsigned(std::uint64_t value) {
        if (!in_array_)
            return refuse("got the number " + std::to_string(value));
        if (value > INT64_MAX)
            return refuse("got the number " + std::to_string(value) + ", expected less than 2^63");
        numbers_.push_back(static_cast<std::int64_t>(value));
        return true;
    }

    bool string(std::string& text) {
        if (in_array_ || depth_ != 2)
            return refuse("got the text \"" + text.substr(0, 40) + "\"");
        if (in_metadata_)
            return header.metadata.emplace(field_, text).second || refuse("the key appears twice");
        if (field_ != "dtype")
            return refuse("got a text");
        const std::optional<DType> type = dtype_from_safetensors(text);
        if (!type)
            return refuse("element type \"" + text.substr(0, 40) + "\" is not supported");
        entry_.dtype = *type;
        return true;
    }

    bool start_object(std::size_t) {
        if (in_array_ || depth_ >= 2)
            return refuse("got a nested object");
        ++depth_;
        return true;
    }

    bool end_object() {
        if (--depth_ == 0)
            return true;
        if (in_metadata_) {
            in_metadata_ = false;
            return true;
        }
        if (seen_.size() != 3)
            return refuse("got an incomplete entry, expected dtype, shape and data_offsets");
        header.tensors[tensor_] = std::move(entry_);
        return true;
    }

    bool key(std::string& text) {
        if (depth_ == 2) {
            field_ = text;
            if (in_metadata_)
                return true;
            if (text != "dtype" && text != "shape" && text != "data_offsets")
                return refuse("got an unknown key");
            return mark_seen(text);
        }
        tensor_ = text;
        field_.clear();
        seen_.clear();
        entry_ = {};
        in_metadata_ = text == "__metadata__";
        if (in_metadata_ ? had_metadata_ : header.tensors.contains(text))
            return refuse("the name appears twice");
        had_metadata_ |= in_metadata_;
        return true;
    }

    bool start_array(std::size_t) {
        if (in_array_ || depth_ != 2 || in_metadata_ || field_ == "dtype")
            return refuse("got an array");
        in_array_ = true;
        numbers_.clear();
        return true;
    }

    bool end_array() {
        in_array_ = false;
        if (field_ == "shape") {
            entry_.shape = numbers_;
            return true;
        }
        if (numbers_.size() != 2)
            return refuse("got " + std::to_string(numbers_.size()) + " numbers, expected 2");
        entry_.begin = static_cast<std::uint64_t>(numbers_[0]);
        entry_.end = static_cast<std::uint64_t>(numbers_[1]);
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::ordered_json::exception&) {
        problem = "is not valid JSON at byte " + std::to_string(8 + position);
        return false;
    }

private:
    bool mark_seen(const std::string& text) {
        if (std::find(seen_.begin(), seen_.end(), text) != seen_.end())
            return refuse("the key appears twice");
        seen_.push_back(text);
        return true;
    }

    bool refuse(const std::string& what) {
        problem = "at \"" + tensor_.substr(0, 200) + (field_.empty() ? "" : "." + field_.substr(0, 40)) +
                  "\": " + what;
        return false;
    }

    int depth_ = 0;
    bool in_array_ = false, in_metadata_ = false, had_metadata_ = false;
    std::string tensor_, field_;
    std::vector<std::string> seen_;
    std::vector<std::int64_t> numbers_;
    SafetensorsEntry entry_;
};

/// Checks that the tensors fill [0, data_bytes) without gap or overlap and have the size of their shape.
inline std::string check_layout(const SafetensorsHeader& header, std::uint64_t data_bytes) {
    std::vector<const std::pair<const std::string, SafetensorsEntry>*> order;
    for (const auto& tensor : header.tensors)
        order.push_back(&tensor);
    std::sort(order.begin(), order.end(), [](auto* a, auto* b) {
        return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
    });
    std::uint64_t position = 0;
    for (const auto* tensor : order) {
        const SafetensorsEntry& entry = tensor->second;
        const std::string where = "at \"" + tensor->first.substr(0, 200) + "\": offsets [" +
                                  std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
        if (entry.begin != position || entry.end < entry.begin)
            return where + ", expected them to start at " + std::to_string(position) +
                   " where the tensor before ends";
        if (entry.end > data_bytes)
            return where + " reach past the " + std::to_string(data_bytes) + " bytes of data in the file";
        const std::optional<std::uint64_t> bytes = checked_bytes(entry.dtype, entry.shape);
        if (!bytes || *bytes != entry.end - entry.begin)
            return where + " do not fit the shape, expected " +
                   (bytes ? std::to_string(*bytes) : "fewer than 2^64") + " bytes";
        position = entry.end;
    }
    if (position != data_bytes)
        return "describes " + std::to_string(position) + " bytes of data, the file holds " +
               std::to_string(data_bytes);
    return {};
}

}  // namespace detail
}  // namespace lafs::inline LAFS_ABI
