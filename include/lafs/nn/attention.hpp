// Multi-head self-attention as a layer, with the names of the published checkpoints.
#pragma once

#include <lafs/autograd/class_attention.hpp>
#include <lafs/autograd/reshape.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/nn/linear.hpp>

namespace lafs::inline LAFS_ABI {

/// `to_qkv` (no bias), attention over all tokens, `to_out.0`. The scale of the scores is width^-0.5 - the
/// model's width, not the head's - as published.
template <class T, class D = Cpu>
struct Attention : Module<T, D> {
    std::int64_t heads;
    compute_t<T> scale;
    Linear<T, D> to_qkv, to_out;

    /// Throws unless all sizes are positive.
    Attention(std::int64_t width, std::int64_t head_count, std::int64_t head_width)
        : heads(head_count),
          scale(static_cast<compute_t<T>>(1 / std::sqrt(static_cast<double>(width)))),
          to_qkv(width, 3 * head_count * head_width, false),
          to_out(head_count * head_width, width) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("to_qkv", to_qkv);
        visitor.child("to_out.0", to_out);
    }

    /// (B, N, width) -> (B, N, width). The dropout behind it is left to the block, which fuses it.
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return to_out.forward(attention(to_qkv.forward(x), heads, scale)); });
    }

    /// The first token's row of `forward` alone, (B, N, width) -> (B, width): no other query is computed.
    Variable<T, D> forward_class(const Variable<T, D>& x) const {
        return this->observed([&] {
            const std::int64_t rows = to_qkv.weight.shape(0), row = rows / 3;
            const auto query = linear(first_token(x), slice(to_qkv.weight, 0, 0, row));
            const auto kv = linear(x, slice(to_qkv.weight, 0, row, rows));
            return to_out.forward(class_attention(query, kv, heads, scale));
        });
    }

    /// Where token 0 looks: (B, heads, N) probabilities. Records nothing.
    Tensor<compute_t<T>, D> class_probabilities(const Variable<T, D>& x) const {
        const NoGrad nothing_recorded;
        return lafs::class_probabilities(to_qkv.forward(x).value(), heads, scale);
    }

    /// (B, N, width) -> (B, width).
    static Variable<T, D> first_token(const Variable<T, D>& x) {
        return reshape(slice(x, 1, 0, 1), {x.shape(0), x.shape(2)});
    }
};

}  // namespace lafs::inline LAFS_ABI
