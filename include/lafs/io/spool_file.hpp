// Data that is produced piece by piece, may not fit into memory, and has to be known whole before it can be
// written to its place: a file without a name, gone with the object or the process.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/write_all.hpp>
#include <span>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Bytes on the disk that are appended to, then read back whole. Not for several threads.
class SpoolFile {
public:
    /// A file in `folder`, which should be that of the final file: it has to have room for the data. Throws
    /// when it cannot be made there.
    explicit SpoolFile(const std::filesystem::path& folder)
        : pattern_(((folder.empty() ? "." : folder) / ".spool_XXXXXX").string()) {
        descriptor_ = ::mkostemp(pattern_.data(), O_CLOEXEC);
        if (descriptor_ < 0)
            give_up("cannot make");
        ::unlink(pattern_.c_str());
    }
    ~SpoolFile() {
        unmap();
        ::close(descriptor_);
    }
    SpoolFile(const SpoolFile&) = delete;
    SpoolFile& operator=(const SpoolFile&) = delete;

    std::size_t size() const { return size_; }

    /// Appends all of `bytes`. Throws with the system's reason, e.g. a full disk.
    void write(std::span<const std::byte> bytes) {
        unmap();
        if (!detail::write_all(descriptor_, bytes))
            give_up("cannot write");
        size_ += bytes.size();
    }

    /// All that was written, read from the disk as it is touched; valid until the next `write`.
    std::span<const std::byte> bytes() {
        if (!data_ && size_ > 0) {
            void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
            if (data == MAP_FAILED)
                give_up("cannot map");
            data_ = data;
        }
        return {static_cast<const std::byte*>(data_), size_};
    }

private:
    void unmap() {
        if (data_)
            ::munmap(data_, size_);
        data_ = nullptr;
    }

    [[noreturn]] void give_up(const char* what) const {
        fail("spool file", what, " the temporary file ", pattern_, ": ", std::strerror(errno));
    }

    std::string pattern_;
    int descriptor_ = -1;
    std::size_t size_ = 0;
    void* data_ = nullptr;
};

}  // namespace lafs::inline LAFS_ABI
