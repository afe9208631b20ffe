// The file `property` beside train.rec: `identities,height,width`, and in some sets the number of images
// on a second line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/atomic_file.hpp>
#include <lafs/io/mapped_file.hpp>
#include <optional>
#include <sstream>
#include <string>

namespace lafs::inline LAFS_ABI {

struct SetProperty {
    std::int64_t identities = 0;
    int height = 0, width = 0;
    std::optional<std::int64_t> images = std::nullopt;

    bool operator==(const SetProperty&) const = default;
};

/// Reads a property file. Throws naming the file and what came.
inline SetProperty read_property(const std::filesystem::path& path) {
    const MappedFile file(path);
    const std::string text(reinterpret_cast<const char*>(file.bytes().data()),
                           std::min<std::size_t>(file.size(), 200));
    std::istringstream in(text);
    SetProperty property;
    char first = 0, second = 0;
    std::int64_t images = 0;
    in >> property.identities >> first >> property.height >> second >> property.width;
    const bool head = in && first == ',' && second == ',';
    if (head && in >> images)
        property.images = images;
    in.clear(in.rdstate() & ~std::ios::failbit);
    in >> std::ws;
    require(head && in.eof() && file.size() == text.size() && property.identities > 0 && images >= 0 &&
                property.height > 0 && property.height <= 65536 && property.width > 0 &&
                property.width <= 65536,
            "property", path, ": got \"", text.substr(0, 60),
            "\", expected identities,height,width and at most a number of images");
    return property;
}

/// Writes a property file, atomically.
inline void write_property(const std::filesystem::path& path, const SetProperty& property) {
    std::ostringstream text;
    text << property.identities << ',' << property.height << ',' << property.width << '\n';
    if (property.images)
        text << *property.images << '\n';
    write_file(path, text.str());
}

}  // namespace lafs::inline LAFS_ABI
