// Summaries: parts, parameters, outputs and work, worked out by hand.
#include <lafs/models/part_fvit.hpp>
#include <lafs/nn/activation.hpp>
#include <lafs/nn/pooling.hpp>
#include <lafs/nn/sequential.hpp>
#include <lafs/nn/summary.hpp>

#include "catch.hpp"
#include "models/little_config.hpp"

using namespace lafs;

namespace {

/// A layer that does not take part: its product counts for the model.
struct Plain : Module<float> {
    Linear<float> inner{2, 2, false};
    void visit(Visitor<float, Cpu>& visitor) override { visitor.parameter("weight", inner.weight); }
    Variable<float> forward(const Variable<float>& x) const { return linear(x, inner.weight); }
};

}  // namespace

TEST_CASE("a summary lists parts, shapes and parameters", "[nn]") {
    Sequential net{Conv2d<float>(3, 4, 3, {1, 1}, true),
                   BatchNorm2d<float>(4),
                   ReLU<float>(),
                   AdaptiveAvgPool2d<float>(),
                   [](const Variable<float>& x) {
                       return reshape(x, {x.shape(0), -1});
                   },
                   Linear<float>(4, 2)};
    net.get<0>().requires_grad(false);
    const ModelSummary s = summary(net);
    REQUIRE(s.layers.size() == 6);
    CHECK(s.layers[0].name.empty());
    CHECK(s.layers[1].name == "0");
    CHECK(s.layers[1].parameters == 4 * 3 * 9 + 4);
    CHECK(s.layers[1].weights == "weight (4, 3, 3, 3), bias (4,)");
    CHECK(s.layers[2].parameters == 8);  // buffers are shown, not counted
    CHECK(s.layers[2].weights == "weight (4,), bias (4,), running_mean (4,), running_var (4,)");
    CHECK(s.layers[5].name == "5");
    CHECK(s.parameters() == 112 + 8 + 10);
    CHECK(s.trainable == 18);
    CHECK(!s.layers[1].output.has_value());
    CHECK(s.text().find("130 parameters, 18 of them trained\n") != std::string::npos);
}

TEST_CASE("a summary with an input shows outputs and work", "[nn]") {
    Sequential net{
        Conv2d<float>(3, 4, 3, {1, 1}), BatchNorm2d<float>(4),
        MaxPool2d<float>({2}),          [](const Variable<float>& x) { return reshape(x, {x.shape(0), -1}); },
        Linear<float>(4 * 9, 2),        Plain{}};
    const ModelSummary s = summary(net, Tensor<float>::zeros({5, 3, 6, 6}));
    CHECK(net.training());
    CHECK(net.get<1>().batches == 0);
    CHECK(s.layers[1].output == Shape{5, 4, 6, 6});
    CHECK(s.layers[1].flops == 2.0 * 5 * 4 * 36 * 27);
    CHECK(s.layers[3].output == Shape{5, 4, 3, 3});
    CHECK(s.layers[3].flops == 0);
    CHECK(s.layers[4].flops == 2.0 * 5 * 36 * 2);
    CHECK(s.layers[5].name == "5");
    CHECK(!s.layers[5].output.has_value());
    CHECK(s.layers[0].output == Shape{5, 2});
    CHECK(s.flops() == 2.0 * 5 * (4 * 36 * 27 + 36 * 2 + 2 * 2));
    CHECK(s.text(0) ==
          "part     weights  parameters  output   FLOPs\n"
          "(model)                  194  (5, 2)  39.6 k\n"
          "194 parameters, 194 of them trained; 39.6 kFLOPs in products\n");
}

TEST_CASE("the work of a transformer is that of its formula", "[nn]") {
    manual_seed(1);
    const VitConfig c = lafs_test::little_config();  // width 12, 2 blocks, 2 heads of 5, hidden 10, 9 tokens
    FViT<float> model(c);
    const ModelSummary s = summary(model, Tensor<float>::zeros({3, 3, 6, 6}));
    const double tokens = 10, inner = 10, width = 12, hidden = 10;
    const double first =
        tokens * (width * 3 * inner + inner * width + 2 * width * hidden) + 2 * tokens * tokens * inner;
    // Of the last block only the class token's row is wanted behind keys and values.
    const double last =
        width * inner + tokens * width * 2 * inner + 2 * tokens * inner + inner * width + 2 * width * hidden;
    CHECK(s.flops() == 2 * 3 * (9 * 12 * width + first + last));
    for (const LayerSummary& layer : s.layers)
        if (layer.name == "transformer.layers.0") {
            CHECK(layer.flops == 2 * 3 * first);
            CHECK(layer.output == Shape{3, 10, 12});
            CHECK(layer.level == 1);
        }
    CHECK(detail::observer() == nullptr);
}

TEST_CASE("the landmark network of Part fViT does the published work", "[nn]") {
    VitConfig c = lafs_test::little_config();
    c.image_size = 224;
    c.patch = 2;
    PartFViT<float> model(c);
    const ModelSummary s = summary(model, Tensor<float>::zeros({1, 3, 224, 224}));
    for (const LayerSummary& layer : s.layers)
        if (layer.name ==
            "stn")  // MobileNetV3-large, 219 M multiply-adds, less what stands behind 160 channels
            CHECK(layer.flops / 2e6 == Approx(210).margin(8));
}
