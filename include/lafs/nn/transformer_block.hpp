// One pre-norm transformer block (Dosovitskiy et al., arXiv 2010.11929), with the names of the published
// checkpoints: `0.fn.norm`, `0.fn.fn` (attention), `1.fn.norm`, `1.fn.fn` (MLP).
#pragma once

#include <lafs/autograd/stochastic_depth.hpp>
#include <lafs/nn/attention.hpp>
#include <lafs/nn/feed_forward.hpp>
#include <lafs/nn/layer_norm.hpp>

namespace lafs::inline LAFS_ABI {

/// Sizes and rates of a block.
struct BlockConfig {
    std::int64_t width, heads, head_width, hidden;
    double dropout = 0, stochastic_depth = 0, epsilon = 1e-5;
};

/// x + attention(norm(x)), then x + mlp(norm(x)); dropout, stochastic depth and the sum are one pass.
template <class T, class D = Cpu>
struct TransformerBlock : Module<T, D> {
    LayerNorm<T, D> attention_norm;
    Attention<T, D> attention;
    LayerNorm<T, D> feed_forward_norm;
    FeedForward<T, D> feed_forward;
    double drop, depth;

    explicit TransformerBlock(const BlockConfig& c)
        : attention_norm(c.width, c.epsilon),
          attention(c.width, c.heads, c.head_width),
          feed_forward_norm(c.width, c.epsilon),
          feed_forward(c.width, c.hidden, c.dropout),
          drop(c.dropout),
          depth(c.stochastic_depth) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("0.fn.norm", attention_norm);
        visitor.child("0.fn.fn", attention);
        visitor.child("1.fn.norm", feed_forward_norm);
        visitor.child("1.fn.fn", feed_forward);
    }

    /// (B, N, width) -> (B, N, width).
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return finish(x, attention.forward(attention_norm.forward(x))); });
    }

    /// The first token's row of `forward`, (B, N, width) -> (B, width), at about a fifth of the work: for a
    /// last block, of which nothing else is read.
    Variable<T, D> forward_class(const Variable<T, D>& x) const {
        return this->observed([&] {
            return finish(Attention<T, D>::first_token(x),
                          attention.forward_class(attention_norm.forward(x)));
        });
    }

private:
    /// Both residual sums, with dropout and stochastic depth of both branches.
    Variable<T, D> finish(const Variable<T, D>& x, const Variable<T, D>& attended) const {
        const Variable<T, D> y = add_branch(x, attended, drop, depth, this->training());
        return add_branch(y, feed_forward.forward(feed_forward_norm.forward(y)), drop, depth,
                          this->training());
    }
};

}  // namespace lafs::inline LAFS_ABI
