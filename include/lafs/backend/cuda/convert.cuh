// Element types on the GPU: the same values in another one.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

namespace cuda {

inline constexpr int convert_threads = 256;

template <class From, class To>
__global__ void convert_kernel(std::int64_t size, const From* from, To* to) {
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size;
         i += threads)
        to[i] = static_cast<To>(static_cast<compute_t<From>>(from[i]));
}

}  // namespace cuda

/// to[i] = from[i] for i < size, rounded to nearest where `To` is narrower.
template <class From, class To>
void convert_elements(Cuda, std::int64_t size, const From* from, To* to) {
    if constexpr (std::is_same_v<From, To>)
        DeviceMemory<Cuda>::copy(to, from, static_cast<std::size_t>(size) * sizeof(To));
    else if (size > 0)
        cuda::launch(cuda::convert_kernel<From, To>, dim3(cuda::blocks_for(size, cuda::convert_threads)),
                     dim3(cuda::convert_threads), cuda::stream(), size, from, to);
}

}  // namespace lafs::inline LAFS_ABI
