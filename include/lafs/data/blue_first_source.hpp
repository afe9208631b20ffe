// Sets whose files hold blue first (data/colour_order.hpp), as sets of RGB images.
#pragma once

#include <cstdint>
#include <lafs/data/colour_order.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/image.hpp>
#include <memory>
#include <string>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// A set whose files hold blue first, with its colours put right. `encoded` gives PNG, not the files' bytes.
class BlueFirstSource final : public FaceSource {
public:
    explicit BlueFirstSource(std::shared_ptr<const FaceSource> source) : source_(std::move(source)) {}

    std::int64_t size() const override { return source_->size(); }
    std::int64_t identities() const override { return source_->identities(); }
    std::int64_t label(std::int64_t i) const override { return source_->label(i); }
    Image image(std::int64_t i) const override { return to_rgb(source_->image(i), ColourOrder::bgr); }
    std::string name(std::int64_t i) const override { return source_->name(i); }

private:
    std::shared_ptr<const FaceSource> source_;
};

/// A set whose files are in `order`, as a set of RGB images.
inline std::shared_ptr<const FaceSource> to_rgb(std::shared_ptr<const FaceSource> source, ColourOrder order) {
    if (order == ColourOrder::rgb)
        return source;
    return std::make_shared<BlueFirstSource>(std::move(source));
}

/// The same for the only owner of a set.
inline std::unique_ptr<FaceSource> to_rgb(std::unique_ptr<FaceSource> source, ColourOrder order) {
    if (order == ColourOrder::rgb)
        return source;
    return std::make_unique<BlueFirstSource>(std::move(source));
}

}  // namespace lafs::inline LAFS_ABI
