// Pictures turned as their EXIF orientation says: Pillow's exif_transpose.
#pragma once

#include <cstring>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// The picture as it is to be looked at. Orientation 1: as it is; 2: mirrored left to right; 3: turned by 180
/// degrees; 4: mirrored top to bottom; 5: mirrored at the diagonal from the upper left; 6: turned clockwise by
/// 90 degrees; 7: mirrored at the other diagonal; 8: turned counter-clockwise by 90 degrees. From 5 on width
/// and height change places. Throws for other numbers.
inline Image oriented(Image image, int orientation) {
    require(orientation >= 1 && orientation <= 8, "orientation", "got ", orientation, ", expected 1 to 8");
    check_image(image, "orientation");
    if (orientation == 1)
        return image;
    const bool transposed = orientation >= 5;
    const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    Image result(transposed ? image.height : image.width, transposed ? image.width : image.height);
    for (int y = 0; y < result.height; ++y)
        for (int x = 0; x < result.width; ++x) {
            const int column = transposed ? y : x, row = transposed ? x : y;
            std::memcpy(result.at(x, y),
                        image.at(from_right ? image.width - 1 - column : column,
                                 from_bottom ? image.height - 1 - row : row),
                        3);
        }
    return result;
}

}  // namespace lafs::inline LAFS_ABI
