// Element types on the CPU: the same values in another one.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/core/tensor.hpp>

namespace lafs::inline LAFS_ABI {

/// to[i] = from[i] for i < size, rounded to nearest where `To` is narrower.
template <class From, class To>
void convert_elements(Cpu, std::int64_t size, const From* from, To* to) {
    if constexpr (std::is_same_v<From, To>) {
        DeviceMemory<Cpu>::copy(to, from, static_cast<std::size_t>(size) * sizeof(To));
    } else {
        count_launch();
        parallel_ranges(size, cpu::map_grain, [=](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                to[i] = static_cast<To>(static_cast<compute_t<From>>(from[i]));
        });
    }
}

}  // namespace lafs::inline LAFS_ABI
