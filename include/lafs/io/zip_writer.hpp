// Zip archives with stored members whose bytes begin at multiples of 64: what torch.save writes and
// torch.load maps.
//
// Members are neither compressed nor encrypted, times are zero, and the same members give the same bytes.
// Archives stay below 4 GB: there are no zip64 records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/crc32.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// Writes an archive member by member, atomically: without `commit` nothing is there.
class ZipWriter {
public:
    explicit ZipWriter(const std::filesystem::path& path) : path_(path), file_(path) {}

    /// Appends a member. Throws for a repeated name, and when the archive would reach 4 GB or 65535 members.
    void add(const std::string& name, std::span<const std::byte> bytes) {
        require(names_.insert(name).second, "zip", "the member \"", name, "\" of ", path_,
                " was added twice");
        constexpr std::uint64_t room = 1 << 16;  // header, name and padding of a member at most
        require(name.size() < room / 2 && names_.size() < 0xFFFF && bytes.size() < limit &&
                    position_ + bytes.size() + directory_.size() + 2 * room < limit,
                "zip", path_, " would have ", position_ + bytes.size(), " bytes and ", names_.size(),
                " members with \"", name.substr(0, 200),
                "\", expected less than 4 GB and 65535: write safetensors instead");
        const std::string header = member_header(bytes);
        const std::uint64_t unpadded = position_ + 4 + 26 + name.size() + 4;
        const auto padding = static_cast<std::uint16_t>((alignment - unpadded % alignment) % alignment);
        directory_ += "PK\x01\x02";
        put16(directory_, version);
        directory_ += header;
        put16(directory_, static_cast<std::uint16_t>(name.size()));
        directory_.append(12, '\0');  // no extra field, comment, disk or attributes
        put32(directory_, position_);
        directory_ += name;

        std::string local = "PK\x03\x04" + header;
        put16(local, static_cast<std::uint16_t>(name.size()));
        put16(local, static_cast<std::uint16_t>(4 + padding));
        local += name + "FB";  // the extra field that PyTorch pads with
        put16(local, padding);
        local.append(padding, 'Z');
        write(std::as_bytes(std::span(local)));
        write(bytes);
    }
    void add(const std::string& name, std::string_view text) { add(name, std::as_bytes(std::span(text))); }

    /// Writes the directory and puts the archive in its place.
    void commit() {
        const std::uint64_t begin = position_;
        write(std::as_bytes(std::span(directory_)));
        std::string end("PK\x05\x06\0\0\0\0", 8);
        put16(end, static_cast<std::uint16_t>(names_.size()));
        put16(end, static_cast<std::uint16_t>(names_.size()));
        put32(end, directory_.size());
        put32(end, begin);
        put16(end, 0);
        write(std::as_bytes(std::span(end)));
        file_.commit();
    }

private:
    static constexpr std::uint64_t limit = 0xFFFFFFFF, alignment = 64;
    static constexpr std::uint16_t version = 20;

    static void put16(std::string& to, std::uint16_t value) {
        to += static_cast<char>(value & 0xFF);
        to += static_cast<char>(value >> 8);
    }
    static void put32(std::string& to, std::uint64_t value) {
        put16(to, static_cast<std::uint16_t>(value & 0xFFFF));
        put16(to, static_cast<std::uint16_t>(value >> 16 & 0xFFFF));
    }

    /// The fields that local header and directory share:
    /// version, flags (UTF-8), method, time, checksum, sizes.
    static std::string member_header(std::span<const std::byte> bytes) {
        std::string header;
        put16(header, version);
        put16(header, 1 << 11);
        put16(header, 0);
        put32(header, 0);
        put32(header, crc32(bytes));
        put32(header, bytes.size());
        put32(header, bytes.size());
        return header;
    }

    void write(std::span<const std::byte> bytes) {
        file_.write(bytes);
        position_ += bytes.size();
    }

    std::filesystem::path path_;
    AtomicFile file_;
    std::set<std::string> names_;
    std::string directory_;
    std::uint64_t position_ = 0;
};

}  // namespace lafs::inline LAFS_ABI
