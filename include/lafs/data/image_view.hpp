// An image in memory of others: a camera's frame, an OpenCV matrix, a decoder's buffer.
//
//   const ImageView frame(mat.data, mat.cols, mat.rows, PixelOrder::bgr, mat.step);
//   to_planes(resize(frame, 112, 112), planes);     whatever takes an Image takes the view
//   Image kept = frame;                             a copy that outlives the memory
//
// The view owns nothing. It becomes an Image, red, green and blue in packed rows, by one pass over the pixels.
#pragma once

#include <lafs/data/image.hpp>

namespace lafs::inline LAFS_ABI {

/// The bytes of a pixel, first to last. An alpha channel is passed over; a grey pixel is its own red, green
/// and blue.
enum class PixelOrder { rgb, bgr, rgba, bgra, grey };

/// Bytes of a pixel.
constexpr int channels_of(PixelOrder order) {
    switch (order) {
        case PixelOrder::rgb:
        case PixelOrder::bgr:
            return 3;
        case PixelOrder::rgba:
        case PixelOrder::bgra:
            return 4;
        case PixelOrder::grey:
            return 1;
    }
    fail("image", "got the invalid pixel order ", static_cast<int>(order));
}

class ImageView {
public:
    /// `rows` rows of `columns` pixels from the top; a row begins `step` bytes after the one above, without
    /// `step` right behind it. Throws for null, a size that is not positive and a step shorter than a row.
    ImageView(const std::uint8_t* pixels, std::int64_t columns, std::int64_t rows, PixelOrder order,
              std::size_t step = 0)
        : pixels_(pixels), order_(order) {
        constexpr std::int64_t most = 1 << 30;
        require(pixels != nullptr, "image", "got no pixels (null) for ", columns, " x ", rows);
        require(columns > 0 && rows > 0 && columns <= most / rows, "image", "got size ", columns, " x ", rows,
                ", expected positive and at most ", most, " pixels");
        const std::size_t row =
            static_cast<std::size_t>(columns) * static_cast<std::size_t>(channels_of(order));
        step_ = step == 0 ? row : step;
        require(step_ >= row, "image", "got rows ", step, " bytes apart, expected at least ", row, " for ",
                columns, " pixels of ", channels_of(order), " bytes");
        width_ = static_cast<int>(columns);
        height_ = static_cast<int>(rows);
    }

    int width() const { return width_; }
    int height() const { return height_; }
    PixelOrder order() const { return order_; }

    /// A copy.
    operator Image() const {
        Image image(width_, height_);
        const bool grey = order_ == PixelOrder::grey,
                   reversed = order_ == PixelOrder::bgr || order_ == PixelOrder::bgra;
        const int red = reversed ? 2 : 0, green = grey ? 0 : 1, blue = grey || reversed ? 0 : 2,
                  channels = channels_of(order_);
        std::uint8_t* to = image.pixels.data();
        for (int y = 0; y < height_; ++y) {
            const std::uint8_t* from = pixels_ + static_cast<std::size_t>(y) * step_;
            for (int x = 0; x < width_; ++x, from += channels, to += 3) {
                to[0] = from[red];
                to[1] = from[green];
                to[2] = from[blue];
            }
        }
        return image;
    }

private:
    const std::uint8_t* pixels_;
    std::size_t step_ = 0;
    int width_ = 0, height_ = 0;
    PixelOrder order_;
};

}  // namespace lafs::inline LAFS_ABI
