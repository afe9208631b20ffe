// The lists of IJB-B and IJB-C, and of sets laid out like them: which images, with which points, make which
// templates, which pairs of templates are compared, and who is searched for in which gallery.
//
//   meta/<set>_face_tid_mid.txt            image template medium
//   meta/<set>_name_5pts_score.txt         image x1 y1 .. x5 y5 score      (any order; others passed over)
//   meta/<set>_template_pair_label.txt     template template label         (1 same, 0 different)
//   meta/<set>_1N_gallery_*.csv            header, then template,subject   (further columns are passed over)
//   meta/<set>_1N_probe_mixed.csv          the same; both 1:N kinds are there or neither
//   loose_crop/<image>
//
// Everything is checked before any image is opened: a run of hours does not end in a missing file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/face_points.hpp>
#include <lafs/data/text_lines.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// One line of `_face_tid_mid.txt`. An image may belong to several templates.
struct IjbImage {
    std::string file;  ///< in loose_crop
    std::int64_t template_number = 0, medium = 0;
    std::int64_t line = 0;
};

/// What a detector found in one image.
struct DetectedFace {
    FivePoints points;
    double score = 0;
};

/// Pairs of templates; three lists of the same length.
struct TemplatePairs {
    std::vector<std::int64_t> first, second;
    std::vector<std::uint8_t> same;
};

/// Templates and whom they show; two lists of the same length, each template once.
struct TemplateSubjects {
    std::string name;  ///< of the gallery: what stands between `_1N_gallery_` and `.csv`
    std::vector<std::int64_t> templates, subjects;
};

/// One set, checked; the images are not opened.
struct IjbSet {
    std::filesystem::path images_folder;
    std::vector<IjbImage> images;     ///< by template, then by medium, then as listed
    std::vector<DetectedFace> faces;  ///< of `images`, in their order
    TemplatePairs pairs;
    std::vector<TemplateSubjects> galleries;  ///< by name; empty without 1:N lists
    TemplateSubjects probes;

    std::filesystem::path path(std::size_t i) const { return images_folder / images[i].file; }
};

/// Reads `image template medium` lines.
/// Throws for other lines, and for an image that is listed twice for one template.
inline std::vector<IjbImage> read_ijb_images(const std::filesystem::path& path) {
    TextLines lines("ijb images", path);
    std::vector<IjbImage> images;
    while (lines.next()) {
        const auto fields = lines.fields();
        lines.require(fields.size() == 3, "got ", fields.size(), " fields, expected `image template medium`");
        images.push_back({std::string(lines.plain_name(fields[0], "image")),
                          lines.whole_number(fields[1], "template"), lines.whole_number(fields[2], "medium"),
                          lines.number()});
    }
    std::vector<const IjbImage*> sorted;
    for (const IjbImage& image : images)
        sorted.push_back(&image);
    std::sort(sorted.begin(), sorted.end(), [](const IjbImage* a, const IjbImage* b) {
        return std::tie(a->file, a->template_number, a->line) <
               std::tie(b->file, b->template_number, b->line);
    });
    for (std::size_t i = 1; i < sorted.size(); ++i)
        require(sorted[i]->file != sorted[i - 1]->file ||
                    sorted[i]->template_number != sorted[i - 1]->template_number,
                "ijb images", path.string(), " line ", sorted[i]->line, ": the image \"", sorted[i]->file,
                "\" is repeated in template ", sorted[i]->template_number, ", first on line ",
                sorted[i - 1]->line);
    return images;
}

/// Reads `image x1 y1 .. x5 y5 score` lines. Throws for other lines and for an image that is listed twice.
inline std::unordered_map<std::string, DetectedFace> read_ijb_faces(const std::filesystem::path& path) {
    TextLines lines("ijb faces", path);
    std::unordered_map<std::string, DetectedFace> faces;
    while (lines.next()) {
        const auto fields = lines.fields();
        lines.require(fields.size() == 12, "got ", fields.size(),
                      " fields, expected 12: `image x1 y1 .. x5 y5 score`");
        DetectedFace face;
        face.points = detail::parse_five_points(lines, fields.subspan(1, 10));
        face.score = lines.finite_number(fields[11], "score");
        const bool added = faces.emplace(lines.plain_name(fields[0], "image"), face).second;
        lines.require(added, "the image ", TextLines::quoted(fields[0]), " is repeated");
    }
    return faces;
}

/// Reads `template template label` lines, `templates` being those that exist, ascending. Throws for other
/// lines, unknown templates, and lists without pairs of both kinds.
inline TemplatePairs read_template_pairs(const std::filesystem::path& path,
                                         std::span<const std::int64_t> templates) {
    TextLines lines("template pairs", path);
    TemplatePairs pairs;
    std::size_t genuine = 0;
    while (lines.next()) {
        const auto fields = lines.fields();
        lines.require(fields.size() == 3, "got ", fields.size(),
                      " fields, expected `template template label`");
        for (const std::size_t k : {0u, 1u}) {
            const std::int64_t number = lines.whole_number(fields[k], "template");
            lines.require(std::binary_search(templates.begin(), templates.end(), number), "template ", number,
                          " has no images");
            (k == 0 ? pairs.first : pairs.second).push_back(number);
        }
        lines.require(fields[2] == "0" || fields[2] == "1", "got the label ", TextLines::quoted(fields[2]),
                      ", expected 0 (different) or 1 (same)");
        pairs.same.push_back(fields[2] == "1");
        genuine += pairs.same.back();
    }
    require(genuine > 0 && genuine < pairs.same.size(), "template pairs", path.string(), " has ", genuine,
            " genuine of ", pairs.same.size(), " pairs, expected pairs of both kinds");
    return pairs;
}

/// Reads a header and `template,subject` lines; a template may be repeated (the original lists have one line
/// per image) for the same subject. `templates` are those that exist, ascending. Throws for other lines,
/// unknown templates, a template of two subjects, and a list without a header or without templates.
inline TemplateSubjects read_template_subjects(const std::filesystem::path& path,
                                               std::span<const std::int64_t> templates) {
    TextLines lines("template subjects", path);
    TemplateSubjects list;
    std::unordered_map<std::int64_t, std::int64_t> subjects;
    lines.next();
    const auto header = lines.fields(',');
    lines.require(
        header.size() >= 2 && header[0].find_first_not_of("+-.0123456789") != std::string_view::npos, "got ",
        TextLines::quoted(lines.text()), ", expected a header such as `template,subject`");
    while (lines.next()) {
        const auto fields = lines.fields(',');
        lines.require(fields.size() >= 2, "got ", fields.size(), " fields, expected `template,subject`");
        const std::int64_t number = lines.whole_number(fields[0], "template");
        const std::int64_t subject = lines.whole_number(fields[1], "subject");
        lines.require(std::binary_search(templates.begin(), templates.end(), number), "template ", number,
                      " has no images");
        const auto [known, added] = subjects.emplace(number, subject);
        lines.require(known->second == subject, "template ", number, " shows subject ", subject,
                      ", expected subject ", known->second, " as on an earlier line");
        if (!added)
            continue;
        list.templates.push_back(number);
        list.subjects.push_back(subject);
    }
    require(!list.templates.empty(), "template subjects", path.string(),
            " has no templates, expected some below its header");
    return list;
}

namespace detail {

/// The folder that holds meta and loose_crop: `root` itself, or its folder IJBB for the set ijbb.
inline std::filesystem::path ijb_folder(const std::filesystem::path& root, const std::string& set) {
    std::string upper = set;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    std::error_code ignored;
    for (const std::filesystem::path& folder : {root, root / upper})
        if (std::filesystem::is_directory(folder / "meta", ignored) &&
            std::filesystem::is_directory(folder / "loose_crop", ignored))
            return folder;
    fail("ijb", "got ", root, ", expected a folder that holds the folders meta and loose_crop");
}

inline std::vector<std::int64_t> distinct_templates(std::span<const IjbImage> images) {
    std::vector<std::int64_t> templates;
    for (const IjbImage& image : images)
        if (templates.empty() || templates.back() != image.template_number)
            templates.push_back(image.template_number);
    return templates;
}

/// The faces of the images, whose files must be there.
inline std::vector<DetectedFace> faces_of(const IjbSet& set, const std::filesystem::path& images_list,
                                          const std::filesystem::path& faces_list) {
    const auto known = read_ijb_faces(faces_list);
    std::vector<DetectedFace> faces;
    faces.reserve(set.images.size());
    for (const IjbImage& image : set.images) {
        const auto found = known.find(image.file);
        require(found != known.end(), "ijb", images_list.string(), " line ", image.line, ": the image \"",
                image.file, "\" has no points in ", faces_list.string());
        std::error_code ignored;
        require(std::filesystem::is_regular_file(set.images_folder / image.file, ignored), "ijb",
                images_list.string(), " line ", image.line, ": the file ", set.images_folder / image.file,
                " is missing");
        faces.push_back(found->second);
    }
    return faces;
}

/// Reads the galleries and probes of 1:N where there are any.
inline void read_searches(IjbSet& set, const std::filesystem::path& meta, const std::string& name,
                          std::span<const std::int64_t> templates) {
    const std::string prefix = name + "_1N_gallery_", extension = ".csv";
    std::vector<std::string> galleries;
    for (const auto& entry : std::filesystem::directory_iterator(meta)) {
        const std::string file = entry.path().filename().string();
        if (file.starts_with(prefix) && file.ends_with(extension) &&
            file.size() > prefix.size() + extension.size())
            galleries.push_back(file);
    }
    std::sort(galleries.begin(), galleries.end());
    const std::filesystem::path probes = meta / (name + "_1N_probe_mixed.csv");
    std::error_code ignored;
    const bool has_probes = std::filesystem::exists(probes, ignored);
    require(has_probes || galleries.empty(), "ijb", meta.string(), " has galleries (", prefix,
            "*.csv) but no probes, expected ", probes.filename());
    require(!has_probes || !galleries.empty(), "ijb", meta.string(), " has probes (", probes.filename(),
            ") but no galleries, expected ", prefix, "*.csv");
    for (const std::string& file : galleries) {
        set.galleries.push_back(read_template_subjects(meta / file, templates));
        set.galleries.back().name =
            file.substr(prefix.size(), file.size() - prefix.size() - extension.size());
    }
    if (has_probes)
        set.probes = read_template_subjects(probes, templates);
}

}  // namespace detail

/// Reads the lists of `set` (ijbb or ijbc: what their names begin with) below `root`, or below its folder
/// IJBB or IJBC, and checks them against each other and against the image files. Throws as above, naming file
/// and line.
inline IjbSet read_ijb(const std::filesystem::path& root, const std::string& set) {
    require(!set.empty() && set.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos, "ijb",
            "got the set \"", set, "\", expected a name such as ijbb or ijbc");
    const std::filesystem::path folder = detail::ijb_folder(root, set), meta = folder / "meta";
    const std::filesystem::path images_list = meta / (set + "_face_tid_mid.txt");
    IjbSet result;
    result.images_folder = folder / "loose_crop";
    result.images = read_ijb_images(images_list);
    std::stable_sort(result.images.begin(), result.images.end(), [](const IjbImage& a, const IjbImage& b) {
        return std::tie(a.template_number, a.medium) < std::tie(b.template_number, b.medium);
    });
    result.faces = detail::faces_of(result, images_list, meta / (set + "_name_5pts_score.txt"));
    const std::vector<std::int64_t> templates = detail::distinct_templates(result.images);
    result.pairs = read_template_pairs(meta / (set + "_template_pair_label.txt"), templates);
    detail::read_searches(result, meta, set, templates);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
