// The threshold that an evaluation found, for programs that decide by it.
#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/eval/calibration.hpp>
#include <lafs/io/mapped_file.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// The threshold in a result of `lafs_evaluate --calibrate .. --json`. `far`, when given, has to be the one
/// it was calibrated for. Throws, naming the file, for other files and for results without a calibration.
inline MatchThreshold read_calibration(const std::filesystem::path& path, std::optional<double> far = {}) {
    constexpr std::size_t largest = 128 * 1024;  // looking up keys takes time in proportion to their number
    constexpr const char* operation = "calibration";
    const MappedFile file(path);
    require(file.size() <= largest, operation, path, " has ", file.size(), " bytes, expected at most ",
            largest);
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
    const nlohmann::ordered_json json = nlohmann::ordered_json::parse(text, nullptr, false);
    require(json.is_object(), operation, path, " is no JSON object, expected a result of lafs_evaluate");
    require(!json.contains("sets"), operation, path, " holds several sets, expected a result of one");
    require(json.contains("calibration") && json["calibration"].is_object(), operation, path,
            " holds no calibration, expected a result of lafs_evaluate with a wanted FAR");
    const nlohmann::ordered_json& calibration = json["calibration"];
    const auto number = [&](const char* key) {
        require(calibration.contains(key) && calibration[key].is_number(), operation, path,
                ": the calibration has no \"", key, "\", expected a number");
        const auto value = calibration[key].get<double>();
        require(std::isfinite(value), operation, path, ": \"", key, "\" is ", value,
                ", expected a finite number");
        return value;
    };
    const double calibrated = number("wanted_far");
    require(!far || std::abs(*far - calibrated) <= 1e-9 * calibrated, operation, path, " is for FAR ",
            calibrated, ", got ", far.value_or(0), ", expected the same");
    return match_threshold(number("cosine"));
}

}  // namespace lafs::inline LAFS_ABI
