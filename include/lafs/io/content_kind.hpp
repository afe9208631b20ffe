// What a file is, told from its first bytes, for messages about files that are none of ours.
#pragma once

#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <span>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The beginning of the files of one kind.
struct ContentMark {
    std::size_t offset;
    std::string_view bytes;
    std::string_view kind;
};

inline constexpr ContentMark content_marks[] = {
    {0, "version https://git-lfs", "a Git LFS pointer, not the file itself: fetch it with git lfs pull"},
    {0, "<!DOCTYPE", "a web page, not the file itself: download it anew"},
    {0, "<!doctype", "a web page, not the file itself: download it anew"},
    {0, "<html", "a web page, not the file itself: download it anew"},
    {0, "<?xml", "an XML file"},
    {0, "\xFF\xD8\xFF", "a JPEG image"},
    {0, "\x89PNG", "a PNG image"},
    {0, "GIF8", "a GIF image"},
    {0, "BM", "a BMP image"},
    {8, "WEBP", "a WebP image"},
    {0, std::string_view("II*\0", 4), "a TIFF image"},
    {0, std::string_view("MM\0*", 4), "a TIFF image"},
    {0, std::string_view("II+\0", 4), "a BigTIFF image"},
    {0, std::string_view("MM\0+", 4), "a BigTIFF image"},
    {4, "jP  ", "a JPEG 2000 image"},
    {0, "\xFF\x4F\xFF\x51", "a JPEG 2000 image"},
    {4, "ftypavi", "an AVIF image"},
    {4, "ftyphei", "a HEIC image"},
    {4, "ftyphev", "a HEIC image"},
    {4, "ftypmif1", "a HEIC image"},
    {4, "JXL ", "a JPEG XL image"},
    {0, "\xFF\x0A", "a JPEG XL image"},
    {0, "P7\n", "a PAM image"},
    {0, "Pf\n", "a PFM image"},
    {0, "PF\n", "a PFM image"},
    {0, "\x89HDF", "an HDF5 file (Keras)"},
    {0, "\x93NUMPY", "a NumPy array (.npy)"},
    {0, "GGUF", "a GGUF model"},
    {0, "\x1F\x8B", "a gzip archive: unpack it first"},
    {0, "7z\xBC\xAF", "a 7-Zip archive: unpack it first"},
    {0, "Rar!", "a RAR archive: unpack it first"},
    {0, "BZh", "a bzip2 archive: unpack it first"},
    {0,
     "\xFD"
     "7zXZ",
     "an xz archive: unpack it first"},
    {257, "ustar", "a tar archive: unpack it first"},
    {0, "\x0A\x23\xD7\xCE", "an MXNet record file"},
    {0, "PK\x03\x04", "a zip archive"},
    {0, "PK\x05\x06", "an empty zip archive"},
    {0,
     "\x7F"
     "ELF",
     "a program"},
    {0, "%PDF", "a PDF document"},
};

}  // namespace detail

/// "a JPEG image"; for content that is not known, its size or first bytes: "a file that begins with 00 61".
inline std::string content_kind(std::span<const std::byte> bytes) {
    if (bytes.empty())
        return "an empty file";
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (const detail::ContentMark& mark : detail::content_marks)
        if (text.size() >= mark.offset && text.substr(mark.offset).starts_with(mark.bytes))
            return std::string(mark.kind);
    std::string kind = "a file of " + std::to_string(text.size()) + " bytes that begins with";
    for (const char byte : text.substr(0, 8)) {
        char digits[4];
        std::snprintf(digits, sizeof digits, " %02x",
                      static_cast<unsigned>(static_cast<unsigned char>(byte)));
        kind += digits;
    }
    return kind;
}

}  // namespace lafs::inline LAFS_ABI
