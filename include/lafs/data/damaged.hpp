// Training sets with images that cannot be read: refuse them by name, or pass over them and keep count.
//
// Instead of a damaged image comes the next one of the set that can be read (after the last, the first), with
// its own label: a function of the set alone.
#pragma once

#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/image.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// An image that could not be read, and why.
struct DamagedImage {
    std::int64_t index = 0;
    std::string name, error;
};

/// Damaged images in a row after which a set is given up: it is damaged as a whole.
inline constexpr std::int64_t damaged_in_a_row = 1000;

/// An image and its index in the set.
struct FoundImage {
    Image image;
    std::int64_t index = 0;
};

/// Image i, or the next one that can be read; those passed over are added to `damaged`. Throws when there is
/// none within `damaged_in_a_row`.
inline FoundImage next_readable_image(const FaceSource& source, std::int64_t i,
                                      std::vector<DamagedImage>& damaged) {
    std::string last;
    for (std::int64_t tries = 0; tries < source.size() && tries < damaged_in_a_row; ++tries) {
        const std::int64_t index = (i + tries) % source.size();
        try {
            return {source.image(index), index};
        } catch (const Error& error) {
            last = error.what();
            damaged.push_back({index, source.name(index), last});
        }
    }
    fail("training set", "no image can be read from ", source.name(i),
         " on, the last of them because: ", last);
}

/// Image i. Throws naming it when it cannot be read.
inline Image readable_image(const FaceSource& source, std::int64_t i) {
    try {
        return source.image(i);
    } catch (const Error& error) {
        fail("training set", "image ", i, ", ", source.name(i), ", cannot be read: ", error.what(),
             "; --skip-damaged trains without such images");
    }
}

/// The images of a batch: which were asked for, which came, and what was passed over. Different places may be
/// read by several threads at once.
class ImageReads {
public:
    ImageReads() = default;
    explicit ImageReads(std::vector<std::int64_t> indices)
        : indices_(std::move(indices)), damaged_(indices_.size()), sizes_(indices_.size()) {}

    std::int64_t size() const { return static_cast<std::int64_t>(indices_.size()); }
    /// The image at a place; after `read`, the one that came.
    std::int64_t index(std::int64_t place) const { return indices_[static_cast<std::size_t>(place)]; }

    /// Reads the image at a place, or instead of a damaged one the next.
    Image read(const FaceSource& source, std::int64_t place, bool skip_damaged) {
        const auto at = static_cast<std::size_t>(place);
        Image image;
        if (skip_damaged) {
            FoundImage found = next_readable_image(source, indices_[at], damaged_[at]);
            indices_[at] = found.index;
            image = std::move(found.image);
        } else {
            image = readable_image(source, indices_[at]);
        }
        sizes_[at] = {image.width, image.height};
        return image;
    }

    /// What was passed over, place by place.
    const std::vector<std::vector<DamagedImage>>& damaged() const { return damaged_; }

    /// Width and height of the image that came.
    std::pair<int, int> size_of(std::int64_t place) const { return sizes_[static_cast<std::size_t>(place)]; }

private:
    std::vector<std::int64_t> indices_;
    std::vector<std::vector<DamagedImage>> damaged_;
    std::vector<std::pair<int, int>> sizes_;
};

/// The damaged images that a run has met, each once.
class DamageList {
public:
    /// Adds those of a batch; returns the new ones in the order of their places. The pointers stay valid.
    std::vector<const DamagedImage*> add(const ImageReads& reads) {
        std::vector<const DamagedImage*> fresh;
        for (const auto& place : reads.damaged())
            for (const DamagedImage& image : place)
                if (const auto [at, is_new] = images_.emplace(image.index, image); is_new)
                    fresh.push_back(&at->second);
        return fresh;
    }

    std::int64_t size() const { return static_cast<std::int64_t>(images_.size()); }

    /// For the saved state of a run: indices in ascending order, and back. Throws for one that the source
    /// does not have.
    std::vector<std::int64_t> indices() const {
        std::vector<std::int64_t> all;
        for (const auto& [index, unused] : images_)
            all.push_back(index);
        return all;
    }
    void restore(const std::vector<std::int64_t>& indices, const FaceSource& source) {
        images_.clear();
        for (const std::int64_t index : indices)
            images_[index] = {index, source.name(index), "met before the run was resumed"};
    }

    /// A line with the count, and a line for each of the first images; empty when there are none.
    std::string text() const {
        if (images_.empty())
            return {};
        std::string result = std::to_string(size()) + " damaged image" + (size() == 1 ? "" : "s") +
                             " passed over, replaced by the next of the set:\n";
        constexpr int most = 20;
        int shown = 0;
        for (const auto& [index, image] : images_) {
            if (++shown > most)
                return result + "  and " + std::to_string(size() - most) + " more, see log.jsonl\n";
            result += "  " + image.name + ": " + image.error + "\n";
        }
        return result;
    }

private:
    std::map<std::int64_t, DamagedImage> images_;
};

}  // namespace lafs::inline LAFS_ABI
