// Files that are either whole or not there.
//
// The bytes go to `<path>.tmp`, are flushed to the disk, and the file is renamed over `path`. A crash, a
// kill or a full disk at any moment leaves the earlier file as it was; a left-over `.tmp` of a killed
// process is overwritten by the next writer. A lock on it keeps two writers apart.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/write_all.hpp>
#include <span>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Whether a file is on the disk when it takes its place. Later is faster for many small files that can be
/// made again: a killed program still leaves whole files only, a crash of the machine may not.
enum class Flush { now, later };

/// One file being written. Without `commit` the destructor removes what was written so far.
class AtomicFile {
public:
    /// Starts the file that shall become `path`. Throws when its folder cannot be written, or when
    /// another writer has the same file in hand.
    explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
        temporary_ += ".tmp";
        while (!open_temporary()) {
        }
        if (::ftruncate(descriptor_, 0) != 0)
            give_up("cannot empty the temporary file");
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
        if (flush == Flush::now && ::fsync(descriptor_) != 0)
            give_up("cannot flush");
        if (::rename(temporary_.c_str(), path_.c_str()) != 0)
            give_up("cannot rename the temporary file");
        ::close(std::exchange(descriptor_, -1));
        if (flush == Flush::now)
            flush_folder();
    }

private:
    /// Opens and locks the temporary file. False when another writer renamed it between the two
    /// steps: the lock would then be on that writer's finished file.
    bool open_temporary() {
        descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor_ < 0)
            fail("write file", "cannot create ", temporary_, ": ", std::strerror(errno));
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            ::close(std::exchange(descriptor_, -1));  // not ours to remove
            fail("write file", "another process is writing ", path_);
        }
        struct ::stat opened = {}, named = {};
        if (::fstat(descriptor_, &opened) == 0 && ::stat(temporary_.c_str(), &named) == 0 &&
            opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
            return true;
        ::close(std::exchange(descriptor_, -1));
        return false;
    }

    /// Makes the rename itself durable. File systems that cannot flush a folder say EINVAL.
    void flush_folder() const {
        const std::filesystem::path parent = path_.parent_path();
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
        ::unlink(temporary_.c_str());  // while the lock is held, so that it is ours
        ::close(std::exchange(descriptor_, -1));
    }

    std::filesystem::path path_, temporary_;
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
