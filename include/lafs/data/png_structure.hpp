// The chunks of a PNG file (ISO 15948, 5.3), looked at before a decoder sees it.
//
// stb_image takes colours from uninitialised memory where a pixel's number is none of the palette's, and decodes
// Xcode's changed files (CgBI) as if they were whole.
#pragma once

#include <cstddef>
#include <lafs/core/abi.hpp>
#include <span>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The number of `count` bytes, the highest first. They lie in `bytes`.
inline std::size_t big_number(std::string_view bytes, std::size_t at, std::size_t count) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

/// Calls visit(type, content, offset of the chunk) for each chunk that lies in the file, in order.
template <class Visit>
void visit_png_chunks(std::string_view file, const Visit& visit) {
    for (std::size_t at = 8; at + 12 <= file.size();) {
        const std::size_t length = big_number(file, at, 4);
        if (length > file.size() - at - 12)
            return;
        visit(file.substr(at + 4, 4), file.substr(at + 8, length), at);
        at += 12 + length;
    }
}

}  // namespace detail

/// Whether Xcode has changed a PNG file for iPhones: colours swapped and multiplied by the transparency.
inline bool is_cgbi(std::string_view file) {
    return file.size() >= 16 && file.substr(12, 4) == "CgBI";
}

/// The file with a palette of 256 colours, those that it leaves out black, as Pillow takes them; empty for a file
/// without a palette, or with a whole one.
inline std::vector<std::byte> with_whole_palette(std::span<const std::byte> bytes) {
    const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    constexpr std::size_t colour_type_at = 25, whole = 256 * 3;
    std::vector<std::byte> result;
    if (file.size() <= colour_type_at || file[colour_type_at] != 3)
        return result;
    detail::visit_png_chunks(file, [&](std::string_view type, std::string_view colours, std::size_t at) {
        if (type != "PLTE" || !result.empty() || colours.size() >= whole || colours.size() % 3 != 0)
            return;
        const auto content = bytes.subspan(at + 8, colours.size());
        result.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
        for (const unsigned byte :
             {0U, 0U, static_cast<unsigned>(whole >> 8), static_cast<unsigned>(whole & 255), 0x50U, 0x4CU,
              0x54U, 0x45U})  // its length, "PLTE"
            result.push_back(static_cast<std::byte>(byte));
        result.insert(result.end(), content.begin(), content.end());
        result.resize(result.size() + whole - content.size() +
                      4);  // black, and the checksum, which nobody reads
        const auto rest = bytes.subspan(at + 12 + colours.size());
        result.insert(result.end(), rest.begin(), rest.end());
    });
    return result;
}

}  // namespace lafs::inline LAFS_ABI
