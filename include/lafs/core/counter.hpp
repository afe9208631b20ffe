// Counts the primitives that were run, so that tests can prove what is fused.
#pragma once

#include <atomic>
#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// Number of kernels (passes over memory, on any device) launched by the process so far.
inline std::atomic<std::uint64_t>& kernel_launches() {
    static std::atomic<std::uint64_t> count{0};
    return count;
}

/// Called by every primitive once per pass over memory.
inline void count_launch() {
    kernel_launches().fetch_add(1, std::memory_order_relaxed);
}

}  // namespace lafs::inline LAFS_ABI
