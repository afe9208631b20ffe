// Hooks see outputs by name, and change nothing; on every device.
#include <lafs/models/vit.hpp>
#include <lafs/nn/hooks.hpp>
#include <optional>

#include "device_values.hpp"
#include "models/little_config.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

using Model = FViT<float, Device>;

/// Loss and gradients of one training step, with dropout.
std::vector<std::vector<float>> step(Model& model) {
    manual_seed(5);
    model.zero_grad();
    const auto y = model.forward(DeviceVariable<float>(normal<float>({2, 3, 6, 6}, 1)));
    y.backward(normal<float>(y.shape(), 2));
    std::vector<std::vector<float>> result{y.value().to_vector()};
    for (const auto& [name, parameter] : model.parameters())
        result.push_back(parameter.grad().to_vector());
    return result;
}

}  // namespace

TEST_CASE("a hook sees the output of its part and leaves training the same bits", "[nn]") {
    manual_seed(1);
    Model model(little_config());
    const auto expected = step(model);
    std::vector<Shape> shapes;
    DeviceTensor<float> last;
    auto block = on_output(model, "transformer.layers.0",
                           [&](const DeviceVariable<float>& y) { shapes.push_back(y.shape()); });
    auto norm = on_output(model, "transformer.layers.1.1.fn.norm",
                          [&](const DeviceVariable<float>& y) { shapes.push_back(y.shape()); });
    const auto whole = on_output(model, "", [&](const DeviceVariable<float>& y) { last = y.value(); });
    CHECK(step(model) == expected);
    CHECK(shapes == std::vector<Shape>{{2, 10, 12}, {2, 12}});
    CHECK(last.to_vector() == expected[0]);
    norm.remove();
    step(model);
    CHECK(shapes.size() == 3);
    { const auto gone = std::move(block); }
    step(model);
    CHECK(shapes.size() == 3);
}

TEST_CASE("hooks follow a model that moves, and may live longer", "[nn]") {
    manual_seed(1);
    int calls = 0;
    std::optional<OutputHook<float, Device>> hook;
    {
        Model model(little_config());
        hook.emplace(on_output(model, "mlp_head.0", [&](const DeviceVariable<float>&) { ++calls; }));
        Model moved = std::move(model);
        moved.embed(normal<float>({1, 3, 6, 6}, 1));
        CHECK(calls == 1);
    }
    hook.reset();
}

TEST_CASE("a name that no part has is an error that shows names", "[nn]") {
    Model model(little_config());
    try {
        const auto hook = on_output(model, "transformer.layers.7", [](const DeviceVariable<float>&) {});
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        const std::string text = error.what();
        CHECK(text.find("got the name \"transformer.layers.7\"") != text.npos);
        CHECK(text.find("transformer.layers.0") != text.npos);
    }
}
