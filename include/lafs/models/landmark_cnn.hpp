// The landmark CNN of Part fViT: a face to N points, learnt without landmark labels.
//
// MobileNetV3-large (Howard et al., arXiv 1905.02244, table 1) to 160 channels, mean over the map, dropout,
// one linear layer; then the 2N values of an image are scaled to span [0, size - 1] and read as (x, y) in
// pixels. Parts carry the published names: `stn.features.*` and `output_layer.1.*`.
#pragma once

#include <lafs/autograd/min_max.hpp>
#include <lafs/models/image_size.hpp>
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/conv2d.hpp>
#include <lafs/nn/dropout.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/squeeze_excite.hpp>
#include <optional>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// One row of the published table.
struct BottleneckConfig {
    std::int64_t in, expanded, out, kernel, stride;
    bool squeeze_excite, hard_swish;
};

/// Inverted bottleneck: 1x1 expansion, depthwise convolution [, squeeze-excite], 1x1 projection, each with
/// batch norm; the input is added when sizes allow.
template <class T, class D = Cpu>
struct Bottleneck : Module<T, D> {
    BottleneckConfig config;
    Conv2d<T, D> expand;
    BatchNorm2d<T, D> expand_norm;
    Conv2d<T, D> depthwise;
    BatchNorm2d<T, D> depthwise_norm;
    std::optional<SqueezeExcite<T, D>> gate;
    Conv2d<T, D> project;
    BatchNorm2d<T, D> project_norm;

    explicit Bottleneck(const BottleneckConfig& c)
        : config(c),
          expand(c.in, c.expanded, 1),
          expand_norm(c.expanded),
          depthwise(c.expanded, c.expanded, c.kernel, {c.stride, c.kernel / 2, c.expanded}),
          depthwise_norm(c.expanded),
          project(c.expanded, c.out, 1),
          project_norm(c.out) {
        if (c.squeeze_excite)
            gate.emplace(c.expanded);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("conv.0", expand);
        visitor.child("conv.1", expand_norm);
        visitor.child("conv.3", depthwise);
        visitor.child("conv.4", depthwise_norm);
        if (gate)
            visitor.child("conv.5", *gate);
        visitor.child("conv.7", project);
        visitor.child("conv.8", project_norm);
    }

    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return config.hard_swish ? run<HardSwish>(x) : run<Relu>(x); });
    }

private:
    template <class Activation>
    Variable<T, D> run(const Variable<T, D>& x) const {
        auto y = depthwise.forward(expand_norm.template forward<Activation>(expand.forward(x)));
        y = gate ? gate->template forward<Activation>(depthwise_norm.forward(y))
                 : depthwise_norm.template forward<Activation>(y);
        y = project_norm.forward(project.forward(y));
        if (config.stride == 1 && config.in == config.out)
            y = y + x;
        return y;
    }
};

/// The trunk: (batch, 3, height, width) -> (batch, 160, height / 32, width / 32), rounded up.
template <class T, class D = Cpu>
struct LandmarkTrunk : Module<T, D> {
    static constexpr std::int64_t channels = 160;

    Conv2d<T, D> stem{3, 16, 3, {2, 1, 1}};
    BatchNorm2d<T, D> stem_norm{16};
    std::vector<Bottleneck<T, D>> blocks;

    LandmarkTrunk() {
        // in, expanded, out, kernel, stride, squeeze-excite, hard-swish
        for (const BottleneckConfig& config : {
                 BottleneckConfig{16, 16, 16, 3, 1, false, false},
                 BottleneckConfig{16, 64, 24, 3, 2, false, false},
                 BottleneckConfig{24, 72, 24, 3, 1, false, false},
                 BottleneckConfig{24, 72, 40, 5, 2, true, false},
                 BottleneckConfig{40, 120, 40, 5, 1, true, false},
                 BottleneckConfig{40, 120, 40, 5, 1, true, false},
                 BottleneckConfig{40, 240, 80, 3, 2, false, true},
                 BottleneckConfig{80, 200, 80, 3, 1, false, true},
                 BottleneckConfig{80, 184, 80, 3, 1, false, true},
                 BottleneckConfig{80, 184, 80, 3, 1, false, true},
                 BottleneckConfig{80, 480, 112, 3, 1, true, true},
                 BottleneckConfig{112, 672, 112, 3, 1, true, true},
                 BottleneckConfig{112, 672, 160, 5, 2, true, true},
                 BottleneckConfig{160, 960, 160, 5, 1, true, true},
                 BottleneckConfig{160, 960, 160, 5, 1, true, true},
             })
            blocks.emplace_back(config);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("features.0.0", stem);
        visitor.child("features.0.1", stem_norm);
        for (std::size_t i = 0; i < blocks.size(); ++i)
            visitor.child("features." + std::to_string(i + 1), blocks[i]);
    }

    Variable<T, D> forward(const Variable<T, D>& image) const {
        require(image.shape().rank() == 4 && image.shape(1) == 3, "landmark_cnn", "got image ", image.shape(),
                ", expected (batch, 3, height, width)");
        return this->observed([&] {
            auto x = stem_norm.template forward<HardSwish>(stem.forward(image));
            for (const auto& block : blocks)
                x = block.forward(x);
            return x;
        });
    }
};

/// Mean over the map, dropout, linear: (batch, in, h, w) -> theta (batch, out). The linear layer is part `1`.
template <class T, class D = Cpu>
struct LandmarkOutput : Module<T, D> {
    Dropout<T, D> dropout;
    Linear<T, D> linear;

    LandmarkOutput(std::int64_t in, std::int64_t out, double dropout_probability)
        : dropout(dropout_probability), linear(in, out) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("0", dropout);
        visitor.child("1", linear);
    }

    Variable<T, D> forward(const Variable<T, D>& map) const {
        return this->observed([&] {
            const auto pixels = reshape(map, {map.shape(0), map.shape(1), map.shape(2) * map.shape(3)});
            return linear.forward(dropout.forward(mean(pixels, 2)));
        });
    }
};

/// theta (batch, 2N) -> landmarks (batch, N, 2): per image (theta - min) / (max - min) * range.
template <class T, class D>
Variable<T, D> landmarks_from_theta(const Variable<T, D>& theta, double range) {
    require(theta.shape().rank() == 2 && theta.shape(1) % 2 == 0, "landmarks", "got theta ", theta.shape(),
            ", expected (batch, 2N)");
    const Variable<T, D> scaled = min_max(theta) * range;
    return reshape(scaled, {theta.shape(0), theta.shape(1) / 2, 2});
}

struct LandmarkCnnConfig {
    std::int64_t landmarks = 196;
    std::int64_t image_size = 112;  ///< side of the images; landmarks span 0 .. image_size - 1 pixels
    double dropout = 0.5;
};

/// The whole landmark CNN, with the published names.
template <class T, class D = Cpu>
struct LandmarkCnn : Module<T, D> {
    LandmarkCnnConfig config;
    LandmarkTrunk<T, D> stn;
    LandmarkOutput<T, D> output_layer;

    explicit LandmarkCnn(const LandmarkCnnConfig& c = {})
        : config(c), output_layer(LandmarkTrunk<T, D>::channels, 2 * c.landmarks, c.dropout) {}

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("stn", stn);
        visitor.child("output_layer", output_layer);
    }

    /// image (batch, 3, size, size), values in [-1, 1] -> (batch, N, 2), (x, y) in pixels. Throws for images
    /// of another size.
    Variable<T, D> landmarks(const Variable<T, D>& image) const {
        check_image_size("landmark_cnn", image.shape(), 3, config.image_size);
        return this->observed([&] {
            return landmarks_from_theta(output_layer.forward(stn.forward(image)),
                                        static_cast<double>(config.image_size - 1));
        });
    }
};

}  // namespace lafs::inline LAFS_ABI
