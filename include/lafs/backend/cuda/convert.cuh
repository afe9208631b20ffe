// Elements of another type on the GPU (contract: primitives/convert.hpp).
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/convert.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {
template <class From, class To>
__global__ void convert_kernel(std::int64_t size, const From* x, GradientTarget<To> to) {
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size;
         i += threads)
        convert_element(x[i], to.data[i], to.accumulate);
}
}  // namespace cuda

template <class From, class To>
void convert(Cuda, std::int64_t size, const From* x, const GradientTarget<To>& to) {
    constexpr int threads = 256;
    if (size > 0)
        cuda::launch(cuda::convert_kernel<From, To>, dim3(cuda::blocks_for(size, threads)), dim3(threads),
                     cuda::stream(), size, x, to);
}

}  // namespace lafs::inline LAFS_ABI
