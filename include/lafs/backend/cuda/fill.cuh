// Memory of a GPU set to one value.
#pragma once

#include <lafs/backend/cuda/launch.cuh>

namespace lafs::inline LAFS_ABI {

namespace cuda {
template <class T>
__global__ void fill_kernel(T* to, std::int64_t count, T value) {
    each_element(count, [=](std::int64_t i) { to[i] = value; });
}
}  // namespace cuda

template <class T>
void DeviceMemory<Cuda>::fill(T* to, std::size_t count, T value) {
    const auto size = static_cast<std::int64_t>(count);
    cuda::launch_elements(cuda::fill_kernel<T>, size, to, size, value);
}

}  // namespace lafs::inline LAFS_ABI
