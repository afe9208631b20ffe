// The transformer: names, gradients by differences, recomputation, memory, refusals; on every device.
#include <lafs/models/vit.hpp>

#include "device_values.hpp"
#include "models/little_config.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {
struct Step {
    std::vector<float> value;
    std::vector<std::vector<float>> gradients;
};

Step step(const VitConfig& config, int thread_count) {
    const int before = threads();
    set_threads(thread_count);
    manual_seed(7);
    Vit<float, Device> model(config);
    const DeviceVariable<float> tokens(normal<float>({4, 9, config.token_size()}, 1), true);
    const auto y = model.forward_tokens(tokens);
    y.backward(normal<float>(y.shape(), 2));
    Step result{y.value().to_vector(), {tokens.grad().to_vector()}};
    for (const auto& [name, parameter] : model.parameters())
        result.gradients.push_back(parameter.grad().to_vector());
    set_threads(before);
    return result;
}
}  // namespace

TEST_CASE("a transformer lists its parameters as published", "[models]") {
    Vit<float, Device> model(little_config());
    const auto parameters = model.parameters();
    REQUIRE(parameters.size() == 4 + 2 * 11 + 2);
    CHECK(parameters[0].first == "pos_embedding");
    CHECK(parameters[0].second.shape() == Shape{1, 10, 12});
    CHECK(parameters[1].first == "cls_token");
    CHECK(parameters[2].first == "patch_to_embedding.weight");
    CHECK(parameters[4].first == "transformer.layers.0.0.fn.norm.weight");
    CHECK(parameters[25].first == "transformer.layers.1.1.fn.fn.net.3.bias");
    CHECK(parameters[27].first == "mlp_head.0.bias");
}

TEST_CASE("gradients of the transformer to tokens and every parameter", "[models]") {
    const std::int64_t tokens = GENERATE(1, 4, 9);
    manual_seed(3);
    VitConfig config = little_config();
    config.recompute = tokens == 4;
    Vit<double, Device> model(config);
    Inputs inputs{{normal({2, tokens, config.token_size()}, 1), true}};
    for (const auto& [name, parameter] : model.parameters())
        inputs.push_back(parameter);
    GradientCheckOptions options;
    options.elements = 6;
    check_derivative([&](const Inputs& in) { return model.forward_tokens(in[0]); }, inputs, options);
}

TEST_CASE("recomputed blocks and other thread counts give the same bits", "[models]") {
    VitConfig config = little_config();
    const Step plain = step(config, 1), threaded = step(config, 2);
    config.recompute = true;
    const Step recomputed = step(config, 2);
    CHECK(plain.value == threaded.value);
    CHECK(plain.gradients == threaded.gradients);
    CHECK(plain.value == recomputed.value);
    CHECK(plain.gradients == recomputed.gradients);
}

TEST_CASE("plain fViT embeds images in evaluation mode and leaves the mode as it was", "[models]") {
    manual_seed(1);
    FViT<float, Device> model(little_config());
    const auto images = normal<float>({2, 3, 6, 6}, 1);
    const auto a = model.embed(images), b = model.embed(images);
    CHECK(a.shape() == Shape{2, 12});
    CHECK(a.to_vector() == b.to_vector());
    CHECK(model.training());
    // The same image gives the same embedding in any batch.
    const auto alone = host(model.embed(images.slice(1, 2).clone())), both = host(a);
    for (std::int64_t i = 0; i < 12; ++i)
        CHECK(alone.data()[i] == Approx(both.data()[12 + i]).margin(1e-6));
    const auto looks = host(model.class_attention(grid_patches(DeviceVariable<float>(images), 2)));
    REQUIRE(looks.shape() == Shape{2, 2, 10});
    double sum = 0;
    for (int k = 0; k < 10; ++k)
        sum += static_cast<double>(looks.data()[k]);
    CHECK(sum == Approx(1));
}

TEST_CASE("a steady step of the transformer asks the system for no memory", "[models]") {
    manual_seed(1);
    Vit<float, Device> model(little_config());
    const DeviceVariable<float> tokens(normal<float>({4, 9, 12}, 1));
    const auto run = [&] {
        model.zero_grad();
        const auto y = model.forward_tokens(tokens);
        y.backward(y.value().clone());
    };
    run();
    run();
    const auto before = pool<Device>().statistics().system_allocations;
    run();
    CHECK(pool<Device>().statistics().system_allocations == before);
}

TEST_CASE("invalid transformers and tokens are refused", "[models]") {
    const auto invalid = [](auto change) {
        VitConfig config = little_config();
        change(config);
        CHECK_THROWS_AS((Vit<float, Device>(config)), Error);
    };
    invalid([](VitConfig& c) { c.width = 0; });
    invalid([](VitConfig& c) { c.depth = -1; });
    invalid([](VitConfig& c) { c.dropout = 1; });
    invalid([](VitConfig& c) { c.stochastic_depth = -0.1; });
    invalid([](VitConfig& c) { c.epsilon = 0; });
    Vit<float, Device> model(little_config());
    const auto tokens = [](const Shape& shape) { return DeviceVariable<float>(normal<float>(shape, 1)); };
    CHECK_THROWS_AS(model.forward_tokens(tokens({2, 10, 12})), Error);
    CHECK_THROWS_AS(model.forward_tokens(tokens({2, 0, 12})), Error);
    CHECK_THROWS_AS(model.forward_tokens(tokens({2, 9, 11})), Error);
    CHECK_THROWS_AS(model.class_attention(tokens({2, 9, 12}), 2), Error);
}

TEST_CASE("plain fViT refuses images of a size that it is not made for", "[models]") {
    FViT<float, Device> model(little_config());
    const auto images = [](const Shape& shape) { return DeviceVariable<float>(normal<float>(shape, 1)); };
    CHECK_THROWS_AS(model.forward(images({1, 3, 4, 4})), Error);  // fewer patches than positions
    CHECK_THROWS_AS(model.forward(images({1, 3, 8, 8})), Error);
    CHECK_THROWS_AS(model.forward(images({1, 3, 6, 4})), Error);
    CHECK_THROWS_AS(model.forward(images({1, 1, 6, 6})), Error);
    CHECK(model.forward(images({1, 3, 6, 6})).shape() == Shape{1, 12});
}
