// Files that a tool makes: none is overwritten unless the user says so.
#pragma once

#include <filesystem>
#include <lafs/core/error.hpp>

namespace lafs::inline LAFS_ABI {

/// Whether files that are there already may be replaced.
enum class Overwrite { refuse, allow };

/// Throws when `file` is there (also as a link that leads nowhere) and must not be overwritten.
inline void check_output(const std::filesystem::path& file, Overwrite overwrite) {
    std::error_code error;
    const bool found = std::filesystem::exists(std::filesystem::symlink_status(file, error));
    require(!found || overwrite == Overwrite::allow, "write file", file,
            " exists already; --force overwrites it");
}

}  // namespace lafs::inline LAFS_ABI
