// Lists root/<identity>/<image>.{jpg,jpeg,png,pgm,ppm,bmp}: identities and their images sorted by name.
//
// Other files are passed over, so are names that start with a dot.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/image_codec.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What a folder holds; `files[i]` shows `identities[labels[i]]`.
struct ImageFolder {
    std::filesystem::path root;
    std::vector<std::string> identities;
    std::vector<std::filesystem::path> files;
    std::vector<std::int64_t> labels;
};

/// The endings of files that are taken for images, in the order in which they are tried.
inline constexpr std::array<std::string_view, 6> image_extensions = {".jpg", ".jpeg", ".png",
                                                                     ".pgm", ".ppm",  ".bmp"};

inline bool has_image_extension(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    return std::find(image_extensions.begin(), image_extensions.end(), extension) != image_extensions.end();
}

namespace detail {

/// The entries of a folder whose name does not start with a dot, sorted by name. Throws for names with
/// control characters, which lists of files cannot hold.
inline std::vector<std::filesystem::path> list_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::vector<std::filesystem::path> entries;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with('.'))
            continue;
        require(std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 32 || c == 127; }),
                "image folder", "a name in ", folder, " has control characters, expected plain text");
        entries.push_back(it->path());
    }
    require(!error, "image folder", "cannot read the folder ", folder, ": ", error.message());
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.native() < b.native(); });
    return entries;
}

}  // namespace detail

/// Reads the names. Throws for a folder without identities, an identity without images, and a folder
/// that cannot be read; the images themselves are not opened.
inline ImageFolder read_image_folder(const std::filesystem::path& root) {
    std::error_code ignored;
    require(std::filesystem::is_directory(root, ignored), "image folder", "got ", root,
            ", expected a folder with one folder per identity");
    ImageFolder result;
    result.root = root;
    for (const std::filesystem::path& folder : detail::list_folder(root)) {
        if (!std::filesystem::is_directory(folder, ignored))
            continue;
        const std::size_t before = result.files.size();
        for (const std::filesystem::path& file : detail::list_folder(folder))
            if (has_image_extension(file)) {
                result.files.push_back(file);
                result.labels.push_back(static_cast<std::int64_t>(result.identities.size()));
            }
        require(result.files.size() > before, "image folder", "the identity ", folder,
                " has no images, expected .jpg, .jpeg, .png, .pgm, .ppm or .bmp files");
        result.identities.push_back(folder.filename().string());
    }
    require(!result.identities.empty(), "image folder", root,
            " has no identities, expected one folder for each");
    return result;
}

}  // namespace lafs::inline LAFS_ABI
