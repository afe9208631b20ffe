// Lists root/<identity>/<image>.jpg and the like: identities and their images sorted by name.
//
// Files of other endings are passed over, and so are folders in an identity's, unless they are asked for; both are
// counted. Names that start with a dot do not count.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/core/warning.hpp>
#include <lafs/data/image_codec.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What a listing of images has passed over.
struct PassedOver {
    bool recursive = false;        ///< folders were entered, but for links
    bool keep_unreadable = false;  ///< what cannot be listed is noted below; otherwise it ends the listing
    std::int64_t files = 0, folders = 0;
    std::filesystem::path first_file, first_folder;
    std::vector<std::pair<std::filesystem::path, std::string>> unreadable;  ///< with the reason

    /// Warns of both, if there are any. `root` is the folder that was listed.
    void tell(const std::filesystem::path& root) const;
};

/// What a folder holds; `files[i]` shows `identities[labels[i]]`.
struct ImageFolder {
    std::filesystem::path root;
    std::vector<std::string> identities;
    std::vector<std::filesystem::path> files;
    std::vector<std::int64_t> labels;
    PassedOver passed_over;
};

/// The endings of files that are taken for images, in the order in which they are tried. Those of formats that only
/// OpenCV reads are among them: without it such a set is refused, not cut.
inline constexpr std::array<std::string_view, 16> image_extensions = {
    ".jpg", ".jpeg", ".png", ".pgm",  ".ppm", ".bmp",  ".jfif", ".jpe",
    ".pbm", ".pnm",  ".dib", ".webp", ".tif", ".tiff", ".jp2",  ".avif"};

/// The endings as a text: ".jpg, .jpeg, ...".
inline std::string image_extension_list() {
    std::string text;
    for (const std::string_view extension : image_extensions)
        text.append(text.empty() ? "" : ", ").append(extension);
    return text;
}

inline bool has_image_extension(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    return std::find(image_extensions.begin(), image_extensions.end(), extension) != image_extensions.end();
}

inline void PassedOver::tell(const std::filesystem::path& root) const {
    if (files > 0)
        warn(detail::text_of(
            "passed over ", files, files == 1 ? " file in " : " files in ", root.string(),
            ", whose endings are none of images that are read; the first: ", first_file.string()));
    if (folders > 0)
        warn(detail::text_of("passed over ", folders, folders == 1 ? " folder in " : " folders in ",
                             root.string(), recursive ? ", links; the first: " : "; the first: ",
                             first_folder.string(), recursive ? "" : " (--recursive reads what is in them)"));
}

namespace detail {

/// The entries of a folder whose name does not start with a dot, sorted by name. Names with control characters, which
/// lists of files cannot hold, throw, or are noted where `passed_over` keeps what is unreadable.
inline std::vector<std::filesystem::directory_entry> list_folder(const std::filesystem::path& folder,
                                                                 PassedOver& passed_over) {
    std::error_code error;
    std::vector<std::filesystem::directory_entry> entries;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (name.starts_with('.'))
            continue;
        const bool plain =
            std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 32 || c == 127; });
        require(plain || passed_over.keep_unreadable, "image folder", "a name in ", folder,
                " has control characters, expected plain text");
        if (plain)
            entries.push_back(*it);
        else
            passed_over.unreadable.emplace_back(it->path(), "its name has control characters");
    }
    require(!error, "image folder", "cannot read the folder ", folder, ": ", error.message());
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.path().native() < b.path().native(); });
    return entries;
}

inline void collect_folder(const std::filesystem::path& folder, std::vector<std::filesystem::path>& files,
                           PassedOver& passed_over);

/// Appends the images of a folder, and those in folders in it if `passed_over.recursive`, to `files`, and counts the
/// rest. Links to folders are not followed, so that there is an end.
inline void collect_images(const std::filesystem::path& folder, std::vector<std::filesystem::path>& files,
                           PassedOver& passed_over) {
    std::error_code ignored;
    for (const std::filesystem::directory_entry& entry : list_folder(folder, passed_over)) {
        if (entry.is_directory(ignored)) {
            if (passed_over.recursive && !entry.is_symlink(ignored))
                collect_folder(entry.path(), files, passed_over);
            else if (passed_over.folders++ == 0)
                passed_over.first_folder = entry.path();
        } else if (has_image_extension(entry.path())) {
            files.push_back(entry.path());
        } else if (passed_over.files++ == 0) {
            passed_over.first_file = entry.path();
        }
    }
}

/// The same for a folder in a folder: one that cannot be read is noted where that is wanted.
inline void collect_folder(const std::filesystem::path& folder, std::vector<std::filesystem::path>& files,
                           PassedOver& passed_over) {
    try {
        collect_images(folder, files, passed_over);
    } catch (const Error& error) {
        if (!passed_over.keep_unreadable)
            throw;
        passed_over.unreadable.emplace_back(folder, error.what());
    }
}

}  // namespace detail

/// Reads the names; `recursive` takes the images in folders of an identity's folder, too. Throws for a folder without
/// identities, an identity without images, and a folder that cannot be read; the images themselves are not opened.
inline ImageFolder read_image_folder(const std::filesystem::path& root, bool recursive = false) {
    std::error_code ignored;
    require(std::filesystem::is_directory(root, ignored), "image folder", "got ", root,
            ", expected a folder with one folder per identity");
    ImageFolder result;
    result.root = root;
    result.passed_over.recursive = recursive;
    for (const std::filesystem::directory_entry& folder : detail::list_folder(root, result.passed_over)) {
        if (!folder.is_directory(ignored)) {
            if (result.passed_over.files++ == 0)
                result.passed_over.first_file = folder.path();
            continue;
        }
        const std::size_t before = result.files.size();
        const std::int64_t folders = result.passed_over.folders;
        detail::collect_images(folder.path(), result.files, result.passed_over);
        require(
            result.files.size() > before, "image folder", "the identity ", folder.path(), " has no images",
            result.passed_over.folders > folders ? " outside of the folders in it (--recursive reads them)"
                                                 : "",
            ", expected files ending in ", image_extension_list());
        result.labels.resize(result.files.size(), static_cast<std::int64_t>(result.identities.size()));
        result.identities.push_back(folder.path().filename().string());
    }
    require(!result.identities.empty(), "image folder", root,
            " has no identities, expected one folder for each");
    return result;
}

}  // namespace lafs::inline LAFS_ABI
