// Rows picked by index on the GPU (contract: primitives/gather.hpp).
//
// Forward, a thread copies elements. Backward, a thread owns one column of one batch entry and adds the picks
// in order: no two threads write the same element, whatever was picked twice, and no atomics are needed.
#pragma once

#include <lafs/backend/cuda/convert.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gather.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void gather_kernel(GatherSizes n, const T* x, const std::int64_t* indices, T* y) {
    each_element(n.batch * n.picks * n.inner, [=](std::int64_t i) {
        const std::int64_t pick = i / n.inner, index = indices[pick];
        y[i] = n.has(index) ? x[(pick / n.picks * n.rows + index) * n.inner + i % n.inner]
                            : static_cast<T>(not_a_number<compute_t<T>>);
    });
}

/// sums[b, indices[b, m]] += g[b, m], in the order of m.
template <class T>
__global__ void scatter_rows_kernel(GatherSizes n, const std::int64_t* indices, const T* g,
                                    compute_t<T>* sums) {
    each_element(n.batch * n.inner, [=](std::int64_t i) {
        const std::int64_t b = i / n.inner, column = i % n.inner;
        for (std::int64_t m = 0; m < n.picks; ++m) {
            const std::int64_t pick = b * n.picks + m, index = indices[pick];
            if (n.has(index))
                sums[(b * n.rows + index) * n.inner + column] +=
                    static_cast<compute_t<T>>(g[pick * n.inner + column]);
        }
    });
}

}  // namespace cuda

template <class T>
void gather_forward(Cuda, const GatherSizes& n, const T* x, const std::int64_t* indices, T* y) {
    cuda::launch_elements(cuda::gather_kernel<T>, n.batch * n.picks * n.inner, n, x, indices, y);
}

template <class T>
void gather_backward(Cuda device, const GatherSizes& n, const std::int64_t* indices, const T* g,
                     const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    const std::int64_t total = n.batch * n.rows * n.inner, columns = n.batch * n.inner;
    if constexpr (std::is_same_v<T, C>) {
        if (!dx.accumulate)
            DeviceMemory<Cuda>::zero(dx.data, static_cast<std::size_t>(total) * sizeof(T));
        cuda::launch_elements(cuda::scatter_rows_kernel<T>, columns, n, indices, g, dx.data);
    } else {  // summed in float beside their place
        const auto sums = Tensor<C, Cuda>::zeros({total});
        cuda::launch_elements(cuda::scatter_rows_kernel<T>, columns, n, indices, g, sums.data());
        convert(device, total, sums.data(), dx);
    }
}

}  // namespace lafs::inline LAFS_ABI
