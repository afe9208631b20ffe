// Attention of one query an image on the GPU (program and contract: primitives/class_attention.hpp): a warp runs
// a head.
#pragma once

#include <lafs/backend/cuda/row.cuh>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/class_attention.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T, class C>
__global__ void class_attention_forward_kernel(std::int64_t heads, std::int64_t width, AttentionSizes n,
                                               ClassOperands<const T> operands, C scale, T* y,
                                               C* probabilities, C* sums) {
    const RowLanes<C, 1> lanes;
    each_row(heads, [&](std::int64_t head) {
        ClassAttentionHead::forward(lanes, n, operands.of_head(n, head), scale,
                                    y ? y + head * width : nullptr, probabilities + head * n.tokens,
                                    sums + head * width);
    });
}

template <class T, class C>
__global__ void class_attention_backward_kernel(std::int64_t heads, std::int64_t width, AttentionSizes n,
                                                ClassOperands<const T> operands, C scale,
                                                const C* probabilities, const T* g,
                                                ClassOperands<T> gradients, bool accumulate_q,
                                                bool accumulate_kv, C* score_gradients, C* sums) {
    const RowLanes<C, 1> lanes;
    each_row(heads, [&](std::int64_t head) {
        ClassAttentionHead::backward(lanes, n, operands.of_head(n, head), scale,
                                     probabilities + head * n.tokens, g + head * width,
                                     gradients.of_head(n, head), accumulate_q, accumulate_kv,
                                     score_gradients + head * n.tokens, sums + head * width);
    });
}

}  // namespace cuda

template <class T, class C>
void class_attention_forward(Cuda, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                             T* y, C* probabilities) {
    const std::int64_t heads = n.batch * n.heads;
    const auto sums = Tensor<C, Cuda>::empty({heads, n.width});
    cuda::launch_warps(cuda::class_attention_forward_kernel<T, C>, heads, n.width, n, operands, scale, y,
                       probabilities, sums.data());
}

template <class T, class C>
void class_attention_backward(Cuda, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                              const C* probabilities, const T* g, const ClassOperands<T>& gradients,
                              bool accumulate_q, bool accumulate_kv) {
    const std::int64_t heads = n.batch * n.heads;
    const auto score_gradients = Tensor<C, Cuda>::empty({heads, n.tokens}),
               sums = Tensor<C, Cuda>::empty({heads, n.width});
    cuda::launch_warps(cuda::class_attention_backward_kernel<T, C>, heads, n.width, n, operands, scale,
                       probabilities, g, gradients, accumulate_q, accumulate_kv, score_gradients.data(),
                       sums.data());
}

}  // namespace lafs::inline LAFS_ABI
