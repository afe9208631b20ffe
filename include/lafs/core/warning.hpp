// Warnings: what the user of a program should know of its inputs, and what is no error.
#pragma once

#include <cstdio>
#include <functional>
#include <lafs/core/abi.hpp>
#include <lafs/core/utf8.hpp>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Takes the text of one warning, a line without its end.
using WarningSink = std::function<void(const std::string& text)>;

namespace detail {

struct Warnings {
    std::mutex mutex;
    WarningSink sink;
    std::set<std::string> told;
};

inline Warnings& warnings() {
    static Warnings instance;
    return instance;
}

}  // namespace detail

/// Where warnings go from now on, all of them anew; an empty one: to standard error. Returns the one before.
inline WarningSink set_warning_sink(WarningSink sink) {
    detail::Warnings& warnings = detail::warnings();
    const std::lock_guard lock(warnings.mutex);
    warnings.told.clear();
    return std::exchange(warnings.sink, std::move(sink));
}

/// Tells the user; the same text only once. By default it is the line `warning: text` on standard error. May
/// be called from several threads.
inline void warn(const std::string& text) {
    detail::Warnings& warnings = detail::warnings();
    const std::lock_guard lock(warnings.mutex);
    if (!warnings.told.insert(text).second)
        return;
    if (warnings.sink)
        warnings.sink(text);
    else
        std::fprintf(stderr, "warning: %s\n", valid_utf8(text).c_str());
}

}  // namespace lafs::inline LAFS_ABI
