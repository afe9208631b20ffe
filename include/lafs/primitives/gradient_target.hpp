// Where a primitive writes a gradient: the one convention of all of them.
#pragma once

#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// Where a gradient goes: `data` null when nobody wants it; overwritten, or added to when `accumulate`.
template <class T>
struct GradientTarget {
    T* data = nullptr;
    bool accumulate = false;
    LAFS_HOST_DEVICE explicit operator bool() const { return data != nullptr; }
};

/// The part of a target that begins `offset` elements on; that of nobody stays so.
template <class T>
LAFS_HOST_DEVICE GradientTarget<T> row_of(const GradientTarget<T>& target, std::int64_t offset) {
    return {target.data ? target.data + offset : nullptr, target.accumulate};
}

}  // namespace lafs::inline LAFS_ABI
