// Bytes as a file that lives in memory, for readers that open a path.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace lafs_test {

/// A file with the given content; gone with the object.
class FuzzFile {
public:
    FuzzFile(const std::uint8_t* data, std::size_t size) : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        while (size > 0) {
            const ::ssize_t written = ::write(descriptor_, data, size);
            if (written <= 0)
                std::abort();
            data += written;
            size -= static_cast<std::size_t>(written);
        }
    }
    ~FuzzFile() { ::close(descriptor_); }
    FuzzFile(const FuzzFile&) = delete;
    FuzzFile& operator=(const FuzzFile&) = delete;

    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

}  // namespace lafs_test
