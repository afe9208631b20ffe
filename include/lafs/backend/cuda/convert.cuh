// Elements of another type on the GPU (contract: primitives/convert.hpp).
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/convert.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {
template <class From, class To>
__global__ void convert_kernel(std::int64_t size, const From* x, GradientTarget<To> to) {
    each_element(size, [=](std::int64_t i) { convert_element(x[i], to.data[i], to.accumulate); });
}
}  // namespace cuda

template <class From, class To>
void convert(Cuda, std::int64_t size, const From* x, const GradientTarget<To>& to) {
    cuda::launch_elements(cuda::convert_kernel<From, To>, size, size, x, to);
}

}  // namespace lafs::inline LAFS_ABI
