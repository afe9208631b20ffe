#include "presets.hpp"

#include <algorithm>
#include <lafs/core/error.hpp>
#include <system_error>

namespace fs = std::filesystem;

namespace {

bool is_name(const std::string& text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

}  // namespace

std::vector<fs::path> preset_folders() {
    std::vector<fs::path> folders;
    std::error_code error;
    if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error)
        folders.push_back(program.parent_path().parent_path() / LAFS_INSTALLED_PRESETS);
    folders.emplace_back(LAFS_SOURCE_PRESETS);
    return folders;
}

std::vector<Preset> list_presets(const std::vector<fs::path>& folders) {
    std::vector<Preset> presets;
    for (const fs::path& folder : folders) {
        std::error_code error;
        for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
             entry.increment(error)) {
            const std::string name = entry->path().stem().string();
            const bool known = std::any_of(presets.begin(), presets.end(),
                                           [&](const Preset& preset) { return preset.name == name; });
            if (entry->path().extension() == ".conf" && is_name(name) && !known)
                presets.push_back(read_preset_head(entry->path()));
        }
    }
    std::sort(presets.begin(), presets.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return presets;
}

Preset find_preset(const std::string& name, const std::string& program,
                   const std::vector<fs::path>& folders) {
    Preset found;
    if (name.find('/') != std::string::npos || name.ends_with(".conf")) {
        found = read_preset_head(name);
    } else {
        const std::vector<Preset> presets = list_presets(folders);
        const auto at = std::find_if(presets.begin(), presets.end(),
                                     [&](const Preset& preset) { return preset.name == name; });
        if (at == presets.end()) {
            std::string names;
            for (const Preset& preset : presets)
                if (preset.program == program)
                    names += (names.empty() ? "" : ", ") + preset.name;
            std::string places;
            for (const fs::path& folder : folders)
                places += (places.empty() ? "" : " and ") + folder.string();
            lafs::fail("preset", "got \"", name, "\", expected ",
                       names.empty() ? "the path of a file: there are none in " + places : names);
        }
        found = *at;
    }
    lafs::require(found.program == program, "preset", found.name, " is for ", found.program, ", not for ",
                  program);
    return found;
}

std::string presets_text(const std::vector<Preset>& presets, const std::string& program) {
    std::size_t width = 0;
    for (const Preset& preset : presets)
        if (preset.program == program)
            width = std::max(width, preset.name.size());
    std::string text;
    for (const Preset& preset : presets)
        if (preset.program == program)
            text +=
                preset.name + std::string(width - preset.name.size() + 2, ' ') + preset.description + "\n";
    return text;
}
