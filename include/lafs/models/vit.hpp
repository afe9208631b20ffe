// The vision transformer behind fViT and Part fViT (Sun & Tzimiropoulos, arXiv 2212.00057), on tokens.
//
// Parameters have the published names: pos_embedding, cls_token, patch_to_embedding,
// transformer.layers.I.{0,1}.fn.{norm,fn}, mlp_head.0.
#pragma once

#include <lafs/autograd/concatenate.hpp>
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/recompute.hpp>
#include <lafs/autograd/slice.hpp>
#include <lafs/models/image_size.hpp>
#include <lafs/nn/evaluation.hpp>
#include <lafs/nn/transformer_block.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Sizes and rates of a transformer. The presets are tiny(), small() and base8(); any other by its fields.
struct VitConfig {
    std::int64_t width = 768, depth = 12, heads = 11, hidden = 2048;
    std::int64_t head_width = 64;
    std::int64_t tokens = 196;  ///< most tokens an image has, without the class token
    std::int64_t patch = 8, channels = 3;
    std::int64_t image_size = 112;  ///< side of the images in pixels
    double dropout = 0.1, embedding_dropout = 0.1, stochastic_depth = 0.1;
    double epsilon = 1e-5;   ///< of layer norm
    bool recompute = false;  ///< blocks keep their input only and run again in the backward pass

    static VitConfig tiny() { return sized(192, 6, 3, 384); }
    static VitConfig small() { return sized(384, 12, 6, 1024); }
    /// The published model: 66.96 M parameters with landmark CNN and a 10-class head.
    static VitConfig base8() { return sized(768, 12, 11, 2048); }

    static VitConfig sized(std::int64_t width, std::int64_t depth, std::int64_t heads, std::int64_t hidden) {
        VitConfig config;
        config.width = width;
        config.depth = depth;
        config.heads = heads;
        config.hidden = hidden;
        return config;
    }

    /// Values of one token.
    std::int64_t token_size() const { return patch * patch * channels; }

    BlockConfig block() const {
        return {width, heads, head_width, hidden, dropout, stochastic_depth, epsilon};
    }

    /// Throws when a size is not positive or a rate is outside [0, 1).
    void validate() const {
        const auto positive = [](const char* name, std::int64_t value) {
            require(value > 0, "vit", "got ", name, ' ', value, ", expected a positive number");
        };
        positive("width", width);
        positive("depth", depth);
        positive("heads", heads);
        positive("hidden", hidden);
        positive("head_width", head_width);
        positive("tokens", tokens);
        positive("patch", patch);
        positive("channels", channels);
        positive("image_size", image_size);
        const auto rate = [](const char* name, double value) {
            require(value >= 0 && value < 1, "vit", "got ", name, ' ', value, ", expected 0 <= ", name,
                    " < 1");
        };
        rate("dropout", dropout);
        rate("embedding_dropout", embedding_dropout);
        rate("stochastic_depth", stochastic_depth);
        require(epsilon > 0, "vit", "got epsilon ", epsilon, ", expected a positive number");
    }
};

/// The transformer from tokens (B, n, token_size) to embeddings (B, width), for any n up to config.tokens.
/// Weights start as published: linear layers as in torch.nn.Linear, positions and class token normal.
template <class T, class D = Cpu>
class Vit : public Module<T, D> {
    VitConfig config_;  // first: it is checked before parameters are made of it

public:
    /// Throws when the configuration is invalid.
    explicit Vit(const VitConfig& config)
        : config_((config.validate(), config)),
          positions(Tensor<T, D>::empty({1, config.tokens + 1, config.width}), true),
          class_token(Tensor<T, D>::empty({1, 1, config.width}), true),
          patch_to_embedding(config.token_size(), config.width),
          head_norm(config.width, config.epsilon) {
        fill_normal(positions.value(), 0, 1);
        fill_normal(class_token.value(), 0, 1);
        blocks.reserve(static_cast<std::size_t>(config.depth));
        for (std::int64_t i = 0; i < config.depth; ++i)
            blocks.emplace_back(config.block());
    }

    const VitConfig& config() const { return config_; }

    void visit(Visitor<T, D>& visitor) override {
        visitor.parameter("pos_embedding", positions);
        visitor.parameter("cls_token", class_token);
        visit_image_part(visitor);
        visitor.child("patch_to_embedding", patch_to_embedding);
        for (std::size_t i = 0; i < blocks.size(); ++i)
            visitor.child("transformer.layers." + std::to_string(i), blocks[i]);
        visitor.child("mlp_head.0", head_norm);
    }

    /// tokens (B, n, token_size) with 1 <= n <= config.tokens -> (B, width).
    Variable<T, D> forward_tokens(const Variable<T, D>& tokens) const {
        return this->observed([&] {
            Variable<T, D> x = embed_tokens(tokens);
            for (std::size_t i = 0; i + 1 < blocks.size(); ++i)
                x = run_block(blocks[i], &TransformerBlock<T, D>::forward, x);
            return head_norm.forward(run_block(blocks.back(), &TransformerBlock<T, D>::forward_class, x));
        });
    }

    /// Where the class token looks in one block: (B, heads, n + 1) probabilities, in evaluation mode. A
    /// negative index counts from the last block.
    Tensor<compute_t<T>, D> class_attention(const Variable<T, D>& tokens, std::int64_t index = -1) const {
        const std::int64_t at = index < 0 ? index + config_.depth : index;
        require(at >= 0 && at < config_.depth, "class_attention", "got block ", index, " of ", config_.depth);
        const EvaluationScope<T, D> evaluation(*this);
        Variable<T, D> x = embed_tokens(tokens);
        for (std::int64_t i = 0; i < at; ++i)
            x = blocks[static_cast<std::size_t>(i)].forward(x);
        const auto& block = blocks[static_cast<std::size_t>(at)];
        return block.attention.class_probabilities(block.attention_norm.forward(x));
    }

    Variable<T, D> positions, class_token;
    Linear<T, D> patch_to_embedding;
    std::vector<TransformerBlock<T, D>> blocks;
    LayerNorm<T, D> head_norm;

protected:
    /// What a model has in front of the tokens comes here in the published order.
    virtual void visit_image_part(Visitor<T, D>&) {}

private:
    /// Class token, tokens and positions: (B, n, token_size) -> (B, n + 1, width).
    Variable<T, D> embed_tokens(const Variable<T, D>& tokens) const {
        const Shape& s = tokens.shape();
        require(s.rank() == 3 && s[1] >= 1 && s[1] <= config_.tokens && s[2] == config_.token_size(), "vit",
                "got tokens ", s, ", expected (B, 1 .. ", config_.tokens, ", ", config_.token_size(), ')');
        const Variable<T, D> room(Tensor<T, D>::zeros({s[0], 1, config_.width}));
        const Variable<T, D> first = class_token + room;  // (1, 1, width) -> (B, 1, width)
        const Variable<T, D> x =
            concatenate({first, patch_to_embedding.forward(tokens)}, 1) + slice(positions, 1, 0, s[1] + 1);
        return dropout(x, config_.embedding_dropout, this->training());
    }

    template <class Forward>
    Variable<T, D> run_block(const TransformerBlock<T, D>& block, Forward forward,
                             const Variable<T, D>& x) const {
        if (!config_.recompute)
            return (block.*forward)(x);
        return recompute([&block, forward](const Variable<T, D>& in) { return (block.*forward)(in); }, x);
    }
};

/// Plain fViT: the transformer on the grid of patch x patch blocks of the image, without landmarks.
template <class T, class D = Cpu>
class FViT : public Vit<T, D> {
public:
    using Vit<T, D>::Vit;

    /// images (B, channels, image_size, image_size) -> (B, width). Throws for images of another size, and when
    /// the grid has more than config.tokens blocks.
    Variable<T, D> forward(const Variable<T, D>& images) const {
        check_image_size("fvit", images.shape(), this->config().channels, this->config().image_size);
        return this->forward_tokens(grid_patches(images, this->config().patch));
    }

    /// Embeddings in evaluation mode, recording nothing; from any number of threads at a time: (B, channels, H, W) -> (B, width).
    Tensor<T, D> embed(const Tensor<T, D>& images) const {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }
};

}  // namespace lafs::inline LAFS_ABI
