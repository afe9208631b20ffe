// BMP images: 1, 4, 8, 16, 24 and 32 bits a pixel, palettes, masks of colours, RLE4 and RLE8, rows from the
// bottom or from the top. Values are Pillow's.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_limits.hpp>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// One colour of a pixel that is a number.
struct BmpChannel {
    std::uint32_t mask = 0;

    std::uint8_t of(std::uint32_t pixel) const {
        const int shift = std::countr_zero(mask);
        const std::uint64_t value = (pixel & mask) >> shift, largest = mask >> shift;
        return static_cast<std::uint8_t>(value * 255 / largest);
    }
    bool usable() const {
        const std::uint32_t ones = mask == 0 ? 0 : mask >> std::countr_zero(mask);
        return mask != 0 && (ones & (ones + 1)) == 0;  // bits side by side
    }
};

class BmpReader {
public:
    BmpReader(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

    Image read() {
        read_header();
        check_image_size(width_, height_, bytes_.size(), name_);
        const std::size_t after_header = 14 + header_;
        std::size_t begin = after_header;
        if (compression_ == 3)
            begin += read_masks(after_header);
        if (bits_ <= 8)
            begin += read_palette(begin);
        const std::size_t given = u32(10);
        // Some writers point at the palette.
        if (given != 0 && !(given == after_header && bits_ <= 8))
            begin = given;
        require(begin <= bytes_.size(), "decode image", "image ", name_, " is truncated at byte ",
                bytes_.size(), ", its pixels begin at ", begin);
        return compression_ == 1 || compression_ == 2 ? read_runs(begin) : read_rows(begin);
    }

private:
    std::uint32_t byte(std::size_t at) const {
        require(at < bytes_.size(), "decode image", "image ", name_, " is truncated at byte ", bytes_.size());
        return std::to_integer<std::uint32_t>(bytes_[at]);
    }
    std::uint32_t u16(std::size_t at) const { return byte(at) | byte(at + 1) << 8; }
    std::uint32_t u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16; }

    void read_header() {
        header_ = u32(14);
        constexpr std::array<std::size_t, 7> sizes = {12, 40, 52, 56, 64, 108, 124};
        require(std::find(sizes.begin(), sizes.end(), header_) != sizes.end(), "decode image", "image ",
                name_, " has a BMP header of ", header_, " bytes, expected 12, 40, 52, 56, 64, 108 or 124");
        if (header_ == 12) {
            width_ = u16(18);
            height_ = u16(20);
            bits_ = u16(24);
        } else {
            width_ = u32(18);
            height_ = static_cast<std::int32_t>(u32(22));
            from_top_ = height_ < 0;
            height_ = from_top_ ? -height_ : height_;
            bits_ = u16(28);
            compression_ = u32(30);
        }
        constexpr std::array<std::uint32_t, 6> depths = {1, 4, 8, 16, 24, 32};
        require(std::find(depths.begin(), depths.end(), bits_) != depths.end(), "decode image", "image ",
                name_, " is a BMP image of ", bits_, " bits a pixel, expected 1, 4, 8, 16, 24 or 32");
        const bool known = compression_ == 0 || (compression_ == 1 && bits_ == 8) ||
                           (compression_ == 2 && bits_ == 4) || (compression_ == 3 && bits_ >= 16);
        require(known, "decode image", "image ", name_, " is a BMP image of ", bits_,
                " bits a pixel with compression ", compression_,
                ", expected none, RLE8 of 8 bits, RLE4 of 4 bits or masks of 16 bits and more");
        if (bits_ == 16)
            channels_ = {{{0x7C00}, {0x3E0}, {0x1F}}};
    }

    /// Returns the bytes that the masks take behind the header.
    std::size_t read_masks(std::size_t after_header) {
        const bool behind = header_ < 52;
        const std::size_t at = behind ? after_header : 54;
        for (std::size_t i = 0; i < 3; ++i)
            channels_[i].mask = u32(at + 4 * i);
        if (bits_ == 32 && (channels_[0].mask | channels_[1].mask | channels_[2].mask) == 0)
            channels_ = default_channels;
        for (const BmpChannel& channel : channels_)
            require(channel.usable() && (bits_ == 32 || channel.mask >> bits_ == 0), "decode image", "image ",
                    name_, " is a BMP image of ", bits_, " bits a pixel with the mask ", channel.mask,
                    ", expected bits side by side in a pixel");
        return behind ? 12 : 0;
    }

    /// Returns the bytes that the palette takes. What a file leaves out is black.
    std::size_t read_palette(std::size_t begin) {
        const std::size_t colours = header_ > 12 && u32(46) > 0 ? u32(46) : std::size_t{1} << bits_;
        require(colours <= 65536, "decode image", "image ", name_, " has a palette of ", colours,
                " colours, expected at most 65536");
        const std::size_t step = header_ == 12 ? 3 : 4;
        for (std::size_t i = 0; i < std::min<std::size_t>(colours, 256); ++i)
            for (std::size_t c = 0; c < 3; ++c)
                palette_[i][c] = static_cast<std::uint8_t>(byte(begin + step * i + 2 - c));
        return step * colours;
    }

    /// The row of the picture that the file's row `y` is.
    int row(std::int64_t y) const { return static_cast<int>(from_top_ ? y : height_ - 1 - y); }

    Image read_rows(std::size_t begin) const {
        const std::size_t row_bits = static_cast<std::size_t>(width_) * bits_,
                          stride = (row_bits + 31) / 32 * 4;
        const std::size_t needed = stride * static_cast<std::size_t>(height_ - 1) + (row_bits + 7) / 8;
        require(needed <= bytes_.size() - begin, "decode image", "image ", name_, " is truncated at byte ",
                bytes_.size(), ", expected ", begin + needed, " bytes");
        Image image(static_cast<int>(width_), static_cast<int>(height_));
        for (std::int64_t y = 0; y < height_; ++y) {
            const std::byte* from = bytes_.data() + begin + stride * static_cast<std::size_t>(y);
            for (int x = 0; x < image.width; ++x)
                write_pixel(from, static_cast<std::size_t>(x), image.at(x, row(y)));
        }
        return image;
    }

    /// Pixel x of a row that lies in the file.
    void write_pixel(const std::byte* from, std::size_t x, std::uint8_t* to) const {
        const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(from[i]); };
        if (bits_ <= 8) {
            const std::size_t in_byte = 8 / bits_;
            const std::uint32_t index =
                at(x / in_byte) >> (8 - bits_ * (x % in_byte + 1)) & ((1U << bits_) - 1);
            std::copy_n(palette_[index].begin(), 3, to);
            return;
        }
        std::uint32_t pixel = 0;
        for (std::size_t i = 0, step = bits_ / 8; i < step; ++i)
            pixel |= at(step * x + i) << (8 * i);
        for (std::size_t c = 0; c < 3; ++c)
            to[c] = channels_[c].of(pixel);
    }

    /// Runs of equal pixels, pixels one by one, and jumps; what is jumped over has the palette's first colour.
    Image read_runs(std::size_t at) const {
        std::vector<std::uint8_t> indices(static_cast<std::size_t>(width_ * height_));
        std::int64_t x = 0, y = 0;
        const auto put = [&](std::uint32_t index) {
            if (x < width_ && y < height_)
                indices[static_cast<std::size_t>(row(y) * width_ + x)] = static_cast<std::uint8_t>(index);
            ++x;
        };
        const bool halves = bits_ == 4;
        while (y < height_ && !(y == height_ - 1 && x >= width_)) {
            const std::uint32_t count = byte(at), value = byte(at + 1);
            at += 2;
            if (count > 0) {
                for (std::uint32_t i = 0; i < count; ++i)
                    put(!halves ? value : i % 2 == 0 ? value >> 4 : value & 15);
            } else if (value == 0) {
                x = 0;
                ++y;
            } else if (value == 1) {
                break;
            } else if (value == 2) {
                x += byte(at);
                y += byte(at + 1);
                at += 2;
            } else {
                for (std::uint32_t i = 0; i < value; ++i)
                    put(!halves ? byte(at + i) : byte(at + i / 2) >> (i % 2 == 0 ? 4 : 0) & 15);
                const std::size_t taken = halves ? (value + 1) / 2 : value;
                at += taken + taken % 2;
            }
        }
        Image image(static_cast<int>(width_), static_cast<int>(height_));
        for (std::size_t i = 0; i < indices.size(); ++i)
            std::copy_n(palette_[indices[i]].begin(), 3,
                        image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
        return image;
    }

    static constexpr std::array<BmpChannel, 3> default_channels = {{{0xFF0000}, {0xFF00}, {0xFF}}};

    std::span<const std::byte> bytes_;
    const std::string& name_;
    std::size_t header_ = 0;
    std::int64_t width_ = 0, height_ = 0;
    std::uint32_t bits_ = 0, compression_ = 0;
    bool from_top_ = false;
    std::array<BmpChannel, 3> channels_ = default_channels;  // red, green, blue
    std::array<std::array<std::uint8_t, 3>, 256> palette_{};
};

}  // namespace detail

inline bool is_bmp(std::span<const std::byte> bytes) {
    return bytes.size() > 2 && bytes[0] == std::byte{'B'} && bytes[1] == std::byte{'M'};
}

/// Decodes an image that `is_bmp`; transparency is dropped. `name` names it in errors. Throws for damaged, cut
/// and too large ones, and for kinds that it does not read.
inline Image decode_bmp(std::span<const std::byte> bytes, const std::string& name) {
    return detail::BmpReader(bytes, name).read();
}

}  // namespace lafs::inline LAFS_ABI
