// Images from and to files: JPEG, PNG, BMP, PBM, PGM and PPM to RGB, what the program's codec reads besides, and PNG
// and JPEG written atomically.
//
// Pixels are those of Pillow: ImageOps.exif_transpose(image).convert("RGB"). Files are untrusted: the size is read
// from the header and bounded before anything is decoded.
// Requires stb (stb_image.h, stb_image_write.h).
#pragma once

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/bmp.hpp>
#include <lafs/data/exif.hpp>
#include <lafs/data/foreign_images.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/image_limits.hpp>
#include <lafs/data/jpeg_structure.hpp>
#include <lafs/data/orientation.hpp>
#include <lafs/data/png_structure.hpp>
#include <lafs/data/pnm.hpp>
#include <lafs/data/stb.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/content_kind.hpp>
#include <lafs/io/mapped_file.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Pixels of four bytes to pixels of three.
inline void drop_fourth_bytes(const unsigned char* from, std::span<std::uint8_t> to) {
    std::size_t i = 0;
    for (; i + 4 <= to.size(); i += 3, from += 4)
        std::memcpy(to.data() + i, from, 4);  // the fourth is overwritten by the next pixel
    std::memcpy(to.data() + i, from, to.size() - i);
}

inline void append_bytes(void* target, void* data, int size) {
    auto& bytes = *static_cast<std::vector<std::byte>*>(target);
    const auto* first = static_cast<const std::byte*>(data);
    bytes.insert(bytes.end(), first, first + size);
}

/// A JPEG or PNG image as it is stored.
inline Image decode_by_stb(std::span<const std::byte> bytes, const std::string& name) {
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const int size = static_cast<int>(bytes.size());
    int width = 0, height = 0, components = 0;
    if (!stbi_info_from_memory(data, size, &width, &height, &components))
        fail("decode image", "image ", name, " cannot be read: ", stbi_failure_reason());
    check_image_size(width, height, bytes.size(), name);
    const std::int64_t limit = decoded_bytes_limit(bytes.size());
    const DecoderLimit memory(static_cast<std::size_t>(limit));
    // For JPEG, stb_image vectorises the step to colours if it may write four bytes a pixel.
    const bool four = bytes.front() == std::byte{0xFF} && std::int64_t{4} * width * height < limit;
    const std::unique_ptr<unsigned char, void (*)(void*)> decoded(
        stbi_load_from_memory(data, size, &width, &height, &components, four ? 4 : 3), stbi_image_free);
    require(decoded != nullptr, "decode image", "image ", name,
            " cannot be read: ", decoded ? "" : stbi_failure_reason());
    Image image(width, height);
    if (four)
        drop_fourth_bytes(decoded.get(), image.pixels);
    else
        std::memcpy(image.pixels.data(), decoded.get(), image.pixels.size());
    return image;
}

inline Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name) {
    const JpegStructure jpeg = read_jpeg_structure(bytes);
    if (!jpeg.problem.empty())
        fail("decode image", "image ", name, " ", jpeg.problem);
    if (const std::string kind = uncommon_jpeg(jpeg); !kind.empty())
        return decode_foreign(bytes, kind, name);
    require((jpeg.tables_used & ~jpeg.tables_defined) == 0, "decode image", "image ", name,
            " has no quantisation table for one of its components");
    const std::vector<std::byte> told = with_colour_transform(bytes, jpeg);
    return oriented(decode_by_stb(told.empty() ? bytes : told, name), image_orientation(bytes));
}

inline Image decode_png(std::span<const std::byte> bytes, const std::string& name) {
    require(!is_cgbi({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), "decode image", "image ",
            name,
            " is a PNG image as Xcode changes it for iPhones (CgBI), with its colours swapped; expected the "
            "PNG image that it was made from");
    const std::vector<std::byte> whole = with_whole_palette(bytes);
    return oriented(decode_by_stb(whole.empty() ? bytes : whole, name), image_orientation(bytes));
}

}  // namespace detail

/// Decodes one image to RGB, turned as its EXIF orientation says: grey becomes RGB, transparency is dropped, 16 bits
/// become 8. `name` names the image in errors. Throws for what is damaged, too large (image_limits.hpp), or of a
/// kind that neither the library nor the program's codec (foreign_images.hpp) reads, which it names.
inline Image decode_image(std::span<const std::byte> bytes, const std::string& name = "in memory") {
    require(!bytes.empty(), "decode image", "image ", name, " is empty (0 bytes)");
    require(bytes.size() <= INT_MAX, "decode image", "image ", name, " has ", bytes.size(),
            " bytes, expected less than 2^31");
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (file.starts_with("\xFF\xD8"))
        return detail::decode_jpeg(bytes, name);
    if (file.starts_with("\x89PNG"))
        return detail::decode_png(bytes, name);
    if (is_pnm(bytes))
        return decode_pnm(bytes, name);
    if (is_bmp(bytes))
        return decode_bmp(bytes, name);
    return decode_foreign(bytes, content_kind(bytes), name);
}

/// Decodes an image file; throws naming the file.
inline Image load_image(const std::filesystem::path& path) {
    const MappedFile file(path);
    return decode_image(file.bytes(), path.string());
}

/// The bytes of a PNG file.
inline std::vector<std::byte> encode_png(const Image& image) {
    check_image(image, "encode image");
    std::vector<std::byte> bytes;
    const int written = stbi_write_png_to_func(detail::append_bytes, &bytes, image.width, image.height, 3,
                                               image.pixels.data(), 3 * image.width);
    require(written != 0, "encode image", "PNG of ", image.width, " x ", image.height, " failed");
    return bytes;
}

/// The bytes of a JPEG file of the given quality, 1 to 100.
inline std::vector<std::byte> encode_jpeg(const Image& image, int quality = 95) {
    check_image(image, "encode image");
    require(quality >= 1 && quality <= 100, "encode image", "got JPEG quality ", quality,
            ", expected 1 to 100");
    std::vector<std::byte> bytes;
    const int written = stbi_write_jpg_to_func(detail::append_bytes, &bytes, image.width, image.height, 3,
                                               image.pixels.data(), quality);
    require(written != 0, "encode image", "JPEG of ", image.width, " x ", image.height, " failed");
    return bytes;
}

/// The extension of a path in lower case, with its dot.
inline std::string lower_extension(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

/// Writes .png, .jpg or .jpeg, atomically. Other extensions throw.
inline void save_image(const std::filesystem::path& path, const Image& image) {
    const std::string extension = lower_extension(path);
    require(extension == ".png" || extension == ".jpg" || extension == ".jpeg", "save image", "got ", path,
            ", expected .png, .jpg or .jpeg");
    write_file(path, extension == ".png" ? encode_png(image) : encode_jpeg(image));
}

}  // namespace lafs::inline LAFS_ABI
