// Images that the library does not read itself: WebP, TIFF, JPEG 2000, AVIF, GIF, and uncommon kinds of JPEG. A codec of
// the program may read them; opencv_codec.hpp brings OpenCV's.
//
// Their sizes are read here, so that no codec allocates what a file merely says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/data/exif.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_limits.hpp>
#include <lafs/data/jpeg_structure.hpp>
#include <lafs/io/content_kind.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// A codec: decodes the bytes of a file to the picture as it is to be looked at, turned as the file says. Throws
/// Error where it cannot. May be called from several threads.
using ImageCodec = std::function<Image(std::span<const std::byte> bytes)>;

namespace detail {

struct ForeignCodec {
    std::string name;
    ImageCodec decode;
};

inline ForeignCodec& foreign_codec() {
    static ForeignCodec codec;
    return codec;
}

struct ForeignSize {
    std::size_t width = 0, height = 0;
};

/// The largest size that any of a WebP file's chunks names.
inline std::optional<ForeignSize> webp_size(std::string_view file) {
    ForeignSize size;
    for (std::size_t at = 12; at + 18 <= file.size();) {
        const std::string_view type = file.substr(at, 4), chunk = file.substr(at + 8);
        ForeignSize own;
        if (type == "VP8X")
            own = {little_number(chunk, 4, 3) + 1, little_number(chunk, 7, 3) + 1};
        else if (type == "VP8L")
            own = {(little_number(chunk, 1, 4) & 0x3FFF) + 1,
                   (little_number(chunk, 1, 4) >> 14 & 0x3FFF) + 1};
        else if (type == "VP8 ")
            own = {little_number(chunk, 6, 2) & 0x3FFF, little_number(chunk, 8, 2) & 0x3FFF};
        size = {std::max(size.width, own.width), std::max(size.height, own.height)};
        const std::size_t length = little_number(file, at + 4, 4);
        at += 8 + length + length % 2;
    }
    return size;
}

inline std::optional<ForeignSize> tiff_size(std::string_view file) {
    const TiffDirectory directory(file);
    const auto width = directory.number(256), height = directory.number(257);
    if (!width || !height)
        return std::nullopt;
    return ForeignSize{*width, *height};
}

/// Of the codestream (ISO 15444-1, annex A), in its box or bare.
inline std::optional<ForeignSize> jpeg2000_size(std::string_view file) {
    std::size_t at = 0;
    while (!file.substr(at).starts_with("\xFF\x4F\xFF\x51")) {
        if (at + 8 > file.size())
            return std::nullopt;
        const std::size_t length = big_number(file, at, 4);
        const bool codestream = file.substr(at + 4, 4) == "jp2c";
        if (!codestream && (length < 8 || length > file.size() - at))
            return std::nullopt;
        at += codestream ? 8 : length;
    }
    if (at + 24 > file.size())
        return std::nullopt;
    return ForeignSize{big_number(file, at + 8, 4), big_number(file, at + 12, 4)};
}

/// The largest that a property of the file names (ISO 23008-12, 6.5.3).
inline std::optional<ForeignSize> avif_size(std::string_view file) {
    ForeignSize size;
    for (std::size_t at = file.find("ispe"); at != std::string_view::npos && at + 16 <= file.size();
         at = file.find("ispe", at + 4))
        size = {std::max(size.width, big_number(file, at + 8, 4)),
                std::max(size.height, big_number(file, at + 12, 4))};
    return size;
}

inline std::optional<ForeignSize> foreign_size(std::span<const std::byte> bytes) {
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (file.starts_with("\xFF\xD8")) {
        const JpegStructure jpeg = read_jpeg_structure(bytes);
        return ForeignSize{jpeg.width, jpeg.height};
    }
    if (file.starts_with("RIFF") && file.size() >= 12 && file.substr(8, 4) == "WEBP")
        return webp_size(file);
    if (file.starts_with("II*") || file.starts_with(std::string_view("MM\0*", 4)))
        return tiff_size(file);
    if (file.starts_with("\xFF\x4F\xFF\x51") || (file.size() > 8 && file.substr(4, 4) == "jP  "))
        return jpeg2000_size(file);
    if (file.size() >= 12 && file.substr(4, 4) == "ftyp" && file.substr(8, 3) == "avi")
        return avif_size(file);
    if (file.starts_with("GIF8") && file.size() >= 10)
        return ForeignSize{little_number(file, 6, 2), little_number(file, 8, 2)};
    return std::nullopt;
}

}  // namespace detail

/// Lets a codec read what the library does not; an empty function: nothing. `name` names it in errors. Not while
/// another thread reads images.
inline void set_image_codec(const std::string& name, ImageCodec decode) {
    detail::foreign_codec() = {name, std::move(decode)};
}

/// Decodes an image of `kind` ("a WebP image") with the program's codec. `name` names the image in errors. Throws
/// where there is no codec, or it does not read the image, saying what would.
inline Image decode_foreign(std::span<const std::byte> bytes, const std::string& kind,
                            const std::string& name) {
    const detail::ForeignCodec& codec = detail::foreign_codec();
    const auto size = detail::foreign_size(bytes);
    const char* ours = "expected JPEG, PNG, BMP, PBM, PGM or PPM";
    require(size.has_value(), "decode image", "image ", name, " cannot be read: it is ", kind, ", ", ours);
    require(codec.decode != nullptr, "decode image", "image ", name, " cannot be read: it is ", kind,
            ", which takes OpenCV's codecs, and this program was built without OpenCV (CMake: "
            "LAFS_OPENCV=ON; Debian: "
            "libopencv-dev); without it ",
            ours);
    check_image_size(static_cast<std::int64_t>(size->width), static_cast<std::int64_t>(size->height),
                     bytes.size(), name);
    try {
        return codec.decode(bytes);
    } catch (const Error& error) {
        fail("decode image", "image ", name, " cannot be read: it is ", kind, ", which ", codec.name,
             " does not read (", error.what(), "), ", ours);
    }
}

}  // namespace lafs::inline LAFS_ABI
