// The skeleton of a JPEG file (ITU-T T.81, annex B), checked before a decoder sees it.
//
// Decoders forgive what is missing and trust what is there: stb_image before 2.28 writes past its Huffman
// tables when a file claims more than 256 codes. It paints the missing rest of a cut file grey, and everything
// where a quantisation table is missing. Four components without Adobe's marker it takes for something else than
// cyan, magenta, yellow and black.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/core/abi.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// What is wrong with the Huffman tables of the segment [begin, end), or nothing.
inline std::string huffman_problem(std::span<const std::byte> bytes, std::size_t begin, std::size_t end) {
    while (begin < end) {
        std::size_t codes = 0;
        for (std::size_t length = 1; length <= 16 && begin + length < end; ++length)
            codes += std::to_integer<std::size_t>(bytes[begin + length]);
        if (codes > 256)
            return "has a Huffman table of " + std::to_string(codes) + " codes at byte " +
                   std::to_string(begin) + ", expected at most 256";
        if (end - begin < 17 + codes)
            return "has a Huffman table that ends too early at byte " + std::to_string(begin);
        begin += 17 + codes;
    }
    return {};
}

}  // namespace detail

/// What the markers of a JPEG file say.
struct JpegStructure {
    std::string problem;  ///< what is wrong, naming the byte; empty for a file that goes on to its end marker
                          ///< and whose segments lie inside it. The coded pixels are not looked at
    int process = -1;     ///< n of its frame header SOFn (annex B); 55 for JPEG-LS; -1: it has none
    unsigned bits = 0;    ///< of a sample
    unsigned width = 0, height = 0, components = 0;
    unsigned tables_defined = 0, tables_used = 0;  ///< quantisation tables, a bit for each of 16 numbers
    std::optional<unsigned> adobe_transform;       ///< of Adobe's APP14 marker
    std::size_t first_scan = 0;                    ///< where the marker of the first scan begins
};

inline JpegStructure read_jpeg_structure(std::span<const std::byte> bytes) {
    JpegStructure jpeg;
    const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    const auto problem = [&](std::string text) {
        jpeg.problem = std::move(text);
        return jpeg;
    };
    const std::string truncated = "is truncated at byte " + std::to_string(bytes.size());
    bool coded = false;  // behind a scan header, where FF 00 and restart markers belong to the coded pixels
    for (std::size_t at = 0;;) {
        while (at < bytes.size() && byte(at) != 0xFF)
            ++at;
        while (at < bytes.size() && byte(at) == 0xFF)
            ++at;
        if (at == bytes.size())
            return problem(truncated);
        const unsigned marker = byte(at++);
        const bool restart = marker >= 0xD0 && marker <= 0xD7;
        if (marker == 0xD9)
            return jpeg;
        if (marker == 0xD8 || marker == 0x01 || restart || (coded && marker == 0))
            continue;
        if (bytes.size() - at < 2)
            return problem(truncated);
        const std::size_t length = byte(at) << 8 | byte(at + 1);
        if (length < 2)
            return problem("has a segment of " + std::to_string(length) + " bytes at byte " +
                           std::to_string(at));
        if (length > bytes.size() - at)
            return problem(truncated);
        if (marker == 0xC4)
            if (std::string text = detail::huffman_problem(bytes, at + 2, at + length); !text.empty())
                return problem(std::move(text));
        if (marker == 0xDB)
            for (std::size_t i = at + 2; i < at + length; i += byte(i) < 16 ? 65 : 129)
                jpeg.tables_defined |= 1U << (byte(i) & 15);
        const bool frame = marker == 0xF7 || (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 &&
                                              marker != 0xC8 && marker != 0xCC);
        if (frame && jpeg.process < 0 && length >= 8) {
            jpeg.process = static_cast<int>(marker - 0xC0);
            jpeg.bits = byte(at + 2);
            jpeg.height = byte(at + 3) << 8 | byte(at + 4);
            jpeg.width = byte(at + 5) << 8 | byte(at + 6);
            jpeg.components = byte(at + 7);
            for (std::size_t i = at + 10; i < at + std::min<std::size_t>(length, 8 + 3 * jpeg.components);
                 i += 3)
                jpeg.tables_used |= 1U << (byte(i) & 15);
        }
        constexpr std::string_view adobe = "Adobe";
        if (marker == 0xEE && length >= 14 &&
            std::string_view(reinterpret_cast<const char*>(bytes.data()) + at + 2, adobe.size()) == adobe)
            jpeg.adobe_transform = byte(at + 13);
        coded = marker == 0xDA;
        if (coded && jpeg.first_scan == 0)
            jpeg.first_scan = at - 2;
        at += length;
    }
}

/// What a JPEG image is that common decoders do not read: "a JPEG image with arithmetic coding"; empty for
/// baseline and progressive ones of 8 bits.
inline std::string uncommon_jpeg(const JpegStructure& jpeg) {
    if (jpeg.process == 55)
        return "a JPEG-LS image";
    if (jpeg.process >= 9)
        return "a JPEG image with arithmetic coding";
    if (jpeg.process == 3)
        return "a lossless JPEG image";
    if (jpeg.process >= 5)
        return "a hierarchical JPEG image";
    if (jpeg.process >= 0 && jpeg.bits != 8)
        return "a JPEG image of " + std::to_string(jpeg.bits) + " bits a sample";
    return {};
}

/// The file with a marker in front of its first scan that says what four components mean where it says nothing,
/// or nothing that decoders know: cyan, magenta, yellow and black, as libjpeg takes them, which stb_image takes for
/// something else. Empty where nothing is to be said.
inline std::vector<std::byte> with_colour_transform(std::span<const std::byte> bytes,
                                                    const JpegStructure& jpeg) {
    constexpr unsigned cmyk = 0, ycck = 2;
    if (jpeg.components != 4 || jpeg.first_scan == 0 || jpeg.adobe_transform == cmyk ||
        jpeg.adobe_transform == ycck)
        return {};
    constexpr std::string_view marker(
        "\xFF\xEE\0\x0E"
        "Adobe\0\x64\0\0\0\0",
        15);
    std::vector<std::byte> result;
    result.reserve(bytes.size() + marker.size() + 1);
    const auto scan = bytes.begin() + static_cast<std::ptrdiff_t>(jpeg.first_scan);
    result.assign(bytes.begin(), scan);
    for (const char c : marker)
        result.push_back(static_cast<std::byte>(c));
    result.push_back(static_cast<std::byte>(jpeg.adobe_transform ? ycck : cmyk));
    result.insert(result.end(), scan, bytes.end());
    return result;
}

}  // namespace lafs::inline LAFS_ABI
