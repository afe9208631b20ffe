// Neighbouring elements that a thread moves together: 16 bytes, what one memory instruction of a GPU moves.
#pragma once

#include <lafs/backend/cuda/device.hpp>
#include <lafs/core/dtype.hpp>
#include <lafs/core/unroll.hpp>

namespace lafs::inline LAFS_ABI::cuda {

/// Elements of T that one memory instruction moves.
template <class T>
inline constexpr int widest = 16 / static_cast<int>(sizeof(T));

/// Whether a pointer can be read 16 bytes at a time.
inline bool is_aligned(const void* memory) {
    return reinterpret_cast<std::uintptr_t>(memory) % 16 == 0;
}

/// `width` neighbours that move in one instruction, or a few of 16 bytes.
template <class T, int width>
struct alignas(width * sizeof(T) < 16 ? width * sizeof(T) : 16) Packet {
    T lane[width];
};

/// Reads `width` elements at a stride of 0 or 1 (any stride for width 1), in the compute type.
template <int width, class T>
__device__ void load_lanes(const T* from, std::int64_t stride, compute_t<T> (&to)[width]) {
    if (width == 1 || stride == 0) {
        const auto value = static_cast<compute_t<T>>(*from);
        unroll<width>([&](auto i) { to[i] = value; });
    } else {
        const auto packet = *reinterpret_cast<const Packet<T, width>*>(from);
        unroll<width>([&](auto i) { to[i] = static_cast<compute_t<T>>(packet.lane[i]); });
    }
}

/// Writes `width` neighbours.
template <int width, class T>
__device__ void store_lanes(T* to, const compute_t<T> (&from)[width]) {
    Packet<T, width> packet;
    unroll<width>([&](auto i) { packet.lane[i] = static_cast<T>(from[i]); });
    *reinterpret_cast<Packet<T, width>*>(to) = packet;
}

}  // namespace lafs::inline LAFS_ABI::cuda
