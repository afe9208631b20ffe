// Dropout on the GPU (contract, and which bits decide: primitives/dropout.hpp): a thread draws one Philox block
// and treats the eight elements that it decides. They lie 16 apart, so that neighbours in a warp read
// neighbours in memory.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/dtype.hpp>
#include <lafs/expr/operations.hpp>
#include <lafs/primitives/dropout.hpp>
#include <lafs/primitives/gradient_target.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// body(i, factor) for all n elements, with what each is multiplied with.
template <class C, class Body>
__device__ void each_dropout_factor(const DropoutMask& mask, const SampleScale<C>& samples, std::int64_t n,
                                    const Body& body) {
    const C scale = static_cast<C>(mask.scale());
    const std::int64_t chunks = (n + dropout_chunk - 1) / dropout_chunk;
    each_element(chunks * dropout_blocks, [&](std::int64_t block) {
        PhiloxBlock bits{};
        if (mask.threshold != 0)
            bits = philox(mask.seed, mask.stream, static_cast<std::uint64_t>(block));
        std::int64_t i = block / dropout_blocks * dropout_chunk + block % dropout_blocks;
        for (int part = 0; part < dropout_chunk / dropout_blocks && i < n; ++part, i += dropout_blocks) {
            C factor(1);
            if (mask.threshold != 0)
                factor =
                    DropoutMask::bits_of(bits, static_cast<std::uint64_t>(i)) < mask.threshold ? C(0) : scale;
            if (samples.factor)
                factor *= samples.factor[i / samples.sample_size];
            body(i, factor);
        }
    });
}

template <class Op, class T>
__global__ void dropout_forward_kernel(DropoutMask mask, SampleScale<compute_t<T>> samples, std::int64_t n,
                                       const T* x, const T* residual, T* y) {
    using C = compute_t<T>;
    each_dropout_factor(mask, samples, n, [=](std::int64_t i, C factor) {
        C value = factor * Op::f(static_cast<C>(x[i]));
        if (residual)
            value += static_cast<C>(residual[i]);
        y[i] = static_cast<T>(value);
    });
}

template <class Op, class T>
__global__ void dropout_backward_kernel(DropoutMask mask, SampleScale<compute_t<T>> samples, std::int64_t n,
                                        const T* x, const T* g, GradientTarget<T> dx) {
    using C = compute_t<T>;
    each_dropout_factor(mask, samples, n, [=](std::int64_t i, C factor) {
        C value = factor * static_cast<C>(g[i]);
        if constexpr (!std::is_same_v<Op, Identity>) {
            const C operand = static_cast<C>(x[i]);
            value *= Op::df(operand, Op::f(operand));
        }
        if (dx.accumulate)
            value += static_cast<C>(dx.data[i]);
        dx.data[i] = static_cast<T>(value);
    });
}

template <class C>
__global__ void sample_factors_kernel(std::int64_t samples, double p, RandomStream random, C* factors) {
    each_element(samples, [=](std::int64_t i) { factors[i] = sample_factor<C>(random, p, i); });
}

/// Launches a kernel with a thread for each Philox block of n elements.
template <class Kernel, class... Arguments>
void launch_dropout(Kernel kernel, const DropoutMask& mask, std::int64_t n, const Arguments&... arguments) {
    launch_elements(kernel, (n + dropout_chunk - 1) / dropout_chunk * dropout_blocks, mask, arguments...);
}

}  // namespace cuda

template <class Op, class T>
void dropout_forward(Cuda, Op, const DropoutMask& mask, const SampleScale<compute_t<T>>& samples,
                     std::int64_t n, const T* x, const T* residual, T* y) {
    cuda::launch_dropout(cuda::dropout_forward_kernel<Op, T>, mask, n, samples, n, x, residual, y);
}

template <class Op, class T>
void dropout_backward(Cuda, Op, const DropoutMask& mask, const SampleScale<compute_t<T>>& samples,
                      std::int64_t n, const T* x, const T* g, const GradientTarget<T>& dx) {
    cuda::launch_dropout(cuda::dropout_backward_kernel<Op, T>, mask, n, samples, n, x, g, dx);
}

template <class C>
void draw_sample_factors(Cuda, std::int64_t samples, double p, const RandomStream& random, C* factors) {
    cuda::launch_elements(cuda::sample_factors_kernel<C>, samples, samples, p, random, factors);
}

}  // namespace lafs::inline LAFS_ABI
