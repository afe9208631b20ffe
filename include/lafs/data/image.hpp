// An 8-bit colour image in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Side of an aligned face in pixels: the input of every recogniser here.
inline constexpr int face_size = 112;

/// Pixels in rows from the top, each as red, green, blue.
struct Image {
    int width = 0, height = 0;
    std::vector<std::uint8_t> pixels;  // (height, width, 3)

    Image() = default;

    /// A black image. Throws unless both sizes are positive.
    Image(int columns, int rows) : width(columns), height(rows) {
        require(columns > 0 && rows > 0, "image", "got size ", columns, " x ", rows, ", expected positive");
        pixels.resize(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows) * 3);
    }

    /// The three components of the pixel in column x, row y (not checked).
    std::uint8_t* at(int x, int y) { return pixels.data() + offset(x, y); }
    const std::uint8_t* at(int x, int y) const { return pixels.data() + offset(x, y); }

    bool operator==(const Image&) const = default;

private:
    std::size_t offset(int x, int y) const {
        return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
               3;
    }
};

/// Throws unless the image is not empty and has as many bytes as its size says.
inline void check_image(const Image& image, const char* operation) {
    require(image.width > 0 && image.height > 0 &&
                image.pixels.size() ==
                    static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3,
            operation, "got an image of ", image.width, " x ", image.height, " with ", image.pixels.size(),
            " bytes, expected 3 a pixel and no side 0");
}

}  // namespace lafs::inline LAFS_ABI
