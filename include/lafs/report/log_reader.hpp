// Reads a log back as curves, so that the report of a resumed run shows all of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <lafs/core/error.hpp>
#include <lafs/core/utf8.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The values of one key, and the steps that have it.
struct LogCurve {
    std::vector<double> step, value;
};

/// The numbers of the log at `path`, by key. A broken last line is left out; any other throws, numbered. Bytes
/// that are not UTF-8 do not matter.
inline std::map<std::string, LogCurve> read_log(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    require(in.is_open(), "log", "cannot open ", path);
    std::map<std::string, LogCurve> curves;
    std::int64_t number = 0;
    for (std::string line; std::getline(in, line) && !in.eof();) {
        ++number;
        require(line.size() <= 64 * 1024, "log", "line ", number, " of ", path, " has ", line.size(),
                " bytes, expected at most 65536");
        const nlohmann::ordered_json entry = nlohmann::ordered_json::parse(valid_utf8(line), nullptr, false);
        require(entry.is_object() && entry.contains("step") && entry["step"].is_number(), "log", "line ",
                number, " of ", path, " is not a JSON object with a step");
        const double step = entry["step"].get<double>();
        for (const auto& [key, value] : entry.items()) {
            if (key == "step" || !value.is_number())
                continue;
            curves[key].step.push_back(step);
            curves[key].value.push_back(value.get<double>());
        }
    }
    return curves;
}

}  // namespace lafs::inline LAFS_ABI
