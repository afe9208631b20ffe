// The full check of a record file, and a copy of what is whole.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/property.hpp>
#include <lafs/data/record_io.hpp>
#include <lafs/data/record_layout.hpp>
#include <lafs/data/record_set.hpp>
#include <lafs/data/record_tools/check_images.hpp>
#include <lafs/data/record_tools/pack.hpp>
#include <lafs/data/record_tools/set_writer.hpp>
#include <lafs/io/output_files.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

struct DamagedRecord {
    std::size_t record = 0;  ///< position in the file
    std::uint64_t key = 0, offset = 0;
    std::string reason;
};

/// What a check found.
struct RecordCheck {
    std::vector<DamagedRecord> damaged;
    std::vector<std::string> problems;  ///< of the set and its index
    std::vector<std::string> notes;     ///< unusual, but no fault
    ImageCheck images;                  ///< by position in the file
    std::uint64_t whole_images = 0;

    bool good() const { return damaged.empty() && problems.empty(); }
};

/// A record file with its layout, where it has one.
struct OpenedRecords {
    RecordFile file;
    std::optional<RecordLayout> layout;
    std::string layout_problem;

    explicit OpenedRecords(const std::filesystem::path& path) : file(path) {
        try {
            layout = read_record_layout(file, MissingImages::allowed);
        } catch (const Error& error) {
            layout_problem = error.what();
        }
    }
};

namespace detail {

inline constexpr std::int64_t no_image = -1;

/// For each record the index of its image, or no_image for those that describe the set.
inline std::vector<std::int64_t> images_of_records(const OpenedRecords& opened) {
    std::vector<std::int64_t> images(opened.file.size(), no_image);
    for (std::size_t i = 0; opened.layout && i < opened.layout->labels.size(); ++i)
        images[opened.layout->record(i)] = static_cast<std::int64_t>(i);
    return images;
}

/// Reads one record in full: its size when it is an image, 0 x 0 when it describes the set.
inline CheckedImage check_record(const OpenedRecords& opened, std::size_t i, std::int64_t image) {
    return check_image_of([&] {
        const RecordPayload payload = opened.file.read(i);
        const std::string place = opened.file.where(i);
        const ImageRecord record = parse_image_record(payload.bytes(), place);
        if (image == no_image && opened.layout) {
            require(key_range(record).has_value(), "record set", place,
                    ": expected a record without an image and with two keys as labels");
            return Image();
        }
        const std::uint32_t expected = opened.layout
                                           ? opened.layout->class_of_image(static_cast<std::size_t>(image))
                                           : class_of(record, place);
        return decode_image(image_record(payload.bytes(), place, expected).image, place);
    });
}

/// The part of a message that follows the place it names.
inline std::string reason_in(const std::string& message, const std::string& place) {
    const std::size_t at = message.find(place);
    if (at == std::string::npos)
        return message;
    const std::size_t begin = message.find_first_not_of(": ", at + place.size());
    return begin == std::string::npos ? message : message.substr(begin);
}

/// What is wrong with the property beside a file; empty when there is none.
inline std::string property_problem(const std::filesystem::path& records, std::size_t identities) {
    const std::filesystem::path path = records.parent_path() / "property";
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
        return {};
    try {
        const SetProperty property = read_property(path);
        return property.identities == static_cast<std::int64_t>(identities)
                   ? ""
                   : text_of("property says ", property.identities, " identities, the records have ",
                             identities);
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace detail

/// Reads every record and decodes every image, on all threads.
inline RecordCheck check_records(const OpenedRecords& opened, const CheckProgress& progress = {}) {
    RecordCheck result;
    const RecordFile& file = opened.file;
    std::error_code ignored;
    if (!file.index_note().empty())
        (std::filesystem::exists(record_index_path(file.path()), ignored) ? result.problems : result.notes)
            .push_back(file.index_note());
    if (opened.layout) {
        result.problems.insert(result.problems.end(), opened.layout->problems.begin(),
                               opened.layout->problems.end());
        result.notes.insert(result.notes.end(), opened.layout->notes.begin(), opened.layout->notes.end());
        if (const std::string text = detail::property_problem(file.path(), opened.layout->classes.size());
            !text.empty())
            result.notes.push_back(text);
    } else {
        result.problems.push_back(opened.layout_problem);
    }
    const std::vector<std::int64_t> images = detail::images_of_records(opened);
    check_in_order(
        static_cast<std::int64_t>(file.size()),
        [&](std::int64_t i) {
            const auto record = static_cast<std::size_t>(i);
            return detail::check_record(opened, record, images[record]);
        },
        [&](std::int64_t i, const CheckedImage& image) {
            const auto record = static_cast<std::size_t>(i);
            if (!image.problem.empty())
                result.damaged.push_back({record, file.key(record), file.offset(record),
                                          detail::reason_in(image.problem, file.where(record))});
            if (image.problem.empty() && image.width == 0)
                return;
            result.images.add(i, image);
            result.whole_images += image.problem.empty();
        },
        progress);
    return result;
}

namespace detail {

/// The whole images of a set with record 0, numbered anew without gaps.
inline void repair_described(const OpenedRecords& opened, const RecordCheck& check,
                             const std::filesystem::path& path, Overwrite overwrite) {
    const RecordLayout& layout = *opened.layout;
    std::vector<std::vector<std::size_t>> records(layout.classes.size());
    for (std::size_t i = 0; i < layout.labels.size(); ++i) {
        const std::size_t record = layout.record(i);
        const auto found = std::lower_bound(check.damaged.begin(), check.damaged.end(), record,
                                            [](const auto& d, std::size_t r) { return d.record < r; });
        if (found == check.damaged.end() || found->record != record)
            records[layout.labels[i]].push_back(record);
    }
    std::erase_if(records, [](const auto& own) { return own.empty(); });
    RecordSetWriter writer(path, check.whole_images, records.size(), overwrite);
    for (std::size_t identity = 0; identity < records.size(); ++identity)
        for (const std::size_t record : records[identity]) {
            const RecordPayload payload = opened.file.read(record);
            writer.add(identity, parse_image_record(payload.bytes(), opened.file.where(record)));
        }
    writer.commit(property_of(records.size(), check.images));
}

/// The whole records as they are, with their keys.
inline void repair_plain(const OpenedRecords& opened, const RecordCheck& check,
                         const std::filesystem::path& path, Overwrite overwrite) {
    check_output(path, overwrite);
    check_output(record_index_path(path), overwrite);
    RecordWriter writer(path);
    auto damaged = check.damaged.begin();
    for (std::size_t i = 0; i < opened.file.size(); ++i)
        if (damaged != check.damaged.end() && damaged->record == i)
            ++damaged;
        else
            writer.add(opened.file.key(i), opened.file.read(i).bytes());
    writer.commit();
}

}  // namespace detail

/// Writes a copy of a file without its damaged records, and its .idx. Sets with records that describe them
/// get new ones and `property`; the images keep their bytes and further labels, but keys and classes are
/// numbered anew. The records of other files stay as they are. Throws when no image is whole.
inline void repair_records(const OpenedRecords& opened, const RecordCheck& check,
                           const std::filesystem::path& path, Overwrite overwrite = Overwrite::refuse) {
    require(check.whole_images > 0, "repair records", opened.file.path(), " has no whole image to write");
    std::error_code ignored;
    require(!std::filesystem::equivalent(path, opened.file.path(), ignored), "repair records", path,
            " is the file itself: name another");
    if (opened.layout && opened.layout->labels.size() < opened.file.size())
        detail::repair_described(opened, check, path, overwrite);
    else
        detail::repair_plain(opened, check, path, overwrite);
}

}  // namespace lafs::inline LAFS_ABI
