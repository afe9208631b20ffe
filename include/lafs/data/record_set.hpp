// A record file (train.rec) as a set of labelled faces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_io.hpp>
#include <lafs/data/record_layout.hpp>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The record file that `path` is or holds: train.rec, or the only file in .rec of a folder. Empty when the
/// folder has none; throws when it has several.
inline std::filesystem::path find_record_file(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error))
        return path;
    if (std::filesystem::is_regular_file(path / "train.rec", error))
        return path / "train.rec";
    std::filesystem::path found;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
        if (lower_extension(it->path()) != ".rec" || !it->is_regular_file(error))
            continue;
        require(found.empty(), "record set", path,
                " holds several record files and no train.rec: name the file itself");
        found = it->path();
    }
    return found;
}

/// Takes the payload of an image apart. `place` names the record in errors; throws unless it holds an image
/// of class `expected`.
inline ImageRecord image_record(std::span<const std::byte> payload, const std::string& place,
                                std::uint32_t expected) {
    const ImageRecord record = parse_image_record(payload, place);
    const std::uint32_t own = class_of(record, place);
    require(own == expected, "record set", place, ": got the label ", own, ", expected ", expected,
            " as other images of this identity have");
    require(!record.image.empty(), "record set", place, ": it holds no image (0 bytes)");
    return record;
}

/// The images of a record file: InsightFace's layout, or all records as im2rec writes them. Labels are
/// numbered anew where the file's have gaps, in their order. Images are read when they are asked for.
class RecordSource final : public FaceSource {
public:
    /// Opens a file and reads its labels. Throws when it cannot be read, holds no images, or lacks images
    /// that its record 0 promises. Damaged records count as images; `image` says what is wrong with each.
    explicit RecordSource(const std::filesystem::path& path)
        : file_(path), layout_(read_record_layout(file_)) {}

    std::int64_t size() const override { return static_cast<std::int64_t>(layout_.labels.size()); }
    std::int64_t identities() const override { return static_cast<std::int64_t>(layout_.classes.size()); }
    std::int64_t label(std::int64_t i) const override { return layout_.labels[checked(i)]; }

    /// Throws for a damaged record, a payload that is no image, and a label that is not the one its
    /// identity's record led to.
    Image image(std::int64_t i) const override {
        const RecordPayload payload = file_.read(record(i));
        const std::string place = where(i);
        return decode_image(image_record(payload.bytes(), place, expected_class(i)).image, place);
    }
    std::vector<std::byte> encoded(std::int64_t i) const override {
        const RecordPayload payload = file_.read(record(i));
        const std::span<const std::byte> bytes =
            image_record(payload.bytes(), where(i), expected_class(i)).image;
        return {bytes.begin(), bytes.end()};
    }

    /// `0000012/record 34`: the label and the key in the file.
    std::string name(std::int64_t i) const override {
        char text[64];
        std::snprintf(text, sizeof text, "%07lld/record %llu", static_cast<long long>(label(i)),
                      static_cast<unsigned long long>(file_.key(record(i))));
        return text;
    }

    const RecordFile& file() const { return file_; }
    const RecordLayout& layout() const { return layout_; }
    /// The position of image i in the file.
    std::size_t record(std::int64_t i) const { return layout_.record(checked(i)); }
    /// File, key and byte of image i, for messages.
    std::string where(std::int64_t i) const { return file_.where(record(i)); }

private:
    std::size_t checked(std::int64_t i) const {
        detail::check_index(i, size());
        return static_cast<std::size_t>(i);
    }

    std::uint32_t expected_class(std::int64_t i) const { return layout_.class_of_image(checked(i)); }

    RecordFile file_;
    RecordLayout layout_;
};

}  // namespace lafs::inline LAFS_ABI
