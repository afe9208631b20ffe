// The damaged images that a training run has passed over: in its log, its state and its last words.
#pragma once

#include <lafs/data/damaged.hpp>
#include <lafs/io/safetensors.hpp>
#include <lafs/train/loop.hpp>
#include <memory>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Names each damaged image once, in the step that met it first.
class DamageLog {
public:
    explicit DamageLog(std::shared_ptr<const FaceSource> source) : source_(std::move(source)) {}

    /// Adds lines for the images of a batch that are new.
    void note(const ImageReads& reads, StepResult& result) {
        for (const DamagedImage* image : list_.add(reads))
            result.notes.push_back({{"damaged_image", std::string_view(image->name)},
                                    {"error", std::string_view(image->error)},
                                    {"damaged_images", list_.size()}});
    }

    const DamageList& list() const { return list_; }

    void save(SafetensorsWriter& writer) const {
        std::vector<std::int64_t> indices = list_.indices();
        if (!indices.empty())  // moved: the writer writes later
            writer.add("damaged_images", {list_.size()}, std::move(indices));
    }
    void load(const SafetensorsFile& file) {
        if (file.contains("damaged_images"))
            list_.restore(file.read<std::int64_t>("damaged_images"), *source_);
    }

private:
    std::shared_ptr<const FaceSource> source_;
    DamageList list_;
};

}  // namespace lafs::inline LAFS_ABI
