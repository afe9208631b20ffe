// MXNet RecordIO files: reading by position or key through memory mapping, and writing.
//
// Files are untrusted: every length is checked against the file, and errors name the file, the record's key
// and the byte. Sets may be larger than memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/record_format.hpp>
#include <lafs/data/record_index.hpp>
#include <lafs/data/record_scan.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/content_kind.hpp>
#include <lafs/io/mapped_file.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The index that belongs to a record file: train.rec, train.idx.
inline std::filesystem::path record_index_path(std::filesystem::path records) {
    return records.replace_extension(".idx");
}

/// An open record file. All functions may be called from several threads at once.
class RecordFile {
public:
    /// Opens a file and its .idx. Where that is missing, malformed, or lacks records of the file, the index
    /// is made by reading all of the file, and `index_note` says why. Throws when the file cannot be read;
    /// damaged records are found when they are read.
    explicit RecordFile(const std::filesystem::path& path) : path_(path), file_(path) {
        file_.expect(Access::random);  // by default the system reads 70 times as much as is asked for
        const std::filesystem::path beside = record_index_path(path);
        if (std::error_code ignored; std::filesystem::exists(beside, ignored))
            read_index(beside);
        else
            index_note_ = beside.filename().string() + " is missing";
        if (index_note_.empty())
            return;
        file_.expect(Access::sequential);
        RecordScan scan = scan_records(file_.bytes());
        file_.expect(Access::random);
        require(scan.damaged.size() < scan.offsets.size() || file_.size() < 4 || begins_with_magic(),
                "record file", path_, " is ", content_kind(file_.bytes()), ", expected MXNet records");
        if (index_.size() > 0 && covers(index_, scan, file_.bytes()))
            index_note_.clear();  // it is right, and records are damaged
        else
            index_ = index_of(std::move(scan));
    }

    /// The number of records, in the order of the file; damaged ones count.
    std::size_t size() const { return index_.size(); }
    std::uint64_t key(std::size_t i) const { return index_.key(checked(i)); }
    std::uint64_t offset(std::size_t i) const { return index_.offset(checked(i)); }
    std::uint64_t bytes() const { return file_.size(); }
    const std::filesystem::path& path() const { return path_; }

    /// Why the .idx file was not used; empty when it was.
    const std::string& index_note() const { return index_note_; }

    /// The position of the record with this key.
    std::optional<std::size_t> find(std::uint64_t key) const { return index_.find(key); }

    /// `train.rec record 7 at byte 1234`, with the key, for messages.
    std::string where(std::size_t i) const {
        return detail::text_of(path_.string(), " record ", key(i), " at byte ", offset(i));
    }

    /// The payload of a record, valid as long as the file. Throws when it is damaged: cut off, not whole, or
    /// not followed by the next record.
    RecordPayload read(std::size_t i) const {
        const std::uint64_t begin = offset(i);
        constexpr std::uint64_t most = std::uint64_t{16} << 20;
        file_.prefetch(begin, std::min(most, index_.limit(i, file_.size()) - begin));
        return peek(i);
    }

    /// The same for who looks at the beginning of the payload only: less is read from the disk.
    RecordPayload peek(std::size_t i) const {
        const std::uint64_t begin = offset(i), limit = index_.limit(i, file_.size());
        if (begin >= file_.size())
            fail("record file", where(i), ": the file ends at byte ", file_.size());
        RecordPayload payload = read_record(file_.bytes(), begin, limit);
        if (!payload.extent.problem.empty())
            fail("record file", where(i), ": ", payload.extent.problem);
        if (payload.extent.end != limit)
            fail("record file", where(i), ": it ends at byte ", payload.extent.end, ", expected byte ", limit,
                 limit == file_.size() ? " (the end of the file)" : " (the next record)");
        return payload;
    }

    /// Writes the index as an .idx file, atomically.
    void write_index(const std::filesystem::path& path) const;

private:
    bool begins_with_magic() const {
        return detail::load_bytes<std::uint32_t>(file_.bytes(), 0) == record_magic;
    }

    std::size_t checked(std::size_t i) const {
        require(i < size(), "record file", "got record ", i, " of ", path_, ", expected less than ", size());
        return i;
    }

    void read_index(const std::filesystem::path& beside) {
        const std::string name = beside.filename().string();
        try {
            const MappedFile mapped(beside);
            const auto bytes = mapped.bytes();
            IndexText text = parse_index({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
            index_note_ = std::move(text.problem);
            if (text.index)
                index_ = std::move(*text.index);
        } catch (const Error& error) {
            index_note_ = error.what();
        }
        if (const std::string problem =
                index_note_.empty() ? index_problem(file_.bytes(), index_) : std::string();
            !problem.empty())
            index_note_ = name + " does not fit the records: " + problem;
    }

    std::filesystem::path path_;
    MappedFile file_;
    RecordIndex index_;
    std::string index_note_;
};

namespace detail {

/// An atomic file that is written in large pieces.
class BufferedFile {
public:
    explicit BufferedFile(const std::filesystem::path& path) : file_(path) {}

    void write(std::span<const std::byte> bytes) {
        written_ += bytes.size();
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        if (buffer_.size() >= std::size_t{1} << 20)
            flush();
    }
    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
    std::uint64_t written() const { return written_; }

    void commit() {
        flush();
        file_.commit();
    }

private:
    void flush() {
        file_.write(buffer_);
        buffer_.clear();
    }

    AtomicFile file_;
    std::vector<std::byte> buffer_;
    std::uint64_t written_ = 0;
};

inline void write_index_line(BufferedFile& file, std::uint64_t key, std::uint64_t offset) {
    file.write(std::to_string(key) + '\t' + std::to_string(offset) + '\n');
}

}  // namespace detail

inline void RecordFile::write_index(const std::filesystem::path& path) const {
    detail::BufferedFile file(path);
    for (std::size_t i = 0; i < size(); ++i)
        detail::write_index_line(file, key(i), offset(i));
    file.commit();
}

/// A record file and its .idx being written. Neither appears before `commit`.
class RecordWriter {
public:
    /// Starts `path` and the .idx beside it. Throws when they cannot be written.
    explicit RecordWriter(const std::filesystem::path& path)
        : records_(checked(path)), index_(record_index_path(path)) {}

    /// Appends one record, in parts where the payload holds the magic number.
    void add(std::uint64_t key, std::span<const std::byte> payload) {
        detail::write_index_line(index_, key, records_.written());
        split_record(payload, [&](std::uint32_t flag, std::span<const std::byte> part) {
            const std::uint32_t head[] = {record_magic, flag << 29 | static_cast<std::uint32_t>(part.size())};
            constexpr std::byte zeros[3] = {};
            records_.write(std::as_bytes(std::span(head)));
            records_.write(part);
            records_.write(std::span(zeros).first(detail::padded(part.size()) - part.size()));
        });
    }

    /// Puts both files in place. A crash between the two leaves an index that does not fit;
    /// a reader notices.
    void commit() {
        records_.commit();
        index_.commit();
    }

private:
    static const std::filesystem::path& checked(const std::filesystem::path& path) {
        require(path != record_index_path(path), "write records", "got ", path, ", expected a name in .rec");
        return path;
    }

    detail::BufferedFile records_, index_;
};

}  // namespace lafs::inline LAFS_ABI
