// Members of a zip archive that are stored as they are, as PyTorch writes them: views into the mapped file.
//
// The directory at the end of the file is not trusted: members lie inside the file, do not overlap, have
// different names and the local header that belongs to them. Nothing is decompressed: a compressed
// member cannot be read, so no archive grows. Zip64 is understood, archives in several files are not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/crc32.hpp>
#include <lafs/io/mapped_file.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What the directory says of one member.
struct ZipMember {
    std::string_view name;
    std::uint16_t flags = 0, method = 0;  ///< method 0: stored
    std::uint32_t crc = 0;
    std::uint64_t compressed_size = 0, size = 0;
    std::uint64_t header = 0;  ///< where its local header is in the file
    std::uint64_t data = 0;    ///< where its bytes begin
};

namespace detail {

/// Numbers and texts at places of an untrusted file.
class ZipReader {
public:
    ZipReader(std::span<const std::byte> bytes, const std::filesystem::path& path)
        : bytes_(bytes), path_(path) {}

    std::uint64_t size() const { return bytes_.size(); }

    template <class... Parts>
    void require(bool condition, std::uint64_t at, const Parts&... parts) const {
        if (!condition) [[unlikely]]
            fail("zip", path_, " at byte ", at, ": ", parts...);
    }

    template <class T>
    T number(std::uint64_t at) const {
        check(at, sizeof(T));
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }

    std::string_view text(std::uint64_t at, std::uint64_t length) const {
        check(at, length);
        return {reinterpret_cast<const char*>(bytes_.data()) + at, static_cast<std::size_t>(length)};
    }

private:
    void check(std::uint64_t at, std::uint64_t length) const {
        require(at <= size() && length <= size() - at, at, "the archive ends, expected ", length,
                " more bytes");
    }

    std::span<const std::byte> bytes_;
    const std::filesystem::path& path_;
};

/// Where the directory is and how many members it lists.
struct ZipDirectory {
    std::uint64_t begin = 0, size = 0, members = 0;
};

/// The place of the record that ends an archive; it is followed by a comment of the length it gives.
inline std::optional<std::uint64_t> find_zip_end(const ZipReader& file) {
    constexpr std::uint64_t record = 22, longest_comment = 0xFFFF;
    for (std::uint64_t comment = 0; comment <= longest_comment && record + comment <= file.size();
         ++comment) {
        const std::uint64_t at = file.size() - record - comment;
        if (file.number<std::uint32_t>(at) == 0x06054B50 && file.number<std::uint16_t>(at + 20) == comment)
            return at;
    }
    return std::nullopt;
}

inline ZipDirectory read_zip_directory(const ZipReader& file, std::uint64_t end) {
    ZipDirectory directory{file.number<std::uint32_t>(end + 16), file.number<std::uint32_t>(end + 12),
                           file.number<std::uint16_t>(end + 10)};
    if (end >= 20 && file.number<std::uint32_t>(end - 20) == 0x07064B50) {  // a locator: zip64
        const auto at = file.number<std::uint64_t>(end - 12);
        file.require(at <= end - 20 && file.number<std::uint32_t>(at) == 0x06064B50, end - 20,
                     "no zip64 directory is at byte ", at, ", where it should be");
        directory = {file.number<std::uint64_t>(at + 48), file.number<std::uint64_t>(at + 40),
                     file.number<std::uint64_t>(at + 32)};
        end = at;
    }
    file.require(directory.begin <= end && directory.size <= end - directory.begin, end,
                 "got a directory of ", directory.size, " bytes at byte ", directory.begin,
                 ", expected it before byte ", end);
    file.require(directory.members <= directory.size / 46, end, "got ", directory.members,
                 " members in a directory of ", directory.size, " bytes, expected 46 or more each");
    return directory;
}

/// Takes the 64-bit sizes and place from the extra field, for those that are all ones.
inline void read_zip64_field(const ZipReader& file, ZipMember& member, std::uint64_t at,
                             std::uint64_t length) {
    const std::uint64_t end = at + length;
    while (end - at >= 4) {
        const auto id = file.number<std::uint16_t>(at), size = file.number<std::uint16_t>(at + 2);
        at += 4;
        file.require(size <= end - at, at - 4, "an extra field of ", size, " bytes, but ", end - at,
                     " are left");
        if (id == 1) {
            std::uint64_t next = at;
            for (std::uint64_t* value : {&member.size, &member.compressed_size, &member.header})
                if (*value == 0xFFFFFFFF) {
                    file.require(next + 8 <= at + size, at, "the zip64 field has ", size,
                                 " bytes, expected more");
                    *value = file.number<std::uint64_t>(next);
                    next += 8;
                }
        }
        at += size;
    }
}

/// One entry of the directory; `at` moves behind it.
inline ZipMember read_zip_entry(const ZipReader& file, std::uint64_t& at) {
    file.require(file.number<std::uint32_t>(at) == 0x02014B50, at, "expected an entry of the directory");
    ZipMember member;
    member.flags = file.number<std::uint16_t>(at + 8);
    member.method = file.number<std::uint16_t>(at + 10);
    member.crc = file.number<std::uint32_t>(at + 16);
    member.compressed_size = file.number<std::uint32_t>(at + 20);
    member.size = file.number<std::uint32_t>(at + 24);
    const std::uint64_t name = file.number<std::uint16_t>(at + 28);
    const std::uint64_t extra = file.number<std::uint16_t>(at + 30);
    const std::uint64_t comment = file.number<std::uint16_t>(at + 32);
    member.header = file.number<std::uint32_t>(at + 42);
    member.name = file.text(at + 46, name);
    read_zip64_field(file, member, at + 46 + name, extra);
    at += 46 + name + extra + comment;
    return member;
}

/// Finds a member's bytes through its local header. They must end before the directory.
inline void locate_zip_member(const ZipReader& file, ZipMember& member, std::uint64_t directory) {
    file.require(member.header <= directory && directory - member.header >= 30 &&
                     file.number<std::uint32_t>(member.header) == 0x04034B50,
                 member.header, "expected the local header of \"", member.name, "\"");
    const std::uint64_t name = file.number<std::uint16_t>(member.header + 26);
    const std::uint64_t extra = file.number<std::uint16_t>(member.header + 28);
    file.require(file.text(member.header + 30, name) == member.name, member.header,
                 "the local header is of \"", file.text(member.header + 30, name),
                 "\", the directory says \"", member.name, "\"");
    member.data = member.header + 30 + name + extra;
    file.require(member.data <= directory && member.compressed_size <= directory - member.data, member.header,
                 "\"", member.name, "\" of ", member.compressed_size, " bytes reaches past byte ", directory,
                 ", where the directory begins");
}

}  // namespace detail

class ZipArchive {
public:
    /// Opens and checks the archive. Throws with file, byte and what was expected.
    static ZipArchive open(const std::filesystem::path& path) { return ZipArchive(path); }

    const std::filesystem::path& path() const { return path_; }
    /// Bytes of the whole file.
    std::uint64_t size() const { return file_.size(); }
    /// All members, in the order of their places in the file.
    const std::vector<ZipMember>& members() const { return members_; }

    /// A member by its whole name; null when there is none.
    const ZipMember* find(std::string_view name) const {
        const auto found = by_name_.find(name);
        return found == by_name_.end() ? nullptr : &members_[found->second];
    }

    /// The bytes of a member. Throws, with its name and sizes, when it is compressed or encrypted.
    std::span<const std::byte> bytes(const ZipMember& member) const {
        require(member.method == 0 && (member.flags & 1) == 0, "zip", path_, ": \"", member.name, "\" is ",
                member.flags & 1 ? "encrypted" : "compressed", " (", member.compressed_size,
                " bytes, to become ", member.size,
                "), expected stored members: unzip the file, then zip it with no compression (zip -0)");
        require(member.size == member.compressed_size, "zip", path_, ": \"", member.name, "\" is stored as ",
                member.compressed_size, " bytes but has ", member.size, ", expected the same");
        return file_.bytes().subspan(static_cast<std::size_t>(member.data),
                                     static_cast<std::size_t>(member.size));
    }

    /// The same, read once over to compare the checksum. Throws when it differs.
    std::span<const std::byte> checked_bytes(const ZipMember& member) const {
        const std::span<const std::byte> result = bytes(member);
        const std::uint32_t crc = crc32(result);
        require(crc == member.crc, "zip", path_, ": \"", member.name, "\" at byte ", member.data,
                " is damaged: its CRC-32 is ", crc, ", the archive says ", member.crc);
        return result;
    }

private:
    explicit ZipArchive(const std::filesystem::path& path) : path_(path), file_(path) {
        const detail::ZipReader file(file_.bytes(), path_);
        const auto end = detail::find_zip_end(file);
        require(end.has_value(), "zip", path, " of ", file_.size(),
                " bytes is no zip archive or is cut off: its directory is missing at the end");
        const detail::ZipDirectory directory = detail::read_zip_directory(file, *end);
        std::uint64_t at = directory.begin;
        for (std::uint64_t i = 0; i < directory.members; ++i) {
            members_.push_back(detail::read_zip_entry(file, at));
            file.require(at <= directory.begin + directory.size, at, "the directory is longer than its ",
                         directory.size, " bytes");
            detail::locate_zip_member(file, members_.back(), directory.begin);
        }
        std::sort(members_.begin(), members_.end(),
                  [](const ZipMember& a, const ZipMember& b) { return a.header < b.header; });
        for (std::size_t i = 0; i < members_.size(); ++i) {
            const ZipMember& member = members_[i];
            file.require(i == 0 || members_[i - 1].data + members_[i - 1].compressed_size <= member.header,
                         member.header, "\"", member.name, "\" overlaps \"", members_[i ? i - 1 : 0].name,
                         "\"");
            file.require(by_name_.emplace(member.name, i).second, member.header, "the member \"", member.name,
                         "\" is there twice");
        }
    }

    std::filesystem::path path_;
    MappedFile file_;
    std::vector<ZipMember> members_;
    std::map<std::string_view, std::size_t> by_name_;
};

}  // namespace lafs::inline LAFS_ABI
