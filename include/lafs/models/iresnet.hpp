// IResNet, the residual network of face recognition ("improved", Deng et al., arXiv 1801.07698, section 3.1; Han et
// al., arXiv 1610.02915), as arcface_torch of InsightFace publishes it (recognition/arcface_torch/backbones/iresnet.py):
//
//   stem: 3x3 convolution, batch norm, PReLU; four stages of blocks, the first block of each with stride 2;
//   batch norm, dropout, a linear layer over the whole map, batch norm without gain.
//   block(x) = norm(conv(PReLU(norm(conv(norm(x)))))) + x, or + norm(1x1 conv(x)) where the size changes.
//
// Parts carry the published names: conv1, bn1, prelu, layer1 .. layer4, bn2, fc, features.
#pragma once

#include <algorithm>
#include <array>
#include <lafs/autograd/reshape.hpp>
#include <lafs/models/image_size.hpp>
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/conv2d.hpp>
#include <lafs/nn/dropout.hpp>
#include <lafs/nn/evaluation.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/prelu.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Sizes of an IResNet. Those that are published are of width 64 and for images of 112 pixels.
struct IResNetConfig {
    std::array<std::int64_t, 4> blocks = {3, 4, 14, 3};  ///< of each stage
    std::int64_t width = 64;        ///< channels of the first stage; every later one has twice as many
    std::int64_t features = 512;    ///< values of an embedding
    std::int64_t image_size = 112;  ///< side of the images, a multiple of 16
    double dropout = 0;             ///< in front of the linear layer

    static IResNetConfig iresnet18() { return {{2, 2, 2, 2}}; }
    static IResNetConfig iresnet34() { return {{3, 4, 6, 3}}; }
    static IResNetConfig iresnet50() { return {{3, 4, 14, 3}}; }
    static IResNetConfig iresnet100() { return {{3, 13, 30, 3}}; }
    static IResNetConfig iresnet200() { return {{6, 26, 60, 6}}; }

    /// Channels of stage 0 .. 3.
    std::int64_t channels(int stage) const { return width << stage; }
    /// Values that the linear layer takes.
    std::int64_t flat() const { return channels(3) * (image_size / 16) * (image_size / 16); }

    /// Throws when a size is not positive, or too large for a number of channels.
    void validate() const {
        for (const std::int64_t count : blocks)
            require(count >= 1 && count <= 1024, "iresnet", "got a stage of ", count,
                    " blocks, expected 1 .. 1024");
        require(width >= 1 && width <= 65536 && features >= 1 && features <= 65536, "iresnet", "got width ",
                width, " and ", features, " features, expected 1 .. 65536");
        require(image_size >= 16 && image_size <= 65536 && image_size % 16 == 0, "iresnet",
                "got images of side ", image_size,
                ", expected a multiple of 16: the map is halved four times");
        require(dropout >= 0 && dropout < 1, "iresnet", "got dropout ", dropout,
                ", expected 0 <= dropout < 1");
    }
};

namespace detail {
/// A convolution of arcface_torch: without bias, weights normal with deviation 0.1.
template <class T, class D>
Conv2d<T, D> iresnet_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    return {in, out, kernel, {stride, kernel / 2}, false, 0.1};
}
}  // namespace detail

/// One block, (B, in, h, w) -> (B, out, h / stride, w / stride), rounded up.
template <class T, class D = Cpu>
struct IResNetBlock : Module<T, D> {
    BatchNorm2d<T, D> bn1;
    Conv2d<T, D> conv1;
    BatchNorm2d<T, D> bn2;
    PReLU<T, D> prelu;
    Conv2d<T, D> conv2;
    BatchNorm2d<T, D> bn3;
    std::optional<Conv2d<T, D>> shortcut;  // where x has another size than the block's value
    std::optional<BatchNorm2d<T, D>> shortcut_norm;

    IResNetBlock(std::int64_t in, std::int64_t out, std::int64_t stride)
        : bn1(in),
          conv1(detail::iresnet_conv<T, D>(in, out, 3, 1)),
          bn2(out),
          prelu(out),
          conv2(detail::iresnet_conv<T, D>(out, out, 3, stride)),
          bn3(out) {
        if (stride == 1 && in == out)
            return;
        shortcut.emplace(detail::iresnet_conv<T, D>(in, out, 1, stride));
        shortcut_norm.emplace(out);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("bn1", bn1);
        visitor.child("conv1", conv1);
        visitor.child("bn2", bn2);
        visitor.child("prelu", prelu);
        visitor.child("conv2", conv2);
        visitor.child("bn3", bn3);
        if (!shortcut)
            return;
        visitor.child("downsample.0", *shortcut);
        visitor.child("downsample.1", *shortcut_norm);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] {
            const auto inner = prelu.forward(bn2.forward(conv1.forward(bn1.forward(x))));
            const auto y = bn3.forward(conv2.forward(inner));
            return Variable<T, D>(y + (shortcut ? shortcut_norm->forward(shortcut->forward(x)) : x));
        });
    }
};

/// The network. Weights start as published: convolutions normal with deviation 0.1, PReLU 0.25, the linear layer as in
/// torch.nn.Linear. `features.weight` stays 1: it requires no gradient.
template <class T, class D = Cpu>
class IResNet : public Module<T, D> {
    IResNetConfig config_;  // first: it is checked before parameters are made of it

public:
    /// Throws when the configuration is invalid.
    explicit IResNet(const IResNetConfig& config = {})
        : config_((config.validate(), config)),
          conv1(detail::iresnet_conv<T, D>(3, config.width, 3, 1)),
          bn1(config.width),
          prelu(config.width),
          bn2(config.channels(3)),
          dropout(config.dropout),
          fc(config.flat(), config.features),
          features(config.features) {
        for (int stage = 0; stage < 4; ++stage)
            for (std::int64_t i = 0; i < config.blocks[static_cast<std::size_t>(stage)]; ++i) {
                const std::int64_t out = config.channels(stage);
                const std::int64_t in = i > 0 ? out : config.channels(std::max(stage - 1, 0));
                stages[static_cast<std::size_t>(stage)].emplace_back(in, out, i > 0 ? 1 : 2);
            }
        features.weight.set_requires_grad(false);
    }

    const IResNetConfig& config() const { return config_; }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("conv1", conv1);
        visitor.child("bn1", bn1);
        visitor.child("prelu", prelu);
        for (std::size_t stage = 0; stage < stages.size(); ++stage)
            for (std::size_t i = 0; i < stages[stage].size(); ++i)
                visitor.child("layer" + std::to_string(stage + 1) + "." + std::to_string(i),
                              stages[stage][i]);
        visitor.child("bn2", bn2);
        visitor.child("dropout", dropout);
        visitor.child("fc", fc);
        visitor.child("features", features);
    }

    /// images (B, 3, image_size, image_size), RGB in [-1, 1] -> (B, features). Throws for images of another size, and in
    /// training mode for a batch of one, which has no statistics.
    Variable<T, D> forward(const Variable<T, D>& images) const {
        check_image_size("iresnet", images.shape(), 3, config_.image_size);
        return this->observed([&] {
            Variable<T, D> x = prelu.forward(bn1.forward(conv1.forward(images)));
            for (const auto& stage : stages)
                for (const IResNetBlock<T, D>& block : stage)
                    x = block.forward(x);
            x = reshape(bn2.forward(x), {x.shape(0), config_.flat()});  // (B, C, h, w) -> (B, C h w)
            return features.forward(fc.forward(dropout.forward(x)));
        });
    }

    /// Embeddings in evaluation mode, recording nothing; from any number of threads at a time: (B, 3, image_size,
    /// image_size) -> (B, features).
    Tensor<T, D> embed(const Tensor<T, D>& images) const {
        const EvaluationScope<T, D> evaluation(*this);
        return forward(Variable<T, D>(images)).value();
    }

    Conv2d<T, D> conv1;
    BatchNorm2d<T, D> bn1;
    PReLU<T, D> prelu;
    std::array<std::vector<IResNetBlock<T, D>>, 4> stages;
    BatchNorm2d<T, D> bn2;
    Dropout<T, D> dropout;
    Linear<T, D> fc;
    BatchNorm2d<T, D> features;
};

}  // namespace lafs::inline LAFS_ABI
