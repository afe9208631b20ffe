// What a training run meets in its images: damaged ones that it has passed over, in its log, its state and its last
// words; and images that are no aligned faces by their size, of which it warns.
#pragma once

#include <lafs/data/damaged.hpp>
#include <lafs/data/scaled_images.hpp>
#include <lafs/io/safetensors.hpp>
#include <lafs/train/loop.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Names each damaged image once, in the step that met it first. Warns once of images of another size: after the
/// first pass over the set, or at the end of a shorter run.
class DamageLog {
public:
    explicit DamageLog(std::shared_ptr<const FaceSource> source)
        : source_(std::move(source)), seen_(static_cast<std::size_t>(source_->size())) {}

    /// Adds lines for the images of a batch that are new.
    void note(const ImageReads& reads, StepResult& result) {
        for (const DamagedImage* image : list_.add(reads))
            result.notes.push_back({{"damaged_image", std::string_view(image->name)},
                                    {"error", std::string_view(image->error)},
                                    {"damaged_images", list_.size()}});
        if (told_)
            return;
        for (std::int64_t place = 0; place < reads.size(); ++place) {
            const std::int64_t index = reads.index(place);
            const auto [width, height] = reads.size_of(place);
            if (auto seen = seen_[static_cast<std::size_t>(index)]; !seen) {
                seen = true;
                scaled_.add(width, height, [&] { return source_->name(index); });
            }
        }
        read_ += reads.size();
        told_ = read_ >= source_->size();
        if (told_)
            scaled_.tell("the training set");
    }

    /// Lines for the end of a run; warns of images of another size if that has not been done.
    std::string remarks() const {
        scaled_.tell("the training set");
        return list_.text();
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
    ScaledImages scaled_;
    std::vector<bool> seen_;
    std::int64_t read_ = 0;
    bool told_ = false;
};

}  // namespace lafs::inline LAFS_ABI
