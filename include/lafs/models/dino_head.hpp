// The projection head of DINO (Caron et al., arXiv 2104.14294).
#pragma once

#include <lafs/autograd/row_functions.hpp>
#include <lafs/nn/linear.hpp>

namespace lafs::inline LAFS_ABI {

struct DinoHeadConfig {
    std::int64_t width = 768;          ///< of the embedding that comes in
    std::int64_t prototypes = 100000;  ///< K
    std::int64_t hidden = 2048, bottleneck = 256;
};

/// width -> hidden -> hidden -> bottleneck with GELU between, L2 normalised, then a weight-normalised linear
/// layer without bias to K logits. The gain `last_layer.weight_g` is fixed: it gets no gradient.
///
/// A loss that never holds the (B, K) logits takes `bottleneck(x)` and `last_weight()`: the logits are the
/// products of their rows.
template <class T, class D = Cpu>
class DinoHead : public Module<T, D> {
public:
    /// Linear weights start truncated normal with deviation 0.02, biases 0, gains 1, directions as in
    /// torch.nn.Linear. Throws unless all sizes are positive.
    explicit DinoHead(const DinoHeadConfig& c)
        : first(c.width, c.hidden),
          second(c.hidden, c.hidden),
          third(c.hidden, c.bottleneck),
          last(c.bottleneck, c.prototypes, false),
          gain(Tensor<T, D>::full({c.prototypes, 1}, T(1))) {
        for (Linear<T, D>* layer : {&first, &second, &third}) {
            fill_truncated_normal(layer->weight.value(), 0, 0.02);
            layer->bias.value().zero();
        }
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("mlp.0", first);
        visitor.child("mlp.2", second);
        visitor.child("mlp.4", third);
        visitor.parameter("last_layer.weight_g", gain);
        visitor.parameter("last_layer.weight_v", last.weight);
    }

    /// (B, width) -> (B, bottleneck), rows of length 1.
    Variable<T, D> bottleneck(const Variable<T, D>& x) const {
        const Variable<T, D> hidden = gelu(first.forward(x));
        const Variable<T, D> deeper = gelu(second.forward(hidden));
        return l2_normalize(third.forward(deeper));
    }

    /// The last layer's weight (K, bottleneck): rows weight_g * weight_v / ||weight_v||.
    Variable<T, D> last_weight() const { return l2_normalize(last.weight) * gain.detach(); }

    /// (B, width) -> (B, K) logits, all of them in memory.
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return linear(bottleneck(x), last_weight()); });
    }

    Linear<T, D> first, second, third, last;
    Variable<T, D> gain;
};

}  // namespace lafs::inline LAFS_ABI
