// The skeleton of a JPEG file (ITU-T T.81, annex B), checked before a decoder sees it.
//
// Decoders forgive what is missing and trust what is there: stb_image before 2.28 writes past its Huffman
// tables when a file claims more than 256 codes, and paints the missing rest of a cut file grey.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/abi.hpp>
#include <span>
#include <string>

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

/// What is wrong with the markers of a JPEG file, naming the byte; empty when it goes on to its end marker
/// and every segment lies inside it. The coded pixels are not looked at.
inline std::string jpeg_problem(std::span<const std::byte> bytes) {
    const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    std::string truncated = "is truncated at byte " + std::to_string(bytes.size());
    bool coded = false;  // behind a scan header, where FF 00 and restart markers belong to the coded pixels
    for (std::size_t at = 0;;) {
        while (at < bytes.size() && byte(at) != 0xFF)
            ++at;
        while (at < bytes.size() && byte(at) == 0xFF)
            ++at;
        if (at == bytes.size())
            return truncated;
        const unsigned marker = byte(at++);
        const bool restart = marker >= 0xD0 && marker <= 0xD7;
        if (marker == 0xD9)
            return {};
        if (marker == 0xD8 || marker == 0x01 || restart || (coded && marker == 0))
            continue;
        if (bytes.size() - at < 2)
            return truncated;
        const std::size_t length = byte(at) << 8 | byte(at + 1);
        if (length < 2)
            return "has a segment of " + std::to_string(length) + " bytes at byte " + std::to_string(at);
        if (length > bytes.size() - at)
            return truncated;
        if (marker == 0xC4)
            if (std::string problem = detail::huffman_problem(bytes, at + 2, at + length); !problem.empty())
                return problem;
        coded = marker == 0xDA;
        at += length;
    }
}

}  // namespace lafs::inline LAFS_ABI
