// Finds the shared reference data of the project, which is not part of the repository.
//
// The folder is $LAFS_SHARED, else the compile definition LAFS_SHARED_DIR, else <repository>/../shared.
// A test that needs it asks for a path and returns when there is none; the line printed says so.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace lafs_test {

inline std::filesystem::path shared_root() {
    if (const char* root = std::getenv("LAFS_SHARED"))
        return root;
#ifdef LAFS_SHARED_DIR
    return LAFS_SHARED_DIR;
#else
    return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "shared";
#endif
}

/// The path of a file or folder such as "data/orl", or nothing (and a line on stdout) when absent.
inline std::optional<std::filesystem::path> shared(const std::string& relative) {
    const std::filesystem::path path = shared_root() / relative;
    if (std::error_code error; std::filesystem::exists(path, error))
        return path;
    std::cout << "SKIPPED: " << path.string() << " absent\n";
    return std::nullopt;
}

}  // namespace lafs_test
