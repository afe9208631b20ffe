// What a program may write to: nothing is overwritten unless the user says so, and never what it reads, nor
// twice. To be asked before long work begins.
//
// Devices and pipes lose nothing by being written to: they are no concern here.
#pragma once

#include <array>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/io/atomic_file.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Whether files that are there already may be replaced.
enum class Overwrite { refuse, allow };

/// Throws when `file` is there (also as a link that leads nowhere) and must not be overwritten, when it is a
/// folder, and when its folder is not there.
inline void check_output(const std::filesystem::path& file, Overwrite overwrite) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    const fs::path folder = fs::path(detail::followed(file)).parent_path();
    require(folder.empty() || fs::is_directory(folder, ignored), "write file", "the folder of ", file,
            " does not exist");
    const fs::file_status status = fs::status(file, ignored);
    require(!fs::is_directory(status), "write file", file, " is a folder, expected a file");
    const bool loses =
        fs::is_regular_file(status) || (!fs::exists(status) && fs::exists(fs::symlink_status(file, ignored)));
    require(!loses || overwrite == Overwrite::allow, "write file", file,
            " exists already; --force overwrites it");
}

/// Whether two names mean one file or folder, there or not.
inline bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
    namespace fs = std::filesystem;
    std::error_code error;
    if (fs::equivalent(a, b, error))
        return true;
    const auto place = [&](const fs::path& path) {
        return fs::weakly_canonical(fs::absolute(detail::followed(path), error), error);
    };
    const fs::path first = place(a);
    return !error && !first.empty() && first == place(b) && !error;
}

/// Whether `inner` is the folder `outer`, or lies in it, there or not.
inline bool lies_in(const std::filesystem::path& inner, const std::filesystem::path& outer) {
    std::error_code error;
    const auto place = [&](const std::filesystem::path& path) {
        return (std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error) / "")
            .string();
    };
    const std::string folder = place(outer);
    return !error && !folder.empty() && place(inner).starts_with(folder) && !error;
}

/// A file or folder, and the option that named it.
struct NamedPath {
    std::string name;
    std::filesystem::path path;
};

/// Throws, naming the options, when two outputs are one file, when an output is an input or its folder is not
/// there. Inputs that are folders: see check_outputs (data/set_outputs.hpp). Empty paths are passed over.
inline void check_distinct(std::span<const NamedPath> outputs, std::span<const NamedPath> inputs) {
    for (auto output = outputs.begin(); output != outputs.end(); ++output) {
        if (output->path.empty())
            continue;
        check_output(output->path, Overwrite::allow);
        std::error_code ignored;
        if (const auto status = std::filesystem::status(output->path, ignored);
            std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
            continue;
        for (auto other = outputs.begin(); other != output; ++other)
            require(other->path.empty() || !same_file(other->path, output->path), "write file", "got ",
                    output->path, " for ", other->name, " and ", output->name, ", expected different files");
        for (const NamedPath& input : inputs)
            require(input.path.empty() || !same_file(input.path, output->path), "write file", output->name,
                    " would overwrite ", input.path, ", which ", input.name, " reads: expected another file");
    }
}

/// What runs and exports leave in their folders.
inline constexpr std::array<std::string_view, 7> result_files = {
    "state.safetensors",     "log.jsonl",           "report.html",     "model.safetensors",
    "landmarks.safetensors", "teacher.safetensors", "best.safetensors"};

/// The name of a file in a folder that a run or an export left there; empty where there is none. Empty files
/// do not count.
inline std::string result_in(const std::filesystem::path& folder) {
    std::error_code error;
    for (const std::string_view name : result_files)
        if (const auto size = std::filesystem::file_size(folder / name, error); !error && size > 0)
            return std::string(name);
    const bool exported = std::filesystem::exists(folder / "pairs.txt", error) &&
                          std::filesystem::is_directory(folder / "images", error);
    return exported ? "pairs.txt" : "";
}

/// Throws unless a folder is absent or empty.
inline void check_new_folder(const std::filesystem::path& folder, std::string_view remedy) {
    std::error_code error;
    require(!std::filesystem::exists(folder, error) || std::filesystem::is_empty(folder, error), "write file",
            folder, " exists already and is not empty, expected a new folder", remedy);
}

}  // namespace lafs::inline LAFS_ABI
