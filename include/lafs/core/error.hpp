// The one exception type of the library and the two functions that throw it.
//
// Messages read `[operation] what came, what was expected`, in every build type.
#pragma once

#include <lafs/core/abi.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lafs::inline LAFS_ABI {

/// Thrown for every error the library detects: shapes, arguments, files, numbers.
class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Throws `Error("[operation] " + parts...)`; the parts are anything that prints to a stream.
template <class... Parts>
[[noreturn]] void fail(std::string_view operation, const Parts&... parts) {
    std::ostringstream message;
    message << '[' << operation << "] ";
    (message << ... << parts);
    throw Error(message.str());
}

/// Throws like `fail` unless `condition` holds. The parts are printed only on failure.
template <class... Parts>
void require(bool condition, std::string_view operation, const Parts&... parts) {
    if (!condition) [[unlikely]]
        fail(operation, parts...);
}

}  // namespace lafs::inline LAFS_ABI
