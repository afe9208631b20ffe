// Layers of a transformer: values, published names, gradients, modes; on every device.
#include <lafs/nn/evaluation.hpp>
#include <lafs/nn/transformer_block.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
using Block = TransformerBlock<double, Device>;

std::vector<std::string> names(Module<double, Device>& module) {
    std::vector<std::string> found;
    for (const auto& [name, parameter] : module.parameters())
        found.push_back(name);
    return found;
}
}  // namespace

TEST_CASE("a linear layer starts within 1 / sqrt(in) and computes x W' + b", "[nn]") {
    manual_seed(1);
    Linear<double, Device> layer(16, 3);
    CHECK(names(layer) == std::vector<std::string>{"weight", "bias"});
    for (const double w : layer.weight.value().to_vector())
        CHECK(std::abs(w) <= 0.25);
    const Var x(normal({2, 16}, 2));
    const auto from = host(x), y = host(layer.forward(x)), weight = host(layer.weight),
               bias = host(layer.bias);
    for (std::int64_t i = 0; i < 2; ++i)
        for (std::int64_t j = 0; j < 3; ++j) {
            double sum = bias.data()[j];
            for (std::int64_t k = 0; k < 16; ++k)
                sum += from.data()[i * 16 + k] * weight.data()[j * 16 + k];
            CHECK(y.data()[i * 3 + j] == Approx(sum));
        }
    Linear<double, Device> plain(4, 2, false);
    CHECK(names(plain) == std::vector<std::string>{"weight"});
    CHECK_THROWS_AS((Linear<double, Device>(0, 3)), Error);
}

TEST_CASE("layer norm has mean 0 and variance 1 before gain and bias", "[nn]") {
    LayerNorm<double, Device> layer(197);
    const auto y = host(layer.forward(Var(normal({3, 197}, 1, 5.0))));
    for (std::int64_t row = 0; row < 3; ++row) {
        double sum = 0, squares = 0;
        for (std::int64_t i = 0; i < 197; ++i) {
            sum += y.data()[row * 197 + i];
            squares += y.data()[row * 197 + i] * y.data()[row * 197 + i];
        }
        CHECK(sum / 197 == Approx(0).margin(1e-12));
        CHECK(squares / 197 == Approx(1).margin(1e-5));
    }
}

TEST_CASE("a block has the published names", "[nn]") {
    Block block({6, 2, 5, 7});
    CHECK(names(block) ==
          std::vector<std::string>{"0.fn.norm.weight", "0.fn.norm.bias", "0.fn.fn.to_qkv.weight",
                                   "0.fn.fn.to_out.0.weight", "0.fn.fn.to_out.0.bias", "1.fn.norm.weight",
                                   "1.fn.norm.bias", "1.fn.fn.net.0.weight", "1.fn.fn.net.0.bias",
                                   "1.fn.fn.net.3.weight", "1.fn.fn.net.3.bias"});
    CHECK(block.attention.to_qkv.weight.shape() == Shape{30, 6});
    CHECK(block.attention.scale == Approx(1 / std::sqrt(6.0)));  // of the width, not of a head
    CHECK_THROWS_AS((Block({6, 2, 5, 7, 1.0})), Error);
}

TEST_CASE("gradients of a block, to its input and every parameter, in training mode", "[nn]") {
    const std::int64_t tokens = GENERATE(1, 7, 37);
    manual_seed(4);
    Block block({6, 2, 5, 7, 0.2, 0.3});
    Inputs inputs{Var(normal({3, tokens, 6}, 2), true)};
    for (const auto& [name, parameter] : block.parameters())
        inputs.push_back(parameter);
    check_derivative([&](const Inputs& in) { return block.forward(in[0]); }, inputs);
}

TEST_CASE("the class token's row alone equals that of the whole block, gradients too", "[nn]") {
    const std::int64_t tokens = GENERATE(1, 7, 37);
    manual_seed(4);
    Block block({6, 2, 5, 7});
    const Var x(normal({3, tokens, 6}, 2), true);
    const auto g = normal({3, 6}, 3);
    const auto gradients = [&](const Var& y) {
        y.backward(g);
        std::vector<double> all = x.grad().to_vector();
        for (const auto& [name, parameter] : block.parameters()) {
            const auto values = parameter.grad().to_vector();
            all.insert(all.end(), values.begin(), values.end());
        }
        x.zero_grad();
        block.zero_grad();
        return all;
    };
    const Var whole = Attention<double, Device>::first_token(block.forward(x)),
              alone = block.forward_class(x);
    const auto all = host(whole), first = host(alone);
    for (std::int64_t i = 0; i < 18; ++i)
        CHECK(first.data()[i] == Approx(all.data()[i]).margin(1e-13));
    const auto expected = gradients(whole), got = gradients(alone);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        REQUIRE(got[i] == Approx(expected[i]).margin(1e-12));
}

TEST_CASE("an evaluation scope restores every module's own mode", "[nn]") {
    Block block({6, 2, 5, 7, 0.5, 0.5});
    block.attention.eval();
    {
        const EvaluationScope<double, Device> evaluation(block);
        CHECK(!block.training());
        CHECK(!block.feed_forward.training());
        const Var x(normal({1, 3, 6}, 2), true);
        const Var y = block.forward(x);
        CHECK(!y.requires_grad());
        CHECK(y.value().to_vector() == block.forward(x).value().to_vector());
    }
    CHECK(block.training());
    CHECK(block.feed_forward.training());
    CHECK(!block.attention.training());
    CHECK(!block.attention.to_qkv.training());
    CHECK(block.forward(Var(normal({1, 3, 6}, 2), true)).requires_grad());
}
