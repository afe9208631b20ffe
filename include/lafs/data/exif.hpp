// How a picture is to be turned before it is looked at: the orientation that cameras note in EXIF.
//
// Read as Pillow's exif_transpose does: from the EXIF of JPEG (APP1), PNG (eXIf, or the profile text of
// ImageMagick) and WebP; where that has no orientation, from XMP. Damaged notes count as none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <lafs/core/abi.hpp>
#include <lafs/data/png_structure.hpp>
#include <lafs/data/stb.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// The first directory of a TIFF structure, which EXIF is: numbers under tags. Reads within its bytes only.
class TiffDirectory {
public:
    explicit TiffDirectory(std::string_view bytes)
        : bytes_(bytes), little_(bytes.starts_with(std::string_view("II*\0", 4))) {
        if (little_ || bytes.starts_with(std::string_view("MM\0*", 4)))
            begin_ = u32(4);
    }

    /// The whole number of a tag; nothing where it is absent, damaged, or no single whole number.
    std::optional<std::uint32_t> number(std::uint32_t tag) const {
        if (begin_ < 8)
            return std::nullopt;
        const std::size_t entries = u16(begin_);
        for (std::size_t i = 0; i < entries; ++i) {
            const std::size_t at = begin_ + 2 + 12 * i;
            if (at + 12 > bytes_.size())
                return std::nullopt;
            if (u16(at) != tag)
                continue;
            const std::uint32_t type = u16(at + 2);
            if (u32(at + 4) != 1)
                return std::nullopt;
            if (type == 3 || type == 8)  // 16 bits, without and with sign
                return u16(at + 8);
            if (type == 4 || type == 9 || type == 13)  // 32 bits
                return u32(at + 8);
            return std::nullopt;
        }
        return std::nullopt;
    }

private:
    std::uint32_t byte(std::size_t at) const {
        return at < bytes_.size() ? static_cast<unsigned char>(bytes_[at]) : 0;
    }
    std::uint32_t u16(std::size_t at) const {
        return little_ ? byte(at + 1) << 8 | byte(at) : byte(at) << 8 | byte(at + 1);
    }
    std::uint32_t u32(std::size_t at) const {
        return little_ ? u16(at + 2) << 16 | u16(at) : u16(at) << 16 | u16(at + 2);
    }

    std::string_view bytes_;
    bool little_;
    std::size_t begin_ = 0;
};

namespace detail {

inline constexpr std::string_view exif_mark("Exif\0\0", 6);
inline constexpr std::string_view xmp_mark("http://ns.adobe.com/xap/1.0/\0", 29);

/// What a file notes beside its pixels.
struct ImageNotes {
    std::string exif, xmp;
};

/// The number of `count` bytes, the lowest first. They lie in `bytes`.
inline std::size_t little_number(std::string_view bytes, std::size_t at, std::size_t count) {
    std::size_t value = 0;
    for (std::size_t i = count; i-- > 0;)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

/// The segments in front of the coded pixels. EXIF of several segments is put together.
inline ImageNotes jpeg_notes(std::string_view file) {
    ImageNotes notes;
    for (std::size_t at = 2; at + 4 <= file.size() && file[at] == '\xFF';) {
        const auto marker = static_cast<unsigned char>(file[at + 1]);
        if (marker == 0xFF) {  // fill
            ++at;
            continue;
        }
        const std::size_t length = big_number(file, at + 2, 2);
        if (marker == 0xDA || length < 2 || length > file.size() - at - 2)
            break;
        const std::string_view segment = file.substr(at + 4, length - 2);
        if (marker == 0xE1 && segment.starts_with(exif_mark))
            notes.exif += segment.substr(notes.exif.empty() ? 0 : exif_mark.size());
        else if (marker == 0xE1 && segment.starts_with(xmp_mark))
            notes.xmp = segment.substr(xmp_mark.size());
        at += 2 + length;
    }
    return notes;
}

/// ImageMagick's text of a profile: its name, its length, and its bytes as hexadecimal digits.
inline std::string profile_bytes(std::string_view text) {
    for (int line = 0; line < 3; ++line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos)
            return {};
        text.remove_prefix(end + 1);
    }
    std::string bytes;
    int high = -1;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            continue;
        if (high >= 0)
            bytes += static_cast<char>(high * 16 + digit);
        high = high >= 0 ? -1 : digit;
    }
    return bytes;
}

/// Bytes of a zlib stream unpacked; empty for a damaged one, or one of more than 1 MB.
inline std::string unpacked_text(std::string_view packed) {
    const DecoderLimit memory(std::size_t{1} << 20);
    int length = 0;
    const std::unique_ptr<char, void (*)(void*)> text(
        stbi_zlib_decode_malloc_guesssize(packed.data(), static_cast<int>(packed.size()), 4096, &length),
        std::free);
    return text ? std::string(text.get(), static_cast<std::size_t>(length)) : std::string();
}

/// The text of a tEXt, zTXt or iTXt chunk and its keyword.
inline std::pair<std::string_view, std::string> png_text(std::string_view type, std::string_view chunk) {
    const std::size_t end = chunk.find('\0');
    if (end == std::string_view::npos || end + 2 > chunk.size())
        return {};
    const std::string_view key = chunk.substr(0, end);
    std::string_view rest = chunk.substr(end + 1);
    bool packed = type == "zTXt";
    if (packed) {
        rest.remove_prefix(1);
    } else if (type == "iTXt") {
        packed = rest[0] != '\0';
        rest.remove_prefix(std::min<std::size_t>(2, rest.size()));
        for (int i = 0; i < 2; ++i) {  // language, keyword in that language
            const std::size_t next = rest.find('\0');
            if (next == std::string_view::npos)
                return {};
            rest.remove_prefix(next + 1);
        }
    }
    return {key, packed ? unpacked_text(rest) : std::string(rest)};
}

inline ImageNotes png_notes(std::string_view file) {
    ImageNotes notes;
    std::string profile;
    visit_png_chunks(file, [&](std::string_view type, std::string_view chunk, std::size_t) {
        if (type == "eXIf") {
            notes.exif = chunk;
        } else if (type == "tEXt" || type == "zTXt" || type == "iTXt") {
            if (chunk.starts_with("Raw profile type exif"))
                profile = profile_bytes(png_text(type, chunk).second);
            else if (type == "iTXt" && chunk.starts_with("XML:com.adobe.xmp"))
                notes.xmp = png_text(type, chunk).second;
        }
    });
    if (notes.exif.empty())
        notes.exif = std::move(profile);
    return notes;
}

inline ImageNotes webp_notes(std::string_view file) {
    ImageNotes notes;
    for (std::size_t at = 12; at + 8 <= file.size();) {
        const std::size_t length = little_number(file, at + 4, 4);
        if (length > file.size() - at - 8)
            break;
        const std::string_view type = file.substr(at, 4), chunk = file.substr(at + 8, length);
        if (type == "EXIF")
            notes.exif = chunk;
        else if (type == "XMP ")
            notes.xmp = chunk;
        at += 8 + length + length % 2;
    }
    return notes;
}

/// The digit behind tiff:Orientation, as an attribute or an element; 1 where there is none.
inline int xmp_orientation(std::string_view xmp) {
    constexpr std::string_view name = "tiff:Orientation";
    for (std::size_t at = xmp.find(name); at != std::string_view::npos; at = xmp.find(name, at + 1)) {
        std::string_view rest = xmp.substr(at + name.size());
        if (!rest.starts_with("=\"") && !rest.starts_with('>'))
            continue;
        rest.remove_prefix(rest[0] == '>' ? 1 : 2);
        if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9')
            return rest[0] - '0';
    }
    return 1;
}

}  // namespace detail

/// The orientation that a JPEG, PNG or WebP file notes: 1 to 8, see `oriented` (orientation.hpp); 1, upright,
/// where it notes none, or none that exists.
inline int image_orientation(std::span<const std::byte> bytes) {
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    detail::ImageNotes notes;
    if (file.starts_with("\xFF\xD8"))
        notes = detail::jpeg_notes(file);
    else if (file.starts_with("\x89PNG"))
        notes = detail::png_notes(file);
    else if (file.starts_with("RIFF") && file.substr(4).size() > 8 && file.substr(8, 4) == "WEBP")
        notes = detail::webp_notes(file);
    std::string_view exif = notes.exif;
    for (int i = 0; i < 2 && exif.starts_with(detail::exif_mark); ++i)
        exif.remove_prefix(detail::exif_mark.size());
    constexpr std::uint32_t orientation_tag = 274;
    const std::uint32_t orientation =
        TiffDirectory(exif)
            .number(orientation_tag)
            .value_or(static_cast<std::uint32_t>(detail::xmp_orientation(notes.xmp)));
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

}  // namespace lafs::inline LAFS_ABI
