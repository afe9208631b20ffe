// PBM, PGM and PPM images (netpbm), as text (P1 to P3) and as bytes (P4 to P6), with any largest value.
//
// Values are scaled by the largest value that the file names, round(255 value / largest), as Pillow does it;
// so are grey ones of 16 bits, which Pillow keeps as they are. Of several images in a file the first is read.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_limits.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

class PnmReader {
public:
    PnmReader(std::span<const std::byte> bytes, const std::string& name)
        : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), name_(name) {}

    Image read() {
        const int kind = text_[1] - '0';  // 1 to 6
        const bool bits = kind % 3 == 1, colour = kind % 3 == 0, plain = kind <= 3;
        at_ = 2;
        const std::uint32_t width = number("width"), height = number("height");
        largest_ = bits ? 1 : number("largest value");
        require(largest_ >= 1 && largest_ <= 65535, "decode image", "image ", name_,
                " has the largest value ", largest_, ", expected 1 to 65535");
        if (at_ < text_.size() && text_[at_] == '#')
            at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
        ++at_;  // one white space ends the header
        check_image_size(width, height, text_.size(), name_);
        row_values_ = std::size_t{width} * (colour ? 3 : 1);
        check_length(height, bits, plain);
        fill_scale(bits);
        Image image(static_cast<int>(width), static_cast<int>(height));
        std::uint8_t* out = image.pixels.data();
        for (std::uint32_t y = 0; y < height; ++y) {
            for (std::size_t i = 0; i < row_values_; ++i) {
                const std::uint8_t value = scale_[plain ? text_value(bits) : packed_value(bits, i)];
                if (colour)
                    *out++ = value;
                else
                    out = std::fill_n(out, 3, value);
            }
            if (bits && !plain)
                at_ += (row_values_ + 7) / 8;
        }
        return image;
    }

private:
    static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    /// Goes to what follows white space and comments.
    void skip_space() {
        while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '#')) {
            if (text_[at_] == '#')
                at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
            else
                ++at_;
        }
        require(at_ < text_.size(), "decode image", "image ", name_, " is truncated at byte ", text_.size());
    }

    std::uint32_t number(const char* what) {
        skip_space();
        const std::size_t begin = at_;
        std::uint64_t value = 0;
        for (; at_ < text_.size() && is_digit(text_[at_]) && at_ - begin < 10; ++at_)
            value = 10 * value + static_cast<std::uint64_t>(text_[at_] - '0');
        const bool ends = at_ == text_.size() || is_space(text_[at_]) || text_[at_] == '#';
        require(at_ > begin && ends && value <= 0x7FFFFFFF, "decode image", "image ", name_,
                " has a damaged ", what, " at byte ", begin, ", expected a number");
        return static_cast<std::uint32_t>(value);
    }

    /// Throws, before anything is allocated, unless there are bytes for all values.
    void check_length(std::size_t height, bool bits, bool plain) const {
        const std::size_t values = row_values_ * height;
        std::size_t expected = largest_ > 255 ? 2 * values : values;
        if (bits && !plain)
            expected = (row_values_ + 7) / 8 * height;
        if (plain)
            expected = bits ? values : 2 * values - 1;  // a digit, and white space between two
        require(at_ <= text_.size() && expected <= text_.size() - at_, "decode image", "image ", name_,
                " is truncated at byte ", text_.size());
    }

    void fill_scale(bool bits) {
        scale_.resize(largest_ > 255 ? 65536 : 256, 255);
        for (std::uint32_t value = 0; value < largest_; ++value)
            scale_[value] = static_cast<std::uint8_t>(std::nearbyint(255.0 * (double(value) / largest_)));
        if (bits) {
            scale_[0] = 255;  // 1 is black
            scale_[1] = 0;
        }
    }

    std::uint32_t text_value(bool bits) {
        if (!bits) {
            const std::uint32_t value = number("value");
            require(value <= largest_, "decode image", "image ", name_, " has the value ", value,
                    " in front of byte ", at_, ", expected at most ", largest_);
            return value;
        }
        skip_space();
        const char c = text_[at_++];
        require(c == '0' || c == '1', "decode image", "image ", name_, " has a damaged value at byte ",
                at_ - 1, ", expected 0 or 1");
        return static_cast<std::uint32_t>(c - '0');
    }

    std::uint32_t byte(std::size_t at) const { return static_cast<unsigned char>(text_[at]); }

    std::uint32_t packed_value(bool bits, std::size_t i) {
        if (bits)
            return byte(at_ + i / 8) >> (7 - i % 8) & 1;
        if (largest_ < 256)
            return byte(at_++);
        at_ += 2;
        return byte(at_ - 2) << 8 | byte(at_ - 1);
    }

    std::string_view text_;
    const std::string& name_;
    std::size_t at_ = 0, row_values_ = 0;
    std::uint32_t largest_ = 1;
    std::vector<std::uint8_t> scale_;
};

}  // namespace detail

inline bool is_pnm(std::span<const std::byte> bytes) {
    return bytes.size() > 2 && bytes[0] == std::byte{'P'} && bytes[1] >= std::byte{'1'} &&
           bytes[1] <= std::byte{'6'};
}

/// Decodes an image that `is_pnm`. `name` names it in errors. Throws for damaged, cut and too large ones.
inline Image decode_pnm(std::span<const std::byte> bytes, const std::string& name) {
    return detail::PnmReader(bytes, name).read();
}

}  // namespace lafs::inline LAFS_ABI
