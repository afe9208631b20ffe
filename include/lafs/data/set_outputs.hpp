// Outputs of programs that read whole sets: none overwrites a part of a set, or mixes into one.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/data/colour_order.hpp>
#include <lafs/data/image_folder.hpp>
#include <lafs/data/record_io.hpp>
#include <lafs/data/record_set.hpp>
#include <lafs/io/output_files.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Whether a file's name is one that sets have: an image, records, a verification set.
inline bool is_part_of_set(const std::filesystem::path& file) {
    constexpr std::array<std::string_view, 4> others = {".rec", ".idx", ".lst", ".bin"};
    return has_image_extension(file) || file.filename() == "property" ||
           std::find(others.begin(), others.end(), lower_extension(file)) != others.end();
}

}  // namespace detail

/// The files that a set is read from: the folder or the file, and what belongs to a record file. `name` is the
/// option. Sets that are no files (synthetic:..) have none.
inline std::vector<NamedPath> inputs_of_set(const std::string& name, const std::string& set) {
    const std::string data = split_colour_order(set).name;
    std::error_code ignored;
    if (!std::filesystem::exists(data, ignored))
        return {};
    std::vector<NamedPath> inputs{{name, data}};
    if (const auto records = find_record_file(data); lower_extension(records) == ".rec")
        for (const auto& file : {records, record_index_path(records), records.parent_path() / "property"})
            inputs.push_back({name, file});
    return inputs;
}

/// Throws, naming the options, when two outputs are one file, when an output is an input or a part of an input
/// that is a folder, and when an output's folder is not there. Empty paths are passed over.
inline void check_outputs(const std::vector<NamedPath>& outputs, const std::vector<NamedPath>& inputs) {
    check_distinct(outputs, inputs);
    std::error_code ignored;
    for (const NamedPath& output : outputs)
        for (const NamedPath& input : inputs)
            require(!std::filesystem::is_directory(input.path, ignored) ||
                        !std::filesystem::is_regular_file(output.path, ignored) ||
                        !detail::is_part_of_set(output.path) || !lies_in(output.path, input.path),
                    "write file", output.name, " would overwrite ", output.path, ", a part of ", input.path,
                    ", which ", input.name, " reads: expected another file");
}

/// Throws when a folder that is to be written is, or lies in, the folder of images that a set is read from:
/// it would become a part of the set.
inline void check_apart(const std::filesystem::path& out, const std::string& set) {
    const std::string data = split_colour_order(set).name;
    std::error_code ignored;
    const bool images = std::filesystem::is_directory(data, ignored) && find_record_file(data).empty();
    require(!images || !lies_in(out, data), "write file", "the output folder ", out,
            " lies in the folder of the images ", data,
            ", expected another place: images and results would mix");
}

}  // namespace lafs::inline LAFS_ABI
