// Presets: options of a whole run under a name, in files that --config would read too.
//
// The first line of a file says whose options they are, and what they do:
//
//     # lafs_finetune: stage 1, Part fViT on WebFace4M from identities alone
//     model = base
//     ...
//
// They are looked for in share/lafs/presets beside the folder of the program, where an installation puts them, then
// in presets/ of the sources that it was built from.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <lafs/core/error.hpp>
#include <string>
#include <vector>

struct Preset {
    std::string name, program, description;
    std::filesystem::path file;
};

/// What the first line of a file says. Throws for a file that cannot be read, or begins in another way.
inline Preset read_preset_head(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    lafs::require(in.is_open() && std::filesystem::is_regular_file(file), "preset", "cannot read ", file);
    std::string line(512, '\0');
    in.read(line.data(), static_cast<std::streamsize>(line.size()));
    line.resize(static_cast<std::size_t>(in.gcount()));
    line.resize(std::min(line.size(), line.find_first_of("\r\n")));
    const std::size_t colon = line.find(": ");
    lafs::require(line.starts_with("# ") && colon != std::string::npos && colon > 2 &&
                      colon + 2 < line.size() && line.find(' ', 2) == colon + 1,
                  "preset", file, " begins with \"", line, "\", expected `# program: what it is`");
    return {file.stem().string(), line.substr(2, colon - 2), line.substr(colon + 2), file};
}

/// Where presets are, the first first.
std::vector<std::filesystem::path> preset_folders();

/// All presets of the folders by name; of two files of one name that of the first folder. Throws for a file without
/// the first line.
std::vector<Preset> list_presets(const std::vector<std::filesystem::path>& folders);

/// A preset by its name, or by its path where it has a '/' or ends in ".conf". Throws for one that is not there or that
/// is another program's, and says what there is.
Preset find_preset(const std::string& name, const std::string& program,
                   const std::vector<std::filesystem::path>& folders);

/// A line for each preset of a program: its name, and what it is.
std::string presets_text(const std::vector<Preset>& presets, const std::string& program);
