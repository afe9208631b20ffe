// The interface that training and evaluation get labelled faces through.
//
// requires of a new source: image(i) and encoded(i) are pure functions of i, callable from several threads
// at once; labels run from 0 to identities() - 1.
// ensures: everything downstream (loader, few-shot subsets, pairs, trainers, record files) works with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_codec.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A set of labelled face images. All functions throw for an index outside [0, size()).
class FaceSource {
public:
    virtual ~FaceSource() = default;

    virtual std::int64_t size() const = 0;
    virtual std::int64_t identities() const = 0;
    /// The identity of image i, in [0, identities()).
    virtual std::int64_t label(std::int64_t i) const = 0;
    /// Reads or renders image i, at its own size.
    virtual Image image(std::int64_t i) const = 0;
    /// Image i as the bytes of an image file: those it was stored as, or else a PNG.
    virtual std::vector<std::byte> encoded(std::int64_t i) const { return encode_png(image(i)); }
    /// `identity/image`, unique in the source; names the image in errors and exported files.
    virtual std::string name(std::int64_t i) const = 0;
};

namespace detail {

inline void check_index(std::int64_t i, std::int64_t size) {
    require(i >= 0 && i < size, "face source", "got image ", i, ", expected 0 to ", size - 1);
}

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
