// The gated feed-forward layer of recent transformers (Shazeer, "GLU Variants", arXiv 2002.05202).
#pragma once

#include <lafs/nn/linear.hpp>

namespace lafs::inline LAFS_ABI {

/// w2( silu(w1 x) * w3 x ), the product one pass. Parts `w1`, `w3` (width -> hidden) and `w2` (hidden -> width), as
/// in the published LLaMA models; biases if wanted. A usual `hidden` is two thirds of what a plain layer has.
template <class T, class D = Cpu>
struct SwiGLU : Module<T, D> {
    Linear<T, D> w1, w2, w3;

    /// Throws unless the sizes are positive.
    SwiGLU(std::int64_t width, std::int64_t hidden, bool with_bias = false)
        : w1(width, hidden, with_bias), w2(hidden, width, with_bias), w3(width, hidden, with_bias) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("w1", w1);
        visitor.child("w2", w2);
        visitor.child("w3", w3);
    }

    /// (..., width) -> (..., width).
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] {
            const Variable<T, D> gate = w1.forward(x), value = w3.forward(x);
            const Variable<T, D> gated = silu(gate) * value;
            return w2.forward(gated);
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
