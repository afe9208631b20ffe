// The one check of the pixels that come into a model.
#pragma once

#include <lafs/core/error.hpp>
#include <lafs/core/shape.hpp>

namespace lafs::inline LAFS_ABI {

/// Throws unless images are (B, channels, side, side): what a model learnt about places is in pixels of this
/// size, and images of another give embeddings that mean nothing.
inline void check_image_size(const char* operation, const Shape& images, std::int64_t channels,
                             std::int64_t side) {
    require(images.rank() == 4 && images[1] == channels && images[2] == side && images[3] == side, operation,
            "got images ", images, ", expected (B, ", channels, ", ", side, ", ", side,
            "): resize them, or make the model for their size (image_size of its configuration)");
}

}  // namespace lafs::inline LAFS_ABI
