// A folder of photographs to a folder of aligned faces: what lafs_align does.
//
// Every image becomes one aligned face under the same relative name, .png or .jpg. Nothing is written outside
// the output folder, and nothing is replaced unless asked for. An image that cannot be read, or whose result
// cannot have its name, is reported and counted, and so is one that shows no face; the others go on.
#pragma once

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/face_points.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/output_files.hpp>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// An image to be aligned.
struct AlignItem {
    std::string name;               ///< relative to the folder of the images
    std::vector<FivePoints> faces;  ///< its points from a list; empty when a detector shall find them
    std::string problem = {};       ///< why it cannot be read; empty: not known to be so
};

/// What happens to aligned faces that are there from an earlier run.
enum class Existing { refuse, keep, replace };

struct AlignOptions {
    std::filesystem::path root;      ///< folder of the images
    std::filesystem::path out;       ///< folder of the aligned faces
    std::string extension = ".png";  ///< .png or .jpg
    int quality = 95;                ///< of .jpg
    FaceChoice choice = FaceChoice::largest;
    Existing existing = Existing::refuse;
};

/// Counts of images.
struct AlignResult {
    std::int64_t written = 0;  ///< aligned faces
    std::int64_t kept = 0;     ///< were there from an earlier run
    std::int64_t several = 0;  ///< of those written: showed more than one face
    std::int64_t no_face = 0;
    std::int64_t damaged = 0;  ///< could not be read, aligned or written
};

/// The images in a folder and the folders in it, sorted by name, and as items with a problem the folders that cannot be
/// read; warns of files that are passed over. Names that start with a dot do not count, links to folders are not
/// followed. Throws for a root that cannot be read or holds no images.
inline std::vector<AlignItem> images_below(const std::filesystem::path& root) {
    std::error_code ignored;
    require(std::filesystem::is_directory(root, ignored), "align", "got ", root,
            ", expected a folder of images");
    std::vector<std::filesystem::path> files;
    PassedOver passed_over;
    passed_over.recursive = true;
    passed_over.keep_unreadable = true;
    detail::collect_images(root, files, passed_over);
    passed_over.tell(root);
    require(!files.empty() || !passed_over.unreadable.empty(), "align", root,
            " holds no images, expected files ending in ", image_extension_list());
    std::vector<AlignItem> items;
    for (const std::filesystem::path& file : files)
        items.push_back({file.lexically_relative(root).generic_string(), {}, {}});
    for (const auto& [folder, problem] : passed_over.unreadable)
        items.push_back({folder.lexically_relative(root).generic_string(), {}, problem});
    std::sort(items.begin(), items.end(),
              [](const AlignItem& a, const AlignItem& b) { return a.name < b.name; });
    return items;
}

/// The images of a list of points in the order of their first lines; lines of one image are its faces.
inline std::vector<AlignItem> listed_images(const std::vector<FacePoints>& list) {
    std::vector<AlignItem> items;
    std::unordered_map<std::string_view, std::size_t> places;
    for (const FacePoints& face : list) {
        const auto [place, added] = places.emplace(face.image, items.size());
        if (added)
            items.push_back({face.image, {}, {}});
        items[place->second].faces.push_back(face.points);
    }
    return items;
}

namespace detail {

/// Throws for other formats, and for an output folder in that of the images.
inline void check_align_folders(const AlignOptions& options) {
    require(options.extension == ".png" || options.extension == ".jpg", "align", "got the format ",
            options.extension, ", expected .png or .jpg");
    require(options.quality >= 1 && options.quality <= 100, "align", "got JPEG quality ", options.quality,
            ", expected 1 to 100");
    require(!options.out.empty(), "align", "no output folder given");
    require(!lies_in(options.out, options.root), "align", "the output folder ", options.out,
            " lies in the folder of the images ", options.root,
            ", expected another place: originals and aligned faces would mix");
}

/// Name in the output folder, for every item. Throws when two images would get the same one.
inline std::vector<std::string> aligned_names(const std::vector<AlignItem>& items,
                                              const AlignOptions& options) {
    std::vector<std::string> names;
    std::map<std::string_view, std::size_t> taken;
    names.reserve(items.size());
    for (const AlignItem& item : items) {
        std::filesystem::path name = item.name;
        if (has_image_extension(name))
            name.replace_extension();
        names.push_back(name.string() + options.extension);
        const auto [other, added] = taken.emplace(names.back(), names.size() - 1);
        require(added, "align", "the images ", items[other->second].name, " and ", item.name,
                " would both become ", names.back(), ", expected names that differ before their extensions");
    }
    return names;
}

/// The folders that files of these names lie in.
inline std::unordered_set<std::string_view> folders_of(const std::vector<std::string>& names) {
    std::unordered_set<std::string_view> folders;
    for (const std::string_view name : names)
        for (std::size_t end = name.rfind('/'); end != std::string_view::npos && end > 0;
             end = name.rfind('/', end - 1))
            if (!folders.insert(name.substr(0, end)).second)
                break;  // so are those above it
    return folders;
}

/// Makes the folder of a face below `out`, and returns why no file of its name can be written there, which is a
/// matter of this image alone; empty: it can. Throws when a link leads out of the output folder.
inline std::string make_place(const AlignOptions& options, const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    for (const fs::path& place : {path.parent_path(), followed(path)})
        require(lies_in(place, options.out), "align", path, " is behind a link to ", place,
                ", expected a place inside the output folder");
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (!error && fs::is_directory(path, error))
        return "a folder of the output has its name";
    if (!error && path.filename().native().size() > NAME_MAX)
        error = std::make_error_code(std::errc::filename_too_long);
    if (error == std::errc::filename_too_long || error == std::errc::not_a_directory ||
        error == std::errc::file_exists)
        return "cannot make " + path.string() + ": " + error.message();
    return {};
}

/// What became of one image, and the line that says so.
enum class AlignOutcome { written, kept, no_face, damaged };
struct AlignReport {
    AlignOutcome outcome = AlignOutcome::written;
    bool several = false;
    std::string message;
};

template <class Detect>
AlignReport align_one(const AlignItem& item, const std::string& name, const AlignOptions& options,
                      const Detect& detect, bool is_folder) {
    std::error_code ignored;
    if (options.existing == Existing::keep && std::filesystem::exists(options.out / name, ignored))
        return {AlignOutcome::kept, false, {}};
    Image face;
    bool several = false;
    try {
        require(item.problem.empty(), "align", item.problem);
        require(!is_folder, "align", "its result would have the name of a folder, ", name);
        const Image image = load_image(options.root / item.name);
        const std::vector<FivePoints> faces = item.faces.empty() ? detect(image) : item.faces;
        if (faces.empty())
            return {AlignOutcome::no_face, false, "no face in " + item.name};
        several = faces.size() > 1;
        for (const FivePoints& listed : item.faces)
            check_points_inside(listed, image.width, image.height);
        face = align_face(image, faces[choose_face(faces, image.width, image.height, options.choice)]);
    } catch (const std::exception& error) {  // whatever one image does to a decoder or a detector
        return {AlignOutcome::damaged, false, item.name + ": " + error.what()};
    }
    const std::filesystem::path path = options.out / name;
    if (const std::string problem = make_place(options, path); !problem.empty())
        return {AlignOutcome::damaged, false, item.name + ": " + problem};
    write_file(path, options.extension == ".png" ? encode_png(face) : encode_jpeg(face, options.quality),
               Flush::later);
    return {AlignOutcome::written, several, {}};
}

}  // namespace detail

/// Aligns the images and writes the faces, on all threads. `detect` gives the faces of an image that has no
/// points (Image -> std::vector<FivePoints>, may be called from several threads); `report` gets one line of
/// text for every image that is damaged or shows no face, in the order of the images. Throws before anything
/// is written when the output folder is not empty and `existing` is refuse, or when two would have the same name; and
/// for a disk that fails.
template <class Detect, class Report>
AlignResult align_images(const std::vector<AlignItem>& items, const AlignOptions& options,
                         const Detect& detect, const Report& report) {
    detail::check_align_folders(options);
    const std::vector<std::string> names = detail::aligned_names(items, options);
    const std::unordered_set<std::string_view> folders = detail::folders_of(names);
    std::error_code ignored;
    if (options.existing == Existing::refuse)
        for (const std::string& name : names)
            require(!std::filesystem::exists(options.out / name, ignored), "align", options.out / name,
                    " is there already, expected a new output folder, or leave to keep or to replace what is "
                    "there");
    if (options.existing == Existing::refuse)
        check_new_folder(options.out, ", or leave to keep or to replace what is there");
    AlignResult result;
    constexpr std::size_t block = 256;
    for (std::size_t begin = 0; begin < items.size(); begin += block) {
        std::vector<detail::AlignReport> reports(std::min(block, items.size() - begin));
        parallel_for(static_cast<std::int64_t>(reports.size()), [&](std::int64_t i) {
            const std::size_t at = begin + static_cast<std::size_t>(i);
            reports[static_cast<std::size_t>(i)] =
                detail::align_one(items[at], names[at], options, detect, folders.contains(names[at]));
        });
        for (const detail::AlignReport& one : reports) {
            result.written += one.outcome == detail::AlignOutcome::written;
            result.kept += one.outcome == detail::AlignOutcome::kept;
            result.no_face += one.outcome == detail::AlignOutcome::no_face;
            result.damaged += one.outcome == detail::AlignOutcome::damaged;
            result.several += one.several;
            if (!one.message.empty())
                report(one.message);
        }
    }
    return result;
}

}  // namespace lafs::inline LAFS_ABI
