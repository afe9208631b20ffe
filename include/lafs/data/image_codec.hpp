// Images from and to files: JPEG, PNG, BMP, PGM and PPM to RGB; PNG and JPEG written atomically.
//
// Files are untrusted: the size is read from the header and bounded before anything is decoded.
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
#include <lafs/data/image.hpp>
#include <lafs/data/jpeg_structure.hpp>
#include <lafs/data/stb.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/mapped_file.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Largest image that is decoded, in pixels.
inline constexpr std::int64_t max_image_pixels = std::int64_t{64} * 1024 * 1024;

namespace detail {

/// Largest block of memory for an image of so many coded bytes: 20 million pixels from a small file, more
/// only from a file that is large itself.
inline std::int64_t decoded_bytes_limit(std::size_t coded) {
    return std::max<std::int64_t>(60'000'000, 60 * static_cast<std::int64_t>(coded));
}

/// Whether rows are missing at the end of a PNM or BMP file, which stb_image fills with black or grey.
inline bool is_truncated(std::span<const std::byte> bytes, std::int64_t width, std::int64_t height,
                         int components) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (text.starts_with('P'))
        return size < width * height * components;
    if (text.starts_with("BM") && bytes.size() > 30) {
        const bool old_header = text[14] == 12;
        const std::int64_t bits = static_cast<unsigned char>(text[old_header ? 24 : 28]);
        return size < (width * bits + 31) / 32 * 4 * height;
    }
    return false;
}

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

}  // namespace detail

/// Decodes one image; grey becomes RGB, transparency is dropped. `name` names the image in errors.
inline Image decode_image(std::span<const std::byte> bytes, const std::string& name = "in memory") {
    require(!bytes.empty(), "decode image", "image ", name, " is empty (0 bytes)");
    require(bytes.size() <= INT_MAX, "decode image", "image ", name, " has ", bytes.size(),
            " bytes, expected less than 2^31");
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const int size = static_cast<int>(bytes.size());
    if (bytes.front() == std::byte{0xFF})
        if (const std::string problem = jpeg_problem(bytes); !problem.empty())
            fail("decode image", "image ", name, " ", problem);
    int width = 0, height = 0, components = 0;
    if (!stbi_info_from_memory(data, size, &width, &height, &components))
        fail("decode image", "image ", name, " cannot be read: ", stbi_failure_reason(),
             ", expected JPEG, PNG, BMP, PGM or PPM");
    require(width > 0 && height > 0 && std::int64_t{width} * height <= max_image_pixels, "decode image",
            "image ", name, " is ", width, " x ", height, ", expected at most ", max_image_pixels, " pixels");
    const std::int64_t limit = detail::decoded_bytes_limit(bytes.size());
    require(std::int64_t{3} * width * height <= limit, "decode image", "image ", name, " says it is ", width,
            " x ", height, " in ", bytes.size(), " bytes, expected at most ", limit / 3, " pixels");
    require(!detail::is_truncated(bytes, width, height, components), "decode image", "image ", name,
            " is truncated at byte ", bytes.size());
    // stb_image keeps two bytes for each value of such a PNM file and then reads them as one, past their end.
    require(bytes.front() != std::byte{'P'} || !stbi_is_16_bit_from_memory(data, size), "decode image",
            "image ", name, " has more than 256 levels of grey or a colour, expected PGM or PPM of 8 bits");
    const DecoderLimit memory(static_cast<std::size_t>(limit));
    // For JPEG, stb_image vectorises the step to colours if it may write four bytes a pixel.
    const bool four = bytes.front() == std::byte{0xFF} && std::int64_t{4} * width * height < limit;
    const std::unique_ptr<unsigned char, void (*)(void*)> decoded(
        stbi_load_from_memory(data, size, &width, &height, &components, four ? 4 : 3), stbi_image_free);
    require(decoded != nullptr, "decode image", "image ", name,
            " cannot be read: ", decoded ? "" : stbi_failure_reason());
    Image image(width, height);
    if (four)
        detail::drop_fourth_bytes(decoded.get(), image.pixels);
    else
        std::memcpy(image.pixels.data(), decoded.get(), image.pixels.size());
    return image;
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
