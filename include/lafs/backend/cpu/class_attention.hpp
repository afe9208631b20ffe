// Attention of one query an image - the class token's - on the CPU.
//
// A last transformer block is read at its class token only, so that the other queries need not be computed.
// One task computes one head of one image, row by row; the (batch, heads, tokens) probabilities are kept.
#pragma once

#include <lafs/backend/cpu/attention.hpp>
#include <lafs/backend/cpu/row.hpp>

namespace lafs::inline LAFS_ABI {

/// Where the rows of single queries, keys and values lie (null: not wanted): head h of image b is at q + b *
/// image + h * width, its key and value of token k at k, v + (b * tokens + k) * token + h * width.
template <class T>
struct ClassOperands {
    T *q, *k, *v;
    std::int64_t image, token;

    /// The same for one head of one image.
    ClassOperands of_head(const AttentionSizes& n, std::int64_t head) const {
        const std::int64_t b = head / n.heads, column = head % n.heads * n.width,
                           rows = b * n.tokens * token + column;
        const auto at = [](T* start, std::int64_t offset) { return start ? start + offset : nullptr; };
        return {at(q, b * image + column), at(k, rows), at(v, rows), image, token};
    }
};

namespace cpu {

template <class T, class C>
LAFS_FLATTEN C head_product(const RowLanes<C>& lanes, std::int64_t width, const T* a, const T* b) {
    return lanes.sum(width, [&](auto at) { return at(a) * at(b); });
}

/// to (+)= factor * from.
template <class T, class From, class C>
LAFS_FLATTEN void add_head_row(const RowLanes<C>& lanes, std::int64_t width, C factor, const From* from,
                               T* to, bool accumulate) {
    const auto scale = lanes.value(factor);
    lanes.each(width, [&](auto at) { at.put(GradientTarget<T>{to, accumulate}, scale * at(from)); });
}

}  // namespace cpu

/// probabilities (batch, heads, tokens) = softmax(scale q k'), and unless `y` is null, y (batch, heads,
/// width) = probabilities v.
template <class T, class C>
void class_attention_forward(Cpu, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                             T* y, C* probabilities) {
    const cpu::RowLanes<C> lanes;
    count_launch();
    parallel_for(n.batch * n.heads, [&](std::int64_t head) {
        const auto in = operands.of_head(n, head);
        C* p = probabilities + head * n.tokens;
        for (std::int64_t k = 0; k < n.tokens; ++k)
            p[k] = scale * cpu::head_product(lanes, n.width, in.q, in.k + k * in.token);
        SoftmaxRow::forward(lanes, n.tokens, static_cast<const C*>(p), p);
        if (!y)
            return;
        const auto sum = Tensor<C>::zeros({n.width});
        for (std::int64_t k = 0; k < n.tokens; ++k)
            cpu::add_head_row(lanes, n.width, p[k], in.v + k * in.token, sum.data(), true);
        cpu::add_head_row(lanes, n.width, C(1), sum.data(), y + head * n.width, false);
    });
}

/// Gradients of q, and of k and v together (the targets' `accumulate`; a null q, or k and v, is not wanted),
/// from the gradient g of y.
template <class T, class C>
void class_attention_backward(Cpu, const AttentionSizes& n, const ClassOperands<const T>& operands, C scale,
                              const C* probabilities, const T* g, const ClassOperands<T>& gradients,
                              bool accumulate_q, bool accumulate_kv) {
    const cpu::RowLanes<C> lanes;
    count_launch();
    parallel_for(n.batch * n.heads, [&](std::int64_t head) {
        const auto in = operands.of_head(n, head);
        const C* p = probabilities + head * n.tokens;
        const T* dy = g + head * n.width;
        const auto ds = Tensor<C>::empty({n.tokens}), dq = Tensor<C>::zeros({n.width});
        for (std::int64_t k = 0; k < n.tokens; ++k)
            ds.data()[k] = cpu::head_product(lanes, n.width, dy, in.v + k * in.token);
        SoftmaxRow::backward(lanes, n.tokens, p, static_cast<const C*>(ds.data()),
                             GradientTarget<C>{ds.data(), false});
        for (std::int64_t k = 0; k < n.tokens; ++k)
            cpu::add_head_row(lanes, n.width, scale * ds.data()[k], in.k + k * in.token, dq.data(), true);
        const auto out = gradients.of_head(n, head);
        if (gradients.q)
            cpu::add_head_row(lanes, n.width, C(1), dq.data(), out.q, accumulate_q);
        for (std::int64_t k = 0; gradients.k && k < n.tokens; ++k) {
            cpu::add_head_row(lanes, n.width, scale * ds.data()[k], in.q, out.k + k * in.token,
                              accumulate_kv);
            cpu::add_head_row(lanes, n.width, p[k], dy, out.v + k * in.token, accumulate_kv);
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
