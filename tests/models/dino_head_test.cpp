// The DINO head: names, sizes, values against plain loops, gradients by differences; on every device.
#include <lafs/models/dino_head.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

TEST_CASE("the DINO head has the published names, sizes and initial values", "[models]") {
    manual_seed(1);
    DinoHead<float, Device> head({12, 197, 40, 7});
    std::vector<std::string> names;
    for (const auto& [name, parameter] : head.parameters())
        names.push_back(name);
    CHECK(names == std::vector<std::string>{"mlp.0.weight", "mlp.0.bias", "mlp.2.weight", "mlp.2.bias",
                                            "mlp.4.weight", "mlp.4.bias", "last_layer.weight_g",
                                            "last_layer.weight_v"});
    CHECK(head.gain.shape() == Shape{197, 1});
    CHECK(head.last.weight.shape() == Shape{197, 7});
    double squares = 0;
    for (const float w : head.second.weight.value().to_vector())
        squares += static_cast<double>(w) * static_cast<double>(w);
    CHECK(std::sqrt(squares / 1600) == Approx(0.02).margin(0.002));
    CHECK(head.third.bias.value().to_vector()[6] == 0);
}

TEST_CASE("bottleneck and last weight have unit rows, and give the logits", "[models]") {
    manual_seed(1);
    DinoHead<double, Device> head({12, 37, 40, 7});
    const Var x(normal({3, 12}, 1));
    const auto z = host(head.bottleneck(x)), w = host(head.last_weight()), logits = host(head.forward(x));
    REQUIRE(logits.shape() == Shape{3, 37});
    for (std::int64_t i = 0; i < 3; ++i)
        for (std::int64_t k = 0; k < 37; ++k) {
            double dot = 0, length = 0;
            for (std::int64_t j = 0; j < 7; ++j) {
                dot += z.data()[i * 7 + j] * w.data()[k * 7 + j];
                length += w.data()[k * 7 + j] * w.data()[k * 7 + j];
            }
            CHECK(length == Approx(1));
            CHECK(logits.data()[i * 37 + k] == Approx(dot));
        }
    auto gains = host(head.gain);
    gains.data()[5] = 3;
    head.gain.value().copy_from(on_device(gains));
    CHECK(host(head.forward(x)).data()[5] == Approx(3 * logits.data()[5]));
}

TEST_CASE("gradients of the DINO head; the gain gets none", "[models]") {
    manual_seed(2);
    DinoHead<double, Device> head({12, 37, 10, 7});
    for (const auto* layer : {&head.first, &head.second, &head.third})  // lengths far above the step
        assign(layer->weight.value().view(), layer->weight.value() * 20);
    Inputs inputs{{normal({3, 12}, 1), true}};
    for (const auto& [name, parameter] : head.parameters())
        if (name != "last_layer.weight_g")
            inputs.push_back(parameter);
    check_derivative([&](const Inputs& in) { return head.forward(in[0]); }, inputs);
    head.requires_grad(true);
    head.forward(inputs[0]).backward(DeviceTensor<double>::full({3, 37}, 1.0));
    CHECK(!head.gain.grad().defined());
}
