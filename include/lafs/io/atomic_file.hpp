// Files that are either whole or not there.
//
// The bytes go to `.<name>.lafs-tmp` beside the file, are flushed to the disk, and that is renamed over the
// file. A crash, a kill or a full disk at any moment leaves the earlier file as it was; a left-over of a killed
// process is overwritten by the next writer. A lock on it keeps two writers apart.
//
// Links are followed. What is not a regular file stays what it is: devices and pipes are written to as they
// are. Standard output and standard error, by whatever name, go on where they stand.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/write_all.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Whether a file is on the disk when it takes its place. Later is faster for many small files that can be
/// made again: a killed program still leaves whole files only, a crash of the machine may not.
enum class Flush { now, later };

namespace detail {

/// The file that a name means when links are followed to the end; it need not be there. Throws for links in
/// a circle.
inline std::filesystem::path followed(std::filesystem::path path) {
    for (int links = 0; links < 40; ++links) {
        std::error_code no_link;
        const std::filesystem::path next = std::filesystem::read_symlink(path, no_link);
        if (no_link)
            return path;
        path = path.parent_path() / next;  // an absolute one replaces the folder
    }
    fail("write file", path, " leads through more than 40 links, expected a file at their end");
}

/// Beside the file, and never longer than the file system allows. The same for the same file.
inline std::filesystem::path temporary_name(const std::filesystem::path& file) {
    const std::string name = file.filename().string();
    const std::filesystem::path folder = file.parent_path();
    const long most = ::pathconf(folder.empty() ? "." : folder.c_str(), _PC_NAME_MAX);
    std::string temporary = "." + name + ".lafs-tmp";
    if (temporary.size() > static_cast<std::size_t>(most > 0 ? most : NAME_MAX)) {
        std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
        for (const char c : name)
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        char digits[32];
        std::snprintf(digits, sizeof digits, ".%016llx.lafs-tmp", static_cast<unsigned long long>(hash));
        temporary = digits;
    }
    return folder / temporary;
}

}  // namespace detail

/// One file being written. Without `commit` the destructor removes what was written so far; what went through
/// a device or a pipe is gone, though.
class AtomicFile {
public:
    /// Starts the file that shall become `path`; a pipe waits for its reader. Throws when its folder cannot be
    /// written, when another writer has the same file in hand, and for what nothing can be written to: a
    /// folder, a disk, a file that is write-protected.
    explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
        struct ::stat there = {}, end = {};
        const bool exists = ::stat(path_.c_str(), &there) == 0;
        require(!exists || !S_ISDIR(there.st_mode), "write file", path_, " is a folder, expected a file");
        require(!exists || !S_ISBLK(there.st_mode), "write file", path_,
                " is a disk, expected a file, a pipe or a device of characters");
        target_ = detail::followed(path_);
        require(target_.has_filename(), "write file", "got ", path_, ", expected the name of a file");
        const bool named = exists && ::stat(target_.c_str(), &end) == 0 && same(there, end);
        if (exists && (use_standard_stream(there) || !S_ISREG(there.st_mode) || !named)) {
            open_directly();
            return;
        }
        if (exists && ::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0)
            fail("write file", path_, " cannot be replaced: ", std::strerror(errno));
        temporary_ = detail::temporary_name(target_);
        while (!open_temporary()) {
        }
        if (::ftruncate(descriptor_, 0) != 0)
            give_up("cannot empty the temporary file of");
        if (exists) {  // the file keeps its owner and who may read it; where that cannot be, it is a new file
            (void)!::fchown(descriptor_, there.st_uid, there.st_gid);
            (void)!::fchmod(descriptor_, there.st_mode & 0777);
        }
    }

    ~AtomicFile() { discard(); }
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Appends all of `bytes`. Throws with the system's reason, e.g. a full disk.
    void write(std::span<const std::byte> bytes) {
        require(descriptor_ >= 0, "write file", path_, " is already closed");
        if (!detail::write_all(descriptor_, bytes))
            give_up("cannot write");
    }

    void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

    /// Flushes to the disk and puts the file in the place of `path`.
    void commit(Flush flush = Flush::now) {
        require(descriptor_ >= 0, "write file", path_, " is already closed");
        if (temporary_.empty()) {
            if (::close(std::exchange(descriptor_, -1)) != 0)
                give_up("cannot write");
            return;
        }
        if (flush == Flush::now && ::fsync(descriptor_) != 0)
            give_up("cannot flush");
        if (::rename(temporary_.c_str(), target_.c_str()) != 0)
            give_up("cannot rename the temporary file to");
        ::close(std::exchange(descriptor_, -1));
        if (flush == Flush::now)
            flush_folder();
    }

private:
    static bool same(const struct ::stat& a, const struct ::stat& b) {
        return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    }

    /// Whether the file is what standard output or standard error goes to; it then goes on behind what they
    /// have written.
    bool use_standard_stream(const struct ::stat& file) {
        for (std::FILE* stream : {stdout, stderr}) {
            struct ::stat status = {};
            if (::fstat(::fileno(stream), &status) != 0 || !same(file, status) ||
                (::fcntl(::fileno(stream), F_GETFL) & O_ACCMODE) == O_RDONLY)
                continue;
            std::fflush(stream);
            descriptor_ = ::fcntl(::fileno(stream), F_DUPFD_CLOEXEC, 3);
            return descriptor_ >= 0;
        }
        return false;
    }

    /// Opens a device, a pipe, or a file without a name of its own.
    void open_directly() {
        while (descriptor_ < 0) {
            descriptor_ = ::open(path_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
            if (descriptor_ < 0 && errno != EINTR)
                fail("write file", "cannot open ", path_, ": ", std::strerror(errno));
        }
    }

    /// Opens and locks the temporary file. False when another writer renamed it between the two
    /// steps: the lock would then be on that writer's finished file.
    bool open_temporary() {
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor_ < 0)
            fail("write file", "cannot create ", path_, ": ", std::strerror(errno));
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            ::close(std::exchange(descriptor_, -1));  // not ours to remove
            fail("write file", "another process is writing ", path_);
        }
        struct ::stat opened = {}, named = {};
        if (::fstat(descriptor_, &opened) == 0 && ::stat(temporary_.c_str(), &named) == 0 &&
            same(opened, named))
            return true;
        ::close(std::exchange(descriptor_, -1));
        return false;
    }

    /// Makes the rename itself durable. File systems that cannot flush a folder say EINVAL.
    void flush_folder() const {
        const std::filesystem::path parent = target_.parent_path();
        const int folder = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
            return;
        const int result = ::fsync(folder), reason = errno;
        ::close(folder);
        require(result == 0 || reason == EINVAL, "write file", "cannot flush the folder of ", path_, ": ",
                std::strerror(reason));
    }

    [[noreturn]] void give_up(const char* what) {
        const int reason = errno;
        discard();
        fail("write file", what, " ", path_, ": ", std::strerror(reason));
    }

    void discard() {
        if (descriptor_ < 0)
            return;
        if (!temporary_.empty())
            ::unlink(temporary_.c_str());  // while the lock is held, so that it is ours
        ::close(std::exchange(descriptor_, -1));
    }

    std::filesystem::path path_, target_;
    std::filesystem::path temporary_;  // empty: the bytes go where they belong at once
    int descriptor_ = -1;
};

/// Replaces the whole file `path` by `content`.
inline void write_file(const std::filesystem::path& path, std::span<const std::byte> content,
                       Flush flush = Flush::now) {
    AtomicFile file(path);
    file.write(content);
    file.commit(flush);
}

/// Replaces the whole file `path` by text.
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace lafs::inline LAFS_ABI
