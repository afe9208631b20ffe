// Memory of a GPU set to one value.
#pragma once

#include <lafs/backend/cuda/launch.cuh>

namespace lafs::inline LAFS_ABI {

namespace cuda {
template <class T>
__global__ void fill_kernel(T* to, std::int64_t count, T value) {
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += threads)
        to[i] = value;
}
}  // namespace cuda

template <class T>
void DeviceMemory<Cuda>::fill(T* to, std::size_t count, T value) {
    constexpr int threads = 256;
    const auto size = static_cast<std::int64_t>(count);
    if (size > 0)
        cuda::launch(cuda::fill_kernel<T>, dim3(cuda::blocks_for(size, threads)), dim3(threads),
                     cuda::stream(), to, size, value);
}

}  // namespace lafs::inline LAFS_ABI
