// Zip archives made by hand, from the format's description (APPNOTE.TXT), right and wrong.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lafs_test {

/// The low bytes of a number, little-endian.
inline std::string little(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i)
        text += static_cast<char>(value >> 8 * i);
    return text;
}

/// CRC-32 by its definition, a bit at a time.
inline std::uint32_t plain_crc32(const std::string& text) {
    std::uint32_t crc = ~0u;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

/// One member; what differs from a plain stored one is told by the fields.
struct ZipEntry {
    std::string name, content;
    int method = 0;
    std::uint64_t size = UINT64_MAX;    ///< once unpacked; UINT64_MAX: that of the content
    std::uint64_t header = UINT64_MAX;  ///< where the directory says it is; UINT64_MAX: where it is
    std::string local_name = {};        ///< in the local header; empty: the same
    bool descriptor = false;            ///< sizes follow the data
    bool zip64 = false;                 ///< sizes and place in 64 bits
    std::uint32_t crc_error = 0;
};

/// The bytes of an archive. The data of each member starts at a multiple of `alignment`.
inline std::string zip_bytes(const std::vector<ZipEntry>& entries, bool zip64_end = false,
                             std::size_t alignment = 1) {
    std::string file, directory;
    for (const ZipEntry& entry : entries) {
        const std::string& local_name = entry.local_name.empty() ? entry.name : entry.local_name;
        const std::uint64_t size = entry.size == UINT64_MAX ? entry.content.size() : entry.size;
        const std::uint64_t header = entry.header == UINT64_MAX ? file.size() : entry.header;
        const std::uint32_t crc = plain_crc32(entry.content) ^ entry.crc_error;
        std::string padding;
        if (const std::size_t at = file.size() + 30 + local_name.size() + 4; alignment > 1)
            padding = "FB" + little((alignment - at % alignment) % alignment, 2) +
                      std::string((alignment - at % alignment) % alignment, 'Z');
        const int flags = entry.descriptor ? 8 : 0;
        const std::uint64_t in_header = entry.descriptor ? 0 : 1;
        file += "PK\x03\x04" + little(20, 2) + little(flags, 2) + little(entry.method, 2) + little(0, 4) +
                little(crc * in_header, 4) + little(entry.content.size() * in_header, 4) +
                little(size * in_header, 4) + little(local_name.size(), 2) + little(padding.size(), 2) +
                local_name + padding + entry.content;
        if (entry.descriptor)
            file += "PK\x07\x08" + little(crc, 4) + little(entry.content.size(), 4) + little(size, 4);
        const std::string extra = entry.zip64 ? little(1, 2) + little(24, 2) + little(size, 8) +
                                                    little(entry.content.size(), 8) + little(header, 8)
                                              : "";
        const auto field = [&](std::uint64_t value) { return little(entry.zip64 ? 0xFFFFFFFF : value, 4); };
        directory += "PK\x01\x02" + little(20, 2) + little(20, 2) + little(flags, 2) +
                     little(entry.method, 2) + little(0, 4) + little(crc, 4) + field(entry.content.size()) +
                     field(size) + little(entry.name.size(), 2) + little(extra.size(), 2) +
                     std::string(10, '\0') + field(header) + entry.name + extra;
    }
    const std::size_t begin = file.size();
    file += directory;
    if (zip64_end) {
        const std::size_t at = file.size();
        file += "PK\x06\x06" + little(44, 8) + little(45, 2) + little(45, 2) + std::string(8, '\0') +
                little(entries.size(), 8) + little(entries.size(), 8) + little(directory.size(), 8) +
                little(begin, 8);
        file += "PK\x06\x07" + little(0, 4) + little(at, 8) + little(1, 4);
    }
    const auto end_field = [&](std::uint64_t value, int bytes) {
        return little(zip64_end ? UINT64_MAX : value, bytes);
    };
    return file + "PK\x05\x06" + little(0, 4) + end_field(entries.size(), 2) + end_field(entries.size(), 2) +
           end_field(directory.size(), 4) + end_field(begin, 4) + little(0, 2);
}

}  // namespace lafs_test
