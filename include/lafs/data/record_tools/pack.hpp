// Any set of faces to a record file, and a record file to a folder. The bytes of images are kept as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/record_set.hpp>
#include <lafs/data/record_tools/check_images.hpp>
#include <lafs/data/record_tools/set_writer.hpp>
#include <lafs/data/source.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/content_kind.hpp>
#include <lafs/io/output_files.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What the property of a set says: the one size of its images, or 112 x 112, which they become anyway.
inline SetProperty property_of(std::uint64_t identities, const ImageCheck& check) {
    SetProperty property{static_cast<std::int64_t>(identities), 112, 112, std::nullopt};
    if (check.sizes.size() == 1)
        std::tie(property.width, property.height) = check.sizes.begin()->first;
    return property;
}

/// The indices of the images that `check` found whole, for each identity that has some.
inline std::vector<std::vector<std::int64_t>> whole_images(const FaceSource& source,
                                                           const ImageCheck& check) {
    std::vector<std::vector<std::int64_t>> images(static_cast<std::size_t>(source.identities()));
    auto damaged = check.damaged.begin();
    for (std::int64_t i = 0; i < source.size(); ++i)
        if (damaged != check.damaged.end() && damaged->first == i)
            ++damaged;
        else
            images[static_cast<std::size_t>(source.label(i))].push_back(i);
    std::erase_if(images, [](const auto& own) { return own.empty(); });
    return images;
}

/// Writes the whole images of a source as a record file in InsightFace's layout, by identity. `check` is
/// that of `check_images`. Throws when none is whole, or a file is there that must stay.
inline SetProperty pack_records(const FaceSource& source, const ImageCheck& check,
                                const std::filesystem::path& path, Overwrite overwrite = Overwrite::refuse) {
    const auto images = whole_images(source, check);
    std::uint64_t count = 0;
    for (const auto& own : images)
        count += own.size();
    RecordSetWriter writer(path, count, images.size(), overwrite);
    for (std::size_t identity = 0; identity < images.size(); ++identity)
        for (const std::int64_t i : images[identity]) {
            const std::vector<std::byte> bytes = source.encoded(i);
            ImageRecord record;
            record.image = bytes;
            writer.add(identity, record);
        }
    const SetProperty property = property_of(images.size(), check);
    writer.commit(property);
    return property;
}

/// The extension of an image's bytes with its dot; empty for content that is none of ours.
inline std::string_view extension_of_content(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    constexpr std::pair<std::string_view, std::string_view> kinds[] = {
        {"\xFF\xD8", ".jpg"}, {"\x89PNG", ".png"}, {"BM", ".bmp"}, {"P1", ".pbm"}, {"P2", ".pgm"},
        {"P3", ".ppm"},       {"P4", ".pbm"},      {"P5", ".pgm"}, {"P6", ".ppm"}};
    for (const auto& [begin, extension] : kinds)
        if (text.starts_with(begin))
            return extension;
    constexpr std::pair<std::string_view, std::string_view> others[] = {{"a WebP image", ".webp"},
                                                                        {"a TIFF image", ".tif"},
                                                                        {"a JPEG 2000 image", ".jp2"},
                                                                        {"an AVIF image", ".avif"}};
    const std::string kind = content_kind(bytes);
    for (const auto& [name, extension] : others)
        if (kind == name)
            return extension;
    return {};
}

namespace detail {

/// root/0000012/000000034.jpg. The names are numbers: nothing in a file leads out of `root`.
inline std::filesystem::path unpacked_file(const RecordSource& source, std::int64_t i,
                                           std::string_view extension, const std::filesystem::path& root) {
    char folder[32], file[32];
    std::snprintf(folder, sizeof folder, "%07lld", static_cast<long long>(source.label(i)));
    std::snprintf(file, sizeof file, "%09llu",
                  static_cast<unsigned long long>(source.file().key(source.record(i))));
    return root / folder / (file + std::string(extension));
}

inline void make_identity_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    require(!error, "unpack", "cannot create the folder ", folder, ": ", error.message());
    require(!std::filesystem::is_symlink(folder, error), "unpack", folder,
            " is a link to another place, expected a folder");
}

}  // namespace detail

/// Writes every image as root/<label>/<key>.<extension of its content>, with the bytes that it has in the
/// record, and returns those that could not be read, in order. Throws when the folder holds files that must
/// stay, and for files in it that are links to other places.
inline std::vector<std::string> unpack_records(const RecordSource& source, const std::filesystem::path& root,
                                               Overwrite overwrite = Overwrite::refuse) {
    if (overwrite == Overwrite::refuse)
        check_new_folder(root, "; --force overwrites it");
    std::vector<std::string> damaged;
    std::int64_t last_label = -1;
    for (std::int64_t i = 0; i < source.size(); ++i) {
        std::vector<std::byte> bytes;
        std::string_view extension;
        try {
            bytes = source.encoded(i);
            extension = extension_of_content(bytes);
            require(!extension.empty(), "unpack", source.where(i), ": it holds ", content_kind(bytes),
                    ", expected an image");
        } catch (const Error& error) {
            damaged.emplace_back(error.what());
            continue;
        }
        const std::filesystem::path file = detail::unpacked_file(source, i, extension, root);
        if (std::exchange(last_label, source.label(i)) != source.label(i))
            detail::make_identity_folder(file.parent_path());
        check_output(file, overwrite);
        std::error_code ignored;
        require(!std::filesystem::is_symlink(file, ignored), "unpack", file,
                " is a link to another place, expected a file");
        write_file(file, bytes, Flush::later);
    }
    return damaged;
}

}  // namespace lafs::inline LAFS_ABI
