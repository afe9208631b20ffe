// Writes a set in InsightFace's layout: record 0, the images by identity, a record for each identity, the
// .idx, and `property` beside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/property.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_io.hpp>
#include <lafs/io/output_files.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Throws when a set cannot be written to `path` without replacing files, if that is refused.
inline void check_set_output(const std::filesystem::path& path, Overwrite overwrite) {
    for (const std::filesystem::path& file : {path, record_index_path(path), path.parent_path() / "property"})
        check_output(file, overwrite);
}

/// Takes `images` images of `identities` people, one person after the other, then writes the rest.
class RecordSetWriter {
public:
    /// Starts `path`, its .idx, and `property` in the same folder. Throws when one of them exists and must
    /// not be overwritten, and for sets without images.
    RecordSetWriter(const std::filesystem::path& path, std::uint64_t images, std::uint64_t identities,
                    Overwrite overwrite)
        : property_path_(path.parent_path() / "property"),
          images_(images),
          identities_(identities),
          writer_(checked(path, overwrite)) {
        require(images > 0 && identities > 0, "write records", "got ", images, " images of ", identities,
                " identities, expected some");
        writer_.add(0, make_range_record(0, {images + 1, images + 1 + identities}));
    }

    /// Appends an image of `identity`, which is the last one's or the next. `record` gives the image, and
    /// labels beside the class where there are any; its id becomes the key.
    void add(std::uint64_t identity, const ImageRecord& record) {
        require(identity + 1 == begins_.size() || identity == begins_.size(), "write records",
                "got an image of identity ", identity, " after ", begins_.size(), " identities");
        ++written_;
        if (identity == begins_.size())
            begins_.push_back(written_);
        const auto own = static_cast<float>(identity);
        std::vector<float> labels(record.flag);
        for (std::uint32_t i = 0; i < record.flag; ++i)
            labels[i] = i == 0 ? own : record.label_at(i);
        writer_.add(written_, make_image_record(labels.empty() ? own : record.label, written_, labels,
                                                record.image, record.id2));
    }

    /// Writes the records of the identities and puts all files in place. Throws unless all images came.
    void commit(const SetProperty& property) {
        require(written_ == images_ && begins_.size() == identities_, "write records", "got ", written_,
                " images of ", begins_.size(), " identities, expected ", images_, " of ", identities_);
        begins_.push_back(written_ + 1);
        for (std::size_t i = 0; i < identities_; ++i) {
            const std::uint64_t key = images_ + 1 + i;
            writer_.add(key, make_range_record(key, {begins_[i], begins_[i + 1]}));
        }
        writer_.commit();
        write_property(property_path_, property);
    }

private:
    static const std::filesystem::path& checked(const std::filesystem::path& path, Overwrite overwrite) {
        check_set_output(path, overwrite);
        return path;
    }

    std::filesystem::path property_path_;
    std::uint64_t images_, identities_, written_ = 0;
    std::vector<std::uint64_t> begins_;  // the first key of each identity
    RecordWriter writer_;
};

}  // namespace lafs::inline LAFS_ABI
