// All of some bytes to an open file, over however many calls the system takes for it.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <lafs/core/abi.hpp>
#include <span>

namespace lafs::inline LAFS_ABI::detail {

/// Appends `bytes` at the descriptor's position. False, with the reason in errno, when the system refuses.
inline bool write_all(int descriptor, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ::ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace lafs::inline LAFS_ABI::detail
