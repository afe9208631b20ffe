// A whole file as read-only memory, read from the disk as it is touched.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <span>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// The order in which a mapped file will be read: how much the system reads ahead of what is touched.
enum class Access { any, sequential, random };

/// Owns the mapping of one regular file; movable. The bytes stay valid when the file is replaced by a
/// rename (as AtomicFile does).
class MappedFile {
public:
    /// Throws when `path` is missing, unreadable or no regular file. An empty file gives no bytes.
    explicit MappedFile(const std::filesystem::path& path) {
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (descriptor < 0)
            fail("read file", "cannot open ", path, ": ", std::strerror(errno));
        struct ::stat status = {};
        const bool known = ::fstat(descriptor, &status) == 0;
        if (!known || !S_ISREG(status.st_mode)) {
            ::close(descriptor);
            fail("read file", path, " is not a regular file");
        }
        size_ = static_cast<std::size_t>(status.st_size);
        if (size_ > 0)
            data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
        const int reason = errno;
        ::close(descriptor);
        if (data_ == MAP_FAILED) {
            data_ = nullptr;
            fail("read file", "cannot map ", path, ": ", std::strerror(reason));
        }
    }

    ~MappedFile() {
        if (data_)
            ::munmap(data_, size_);
    }
    MappedFile(MappedFile&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MappedFile& operator=(MappedFile&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }

    /// Tells the system what to expect. It may pay no heed; nothing else changes.
    void expect(Access access) const {
        if (data_)
            ::madvise(data_, size_,
                      access == Access::random       ? MADV_RANDOM
                      : access == Access::sequential ? MADV_SEQUENTIAL
                                                     : MADV_NORMAL);
    }

    /// Lets the system begin to read `length` bytes at `offset`, in one go, before they are touched.
    void prefetch(std::size_t offset, std::size_t length) const {
        static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        if (offset >= size_)
            return;
        const std::size_t begin = offset / page * page, end = offset + std::min(length, size_ - offset);
        ::madvise(static_cast<std::byte*>(data_) + begin, end - begin, MADV_WILLNEED);
    }

    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
    std::size_t size() const { return size_; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace lafs::inline LAFS_ABI
