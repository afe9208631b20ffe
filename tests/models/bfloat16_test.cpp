// Training in bfloat16 with float masters, as docs/design.md decides it: a small network follows the loss of
// the same network in float, step by step, within a bound.
#include <lafs/autograd/convert.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/losses/cosface.hpp>
#include <lafs/models/landmark_cnn.hpp>
#include <lafs/models/vit.hpp>
#include <lafs/nn/copy_parameters.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "catch.hpp"

namespace {

using lafs::bfloat16, lafs::Cpu, lafs::Shape, lafs::Tensor, lafs::Variable;

lafs::VitConfig little() {
    lafs::VitConfig config = lafs::VitConfig::sized(48, 3, 2, 96);
    config.head_width = 16;
    config.tokens = 16;
    config.image_size = 32;
    config.dropout = config.embedding_dropout = config.stochastic_depth = 0;
    return config;
}

/// A recogniser of ten classes: activations and weights of the transformer in T, the head and its loss in
/// float.
template <class T>
struct Recogniser {
    lafs::FViT<T> model{little()};
    lafs::CosFace<float> head{48, 10, 16.0, 0.1};
    lafs::AdamW<T> optimizer{lafs::default_groups(model.parameters())};
    lafs::AdamW<float> head_optimizer{lafs::default_groups(head.parameters())};

    double step(const Tensor<float>& images, const Tensor<std::int64_t>& labels) {
        optimizer.zero_grad();
        head_optimizer.zero_grad();
        const auto features = lafs::cast<float>(model.forward(Variable<T>(lafs::cast<T>(images))));
        const Variable<float> loss = head.loss(features, labels);
        loss.backward();
        lafs::clip_global(optimizer.parameters(), 5.0);
        optimizer.step(1e-3, 0.05);
        head_optimizer.step(1e-3, 0.0);
        return loss.item();
    }
};

/// Images of ten classes: a pattern each, and noise.
std::pair<Tensor<float>, Tensor<std::int64_t>> batch(std::uint64_t number) {
    const auto patterns = lafs::normal_tensor<float>({10, 3 * 32 * 32}, 77);
    const auto images = lafs::normal_tensor<float>({16, 3, 32, 32}, 1000 + number);
    const auto labels = Tensor<std::int64_t>::empty({16});
    for (std::int64_t i = 0; i < 16; ++i) {
        labels.data()[i] = static_cast<std::int64_t>((number * 7 + static_cast<std::uint64_t>(i) * 3) % 10);
        for (std::int64_t k = 0; k < 3 * 32 * 32; ++k)
            images.data()[i * 3 * 32 * 32 + k] = 0.5f * images.data()[i * 3 * 32 * 32 + k] +
                                                 0.5f * patterns.data()[labels.data()[i] * 3 * 32 * 32 + k];
    }
    return {images, labels};
}

}  // namespace

TEST_CASE("a network in bfloat16 follows the loss of the float one", "[models]") {
    lafs::manual_seed(5);
    Recogniser<bfloat16> narrow;
    Recogniser<float> wide;
    copy_parameters(narrow.model, wide.model);  // both begin with the same numbers
    copy_parameters(narrow.head, wide.head);

    double first = 0, last = 0, worst = 0, sum = 0;
    constexpr int steps = 60;
    for (int step = 0; step < steps; ++step) {
        const auto [images, labels] = batch(static_cast<std::uint64_t>(step));
        const double expected = wide.step(images, labels), got = narrow.step(images, labels);
        if (step == 0)
            first = expected;
        last = expected;
        worst = std::max(worst, std::abs(got - expected));
        sum += std::abs(got - expected);
    }
    INFO("loss " << first << " -> " << last << ", largest difference " << worst << ", mean " << sum / steps);
    CHECK(first > 3.5);
    CHECK(last < 0.5 * first);           // it learns
    CHECK(worst < 0.01 * first);         // the bound: 1 % of the first loss at every step
    CHECK(sum / steps < 0.003 * first);  // and 0.3 % on average
}

TEST_CASE("embeddings in bfloat16 are those in float, within its precision", "[models]") {
    lafs::manual_seed(6);
    lafs::FViT<float> wide(little());
    lafs::FViT<bfloat16> narrow(little());
    copy_parameters(wide, narrow);
    const auto images = lafs::normal_tensor<float>({4, 3, 32, 32}, 3);
    const auto expected = wide.embed(images);
    const auto got = lafs::cast<float>(narrow.embed(lafs::cast<bfloat16>(images)));
    for (std::int64_t i = 0; i < 4; ++i) {
        double inner = 0, a = 0, b = 0;
        for (std::int64_t k = 0; k < 48; ++k) {
            const double x = expected.data()[i * 48 + k], y = got.data()[i * 48 + k];
            inner += x * y;
            a += x * x;
            b += y * y;
        }
        CHECK(inner / std::sqrt(a * b) > 0.9995);
    }
}

TEST_CASE("a landmark network in float learns through a transformer in bfloat16", "[models]") {
    lafs::manual_seed(7);
    const lafs::LandmarkCnn<float> cnn({16, 32, 0.0});
    lafs::VitConfig config = little();
    config.depth = 1;
    lafs::Vit<float> wide(config);
    lafs::Vit<bfloat16> narrow(config);
    copy_parameters(wide, narrow);
    const auto images = lafs::normal_tensor<float>({4, 3, 32, 32}, 4);
    const auto direction = lafs::normal_tensor<float>({4, 48}, 5);
    /// The gradient of the points, and that of one weight of the network that finds them.
    const auto gradients = [&](auto& vit, auto zero) {
        using T = decltype(zero);
        const Variable<float> found = cnn.landmarks(Variable<float>(images));
        const Variable<float> points(found.value(), true);
        const auto tokens = landmark_patches(Variable<T>(lafs::cast<T>(images)), points);
        const Variable<float> features = lafs::cast<float>(vit.forward_tokens(tokens));
        features.backward(direction);
        found.backward(points.grad());
        const auto weights = cnn.output_layer.linear.weight.grad().to_vector();
        cnn.output_layer.linear.weight.zero_grad();
        return weights;
    };
    const auto expected = gradients(wide, 0.0f), got = gradients(narrow, bfloat16(0.0f));
    double inner = 0, a = 0, b = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        inner += static_cast<double>(expected[i]) * static_cast<double>(got[i]);
        a += static_cast<double>(expected[i]) * static_cast<double>(expected[i]);
        b += static_cast<double>(got[i]) * static_cast<double>(got[i]);
    }
    CHECK(a > 0);
    CHECK(inner / std::sqrt(a * b) > 0.999);
    CHECK(std::sqrt(b / a) == Approx(1).margin(0.01));
}
