// Device tags. A device is a type: it selects the backend's overloads and the memory of a tensor.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <lafs/core/error.hpp>

namespace lafs::inline LAFS_ABI {

/// The host processor.
struct Cpu {
    static constexpr const char* name = "cpu";
};

/// An NVIDIA GPU; its memory and kernels are in `backend/cuda/`.
struct Cuda {
    static constexpr const char* name = "cuda";
};

/// Raw memory of a device: `allocate`, `release`, `copy`, `zero`, `fill`, `from_host`, `to_host`. Only the
/// last two wait for the device.
///
/// A new device specialises it. `allocate` returns memory aligned to 64 bytes or nullptr.
template <class Device>
struct DeviceMemory;

template <>
struct DeviceMemory<Cpu> {
    static void* allocate(std::size_t bytes) { return std::aligned_alloc(64, bytes); }
    static void release(void* memory) { std::free(memory); }
    static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
    static void zero(void* to, std::size_t bytes) { std::memset(to, 0, bytes); }
    /// `count` elements of the same value.
    template <class T>
    static void fill(T* to, std::size_t count, T value) {
        std::fill_n(to, count, value);
    }
    static void from_host(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
    static void to_host(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
};

}  // namespace lafs::inline LAFS_ABI
