// Attention of one query an image on the CPU (contract: primitives/class_attention.hpp): one task computes
// one head of one image.
#pragma once

#include <lafs/backend/cpu/row.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/class_attention.hpp>

namespace lafs::inline LAFS_ABI {

template <class T, class C>
void class_attention_forward(Cpu, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                             T* y, C* probabilities) {
    count_launch();
    parallel_for(n.batch * n.heads, [&](std::int64_t head) {
        const auto sum = Tensor<C>::empty({n.width});
        const auto run = [&](C* scratch) LAFS_FLATTEN {
            ClassAttentionHead::forward(cpu::RowLanes<C>{}, n, operands.of_head(n, head), scale,
                                        y ? y + head * n.width : nullptr, probabilities + head * n.tokens,
                                        scratch);
        };
        run(sum.data());
    });
}

template <class T, class C>
void class_attention_backward(Cpu, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                              const C* probabilities, const T* g, const ClassOperands<T>& gradients,
                              bool accumulate_q, bool accumulate_kv) {
    count_launch();
    parallel_for(n.batch * n.heads, [&](std::int64_t head) {
        const auto ds = Tensor<C>::empty({n.tokens}), sum = Tensor<C>::empty({n.width});
        const auto run = [&](C* of_scores, C* scratch) LAFS_FLATTEN {
            ClassAttentionHead::backward(cpu::RowLanes<C>{}, n, operands.of_head(n, head), scale,
                                         probabilities + head * n.tokens, g + head * n.width,
                                         gradients.of_head(n, head), accumulate_q, accumulate_kv, of_scores,
                                         scratch);
        };
        run(ds.data(), sum.data());
    });
}

}  // namespace lafs::inline LAFS_ABI
