// JSON for files and standard output: always valid, whatever bytes the names in it have.
#pragma once

#include <lafs/core/abi.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// The text of a value, `indent` < 0: on one line. Bytes that are not UTF-8 become U+FFFD.
inline std::string json_text(const nlohmann::ordered_json& json, int indent = -1) {
    return json.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace lafs::inline LAFS_ABI
