// Rows picked by index on the GPU (contract: primitives/gather.hpp).
//
// Forward, a thread copies elements. Backward, a thread owns one column of one batch entry and adds the picks
// in order: no two threads write the same element, whatever was picked twice, and no atomics are needed.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gather.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <limits>

namespace lafs::inline LAFS_ABI {

namespace cuda {

inline constexpr int gather_threads = 256;
template <class C>
inline constexpr C not_a_number = std::numeric_limits<C>::quiet_NaN();

/// As a constant, since a kernel cannot call the library's function.
template <class C>
inline constexpr C not_a_number = std::numeric_limits<C>::quiet_NaN();

template <class T>
__global__ void gather_kernel(GatherSizes n, const T* x, const std::int64_t* indices, T* y) {
    const std::int64_t total = n.batch * n.picks * n.inner,
                       threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
         i += threads) {
        const std::int64_t pick = i / n.inner, index = indices[pick];
        y[i] = n.has(index) ? x[(pick / n.picks * n.rows + index) * n.inner + i % n.inner]
                            : static_cast<T>(not_a_number<compute_t<T>>);
    }
}

/// sums[b, indices[b, m]] += g[b, m], in the order of m.
template <class T>
__global__ void scatter_rows_kernel(GatherSizes n, const std::int64_t* indices, const T* g,
                                    compute_t<T>* sums) {
    using C = compute_t<T>;
    const std::int64_t columns = n.batch * n.inner,
                       threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < columns;
         i += threads) {
        const std::int64_t b = i / n.inner, column = i % n.inner;
        for (std::int64_t m = 0; m < n.picks; ++m) {
            const std::int64_t pick = b * n.picks + m, index = indices[pick];
            if (n.has(index))
                sums[(b * n.rows + index) * n.inner + column] += static_cast<C>(g[pick * n.inner + column]);
        }
    }
}

/// to (+)= sums, converted to the storage type.
template <class T>
__global__ void store_sums_kernel(std::int64_t size, const compute_t<T>* sums, GradientTarget<T> to) {
    using C = compute_t<T>;
    const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size;
         i += threads)
        to.data[i] = static_cast<T>(sums[i] + (to.accumulate ? static_cast<C>(to.data[i]) : C(0)));
}

}  // namespace cuda

template <class T>
void gather_forward(Cuda, const GatherSizes& n, const T* x, const std::int64_t* indices, T* y) {
    const std::int64_t total = n.batch * n.picks * n.inner;
    if (total > 0)
        cuda::launch(cuda::gather_kernel<T>, dim3(cuda::blocks_for(total, cuda::gather_threads)),
                     dim3(cuda::gather_threads), cuda::stream(), n, x, indices, y);
}

template <class T>
void gather_backward(Cuda, const GatherSizes& n, const std::int64_t* indices, const T* g,
                     const GradientTarget<T>& dx) {
    using C = compute_t<T>;
    const std::int64_t total = n.batch * n.rows * n.inner, columns = n.batch * n.inner;
    if (total == 0)
        return;
    const auto run = [&](auto kernel, std::int64_t count, const auto&... arguments) {
        cuda::launch(kernel, dim3(cuda::blocks_for(count, cuda::gather_threads)), dim3(cuda::gather_threads),
                     cuda::stream(), arguments...);
    };
    if constexpr (std::is_same_v<T, C>) {
        if (!dx.accumulate)
            DeviceMemory<Cuda>::zero(dx.data, static_cast<std::size_t>(total) * sizeof(T));
        run(cuda::scatter_rows_kernel<T>, columns, n, indices, g, dx.data);
    } else {  // summed in float beside their place
        const auto sums = Tensor<C, Cuda>::zeros({total});
        run(cuda::scatter_rows_kernel<T>, columns, n, indices, g, sums.data());
        run(cuda::store_sums_kernel<T>, total, total, sums.data(), dx);
    }
}

}  // namespace lafs::inline LAFS_ABI
