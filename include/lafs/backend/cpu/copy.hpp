// Copies of short rows without a call.
#pragma once

#include <cstdint>
#include <cstring>
#include <lafs/core/abi.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI::cpu {

/// to[i] = from[i] for i < count: two overlapping copies of a fixed size up to 32 elements, where the calls
/// of memcpy for rows of small images cost more than the copies.
template <class T>
inline void copy_short(const T* from, std::int64_t count, T* to) {
    const auto both_ends = [&]<std::int64_t size>(std::integral_constant<std::int64_t, size>) {
        T first[size], last[size];
        std::memcpy(first, from, sizeof first);
        std::memcpy(last, from + count - size, sizeof last);
        std::memcpy(to, first, sizeof first);
        std::memcpy(to + count - size, last, sizeof last);
    };
    if (count > 32)
        std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
    else if (count >= 16)
        both_ends(std::integral_constant<std::int64_t, 16>{});
    else if (count >= 8)
        both_ends(std::integral_constant<std::int64_t, 8>{});
    else if (count >= 4)
        both_ends(std::integral_constant<std::int64_t, 4>{});
    else
        for (std::int64_t i = 0; i < count; ++i)
            to[i] = from[i];
}

}  // namespace lafs::inline LAFS_ABI::cpu
