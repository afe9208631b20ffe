// MobileFaceNet (Chen, Liu, Gao, Han, arXiv 1804.07573) as arcface_torch of InsightFace publishes it
// (recognition/arcface_torch/backbones/mobilefacenet.py):
//
//   convolution of stride 2; a grouped convolution, or residual blocks where the first stage has more than one;
//   three times: a bottleneck of stride 2, then residual bottlenecks; 1x1 convolution; a depthwise convolution over the
//   whole map, a linear layer without bias, batch norm.
//   bottleneck: 1x1 convolution, depthwise 3x3, each with batch norm and PReLU; 1x1 convolution with batch norm.
//
// Parts carry the published names: layers.0 .. layers.7, conv_sep, features.
#pragma once

#include <array>
#include <lafs/autograd/reshape.hpp>
#include <lafs/models/image_size.hpp>
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/conv2d.hpp>
#include <lafs/nn/evaluation.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/prelu.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Sizes of a MobileFaceNet. Those that are published are of width 64 and for images of 112 pixels.
struct MobileFaceNetConfig {
    std::array<std::int64_t, 4> blocks = {1, 4, 6, 2};  ///< of each stage
    std::int64_t scale = 2;         ///< factor on the channels between blocks, not on those inside
    std::int64_t width = 64;        ///< channels of the first layer at scale 1; groups are multiples of it
    std::int64_t features = 512;    ///< values of an embedding
    std::int64_t image_size = 112;  ///< side of the images, a multiple of 16

    /// "mbf" of arcface_torch.
    static MobileFaceNetConfig usual() { return {}; }
    /// "mbf_large" of arcface_torch.
    static MobileFaceNetConfig large() { return {{2, 8, 12, 4}, 4}; }

    /// Channels between the blocks of stage 0 .. 3.
    std::int64_t channels(int stage) const { return (stage < 2 ? 1 : 2) * width * scale; }
    /// Channels inside the blocks of stage 0 .. 3; those of the bottleneck in front of stage 3 are `last`.
    std::int64_t expanded(int stage) const { return (stage < 2 ? 2 : 4) * width; }
    std::int64_t last() const { return 8 * width; }

    /// Throws when a size is not positive, or too large for a number of channels.
    void validate() const {
        for (const std::int64_t count : blocks)
            require(count >= 1 && count <= 1024, "mobilefacenet", "got a stage of ", count,
                    " blocks, expected 1 .. 1024");
        require(width >= 1 && width <= 8192 && scale >= 1 && scale <= 64, "mobilefacenet", "got width ",
                width, " and scale ", scale, ", expected 1 .. 8192 and 1 .. 64");
        require(features >= 1 && features <= 65536, "mobilefacenet", "got ", features,
                " features, expected 1 .. 65536");
        require(image_size >= 16 && image_size <= 65536 && image_size % 16 == 0, "mobilefacenet",
                "got images of side ", image_size,
                ", expected a multiple of 16: the map is halved four times");
    }
};

/// Convolution, batch norm and, if wanted, PReLU: the parts `layers.0` .. `layers.2`.
template <class T, class D = Cpu>
struct ConvBlock : Module<T, D> {
    Conv2d<T, D> conv;
    BatchNorm2d<T, D> norm;
    std::optional<PReLU<T, D>> activation;

    ConvBlock(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvOptions& options = {},
              bool activated = true)
        : conv(in, out, kernel, options), norm(out) {
        if (activated)
            activation.emplace(out);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("layers.0", conv);
        visitor.child("layers.1", norm);
        if (activation)
            visitor.child("layers.2", *activation);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] {
            const auto y = norm.forward(conv.forward(x));
            return activation ? activation->forward(y) : y;
        });
    }
};

/// A bottleneck, (B, in, h, w) -> (B, out, h / stride, w / stride), rounded up; a residual one has the stride 1 and adds
/// its input.
template <class T, class D = Cpu>
struct MobileFaceNetBlock : Module<T, D> {
    ConvBlock<T, D> expand, depthwise, project;
    bool residual;

    MobileFaceNetBlock(std::int64_t in, std::int64_t expanded, std::int64_t out, bool is_residual)
        : expand(in, expanded, 1),
          depthwise(expanded, expanded, 3, {is_residual ? 1 : 2, 1, expanded}),
          project(expanded, out, 1, {}, false),
          residual(is_residual) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("layers.0", expand);
        visitor.child("layers.1", depthwise);
        visitor.child("layers.2", project);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] {
            const auto y = project.forward(depthwise.forward(expand.forward(x)));
            return residual ? Variable<T, D>(x + y) : y;
        });
    }
};

/// The network. Weights start as published: normal with variance 2 / fan-out (He et al., arXiv 1502.01852), PReLU 0.25.
template <class T, class D = Cpu>
class MobileFaceNet : public Module<T, D> {
    MobileFaceNetConfig config_;  // first: it is checked before parameters are made of it

public:
    /// Throws when the configuration is invalid.
    explicit MobileFaceNet(const MobileFaceNetConfig& config = {})
        : config_((config.validate(), config)),
          stem(3, config.channels(0), 3, {2, 1}),
          conv_sep(config.channels(3), config.last(), 1),
          whole_map(config.last(), config.last(), config.image_size / 16, {1, 0, config.last()}, false),
          linear(config.last(), config.features, false),
          norm(config.features) {
        if (config.blocks[0] == 1)
            grouped.emplace(config.channels(0), config.channels(0), 3, ConvOptions{1, 1, config.width});
        for (int stage = 0; stage < 4; ++stage) {
            const std::int64_t channels = config.channels(stage), inside = config.expanded(stage);
            if (stage > 0)
                halving.emplace_back(config.channels(stage - 1), stage == 3 ? config.last() : inside,
                                     channels, false);
            if (stage > 0 || !grouped)
                for (std::int64_t i = 0; i < config.blocks[static_cast<std::size_t>(stage)]; ++i)
                    stages[static_cast<std::size_t>(stage)].emplace_back(channels, inside, channels, true);
        }
        kaiming_normal(linear.weight.value(), Fan::out);
    }

    const MobileFaceNetConfig& config() const { return config_; }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("layers.0", stem);
        if (grouped)
            visitor.child("layers.1", *grouped);
        for (std::size_t stage = 0; stage < stages.size(); ++stage) {
            if (stage > 0)
                visitor.child("layers." + std::to_string(2 * stage), halving[stage - 1]);
            for (std::size_t i = 0; i < stages[stage].size(); ++i)
                visitor.child("layers." + std::to_string(2 * stage + 1) + ".layers." + std::to_string(i),
                              stages[stage][i]);
        }
        visitor.child("conv_sep", conv_sep);
        visitor.child("features.layers.0", whole_map);
        visitor.child("features.layers.2", linear);
        visitor.child("features.layers.3", norm);
    }

    /// images (B, 3, image_size, image_size), RGB in [-1, 1] -> (B, features). Throws for images of another size, and in
    /// training mode for a batch of one, which has no statistics.
    Variable<T, D> forward(const Variable<T, D>& images) const {
        check_image_size("mobilefacenet", images.shape(), 3, config_.image_size);
        return this->observed([&] {
            Variable<T, D> x = stem.forward(images);
            if (grouped)
                x = grouped->forward(x);
            for (std::size_t stage = 0; stage < stages.size(); ++stage) {
                if (stage > 0)
                    x = halving[stage - 1].forward(x);
                for (const MobileFaceNetBlock<T, D>& block : stages[stage])
                    x = block.forward(x);
            }
            x = whole_map.forward(conv_sep.forward(x));  // (B, C, h, w) -> (B, C, 1, 1)
            return norm.forward(linear.forward(reshape(x, {x.shape(0), x.shape(1)})));
        });
    }

    /// Embeddings in evaluation mode, recording nothing; from any number of threads at a time: (B, 3, image_size,
    /// image_size) -> (B, features).
    Tensor<T, D> embed(const Tensor<T, D>& images) const {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }

    ConvBlock<T, D> stem;
    std::optional<ConvBlock<T, D>> grouped;  // instead of the first stage where that has one block
    std::array<std::vector<MobileFaceNetBlock<T, D>>, 4> stages;
    std::vector<MobileFaceNetBlock<T, D>> halving;  // in front of stages 1 .. 3
    ConvBlock<T, D> conv_sep, whole_map;
    Linear<T, D> linear;
    BatchNorm2d<T, D> norm;
};

}  // namespace lafs::inline LAFS_ABI
