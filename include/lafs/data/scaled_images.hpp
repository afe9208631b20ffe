// Images that are not face_size x face_size: networks get them scaled, which turns no face to where training had it.
// Whoever scales counts them here and tells the user once.
#pragma once

#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/warning.hpp>
#include <lafs/data/image.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Counts images, and those of another size. Not for use by several threads.
class ScaledImages {
public:
    /// Adds an image of this size; `name()` gives its name, and is called for the first of another size.
    template <class Name>
    void add(int width, int height, const Name& name) {
        ++seen_;
        if (width == face_size && height == face_size)
            return;
        if (++count_ == 1)
            first_ = detail::text_of(name(), ", ", width, " x ", height);
    }

    std::int64_t seen() const { return seen_; }
    std::int64_t count() const { return count_; }

    /// Warns of them, if there are any. `set` names what the images are of: "the set".
    void tell(const std::string& set) const {
        if (count_ > 0)
            warn(detail::text_of(count_, " of ", seen_, " images of ", set, " are not ", face_size, " x ",
                                 face_size, " (the first: ", first_,
                                 ") and were resized: results are only good for faces aligned as in training "
                                 "(lafs_align)"));
    }

private:
    std::int64_t seen_ = 0, count_ = 0;
    std::string first_;
};

}  // namespace lafs::inline LAFS_ABI
