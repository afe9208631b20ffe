// CRC-32 as zip and PNG use it (polynomial 0xEDB88320), eight bytes a step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/core/abi.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

namespace detail {

using Crc32Tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// Table k holds the remainder of each byte followed by k zero bytes.
constexpr Crc32Tables make_crc32_tables() {
    Crc32Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
        tables[0][byte] = value;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t byte = 0; byte < 256; ++byte)
            tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 0xFF];
    return tables;
}

inline constexpr Crc32Tables crc32_tables = make_crc32_tables();

}  // namespace detail

/// The checksum of `bytes`; 0xCBF43926 for "123456789".
inline std::uint32_t crc32(std::span<const std::byte> bytes) {
    const auto& tables = detail::crc32_tables;
    std::uint32_t crc = ~0u;
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data(), 8);
        word ^= crc;
        crc = 0;
        for (std::size_t k = 0; k < 8; ++k)
            crc ^= tables[7 - k][word >> 8 * k & 0xFF];
    }
    for (const std::byte byte : bytes)
        crc = crc >> 8 ^ tables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
    return ~crc;
}

}  // namespace lafs::inline LAFS_ABI
