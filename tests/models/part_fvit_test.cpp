// Part fViT: order of its parameters, its own landmarks and those of others; on every device.
#include <lafs/models/part_fvit.hpp>

#include "device_values.hpp"
#include "models/little_config.hpp"

using namespace lafs;
using namespace lafs_test;

using Model = PartFViT<float, Device>;

TEST_CASE("Part fViT lists its parameters in the published order", "[models]") {
    Model model(little_config());
    std::vector<std::string> parts;  // first component of each name, once
    for (const auto& [name, parameter] : model.parameters())
        if (const auto part = name.substr(0, name.find('.')); parts.empty() || parts.back() != part)
            parts.push_back(part);
    CHECK(parts == std::vector<std::string>{"pos_embedding", "cls_token", "stn", "output_layer",
                                            "patch_to_embedding", "transformer", "mlp_head"});
}

TEST_CASE("Part fViT reads patches at its own landmarks, and passes gradients to the landmark CNN",
          "[models]") {
    manual_seed(1);
    Model model(little_config(), 32);
    model.eval();
    const DeviceVariable<float> images(normal<float>({2, 3, 32, 32}, 1));
    const auto points = model.landmarks(images);
    REQUIRE(points.shape() == Shape{2, 9, 2});
    const auto whole = model.forward(images);
    const auto parts = model.forward_tokens(landmark_patches(images, points, 2));
    CHECK(whole.value().to_vector() == parts.value().to_vector());
    CHECK(whole.value().to_vector() == model.embed(images.value()).to_vector());
    whole.backward(normal<float>(whole.shape(), 2));
    for (const auto& [name, parameter] : model.parameters()) {
        INFO(name);
        CHECK(parameter.grad().defined());
    }
    if (!on_cpu)
        return;  // the rest is the host's affair
    model.landmark_cnn.requires_grad(false);
    model.zero_grad();
    model.forward(images).backward(normal<float>(whole.shape(), 2));
    for (const auto& [name, parameter] : model.landmark_cnn.parameters())
        CHECK(!parameter.grad().defined());
    CHECK(model.patch_to_embedding.weight.grad().defined());
}

TEST_CASE("Part fViT takes fewer landmarks from elsewhere", "[models]") {
    Model model(little_config(), 32);
    const DeviceVariable<float> images(normal<float>({2, 3, 32, 32}, 1));
    const DeviceVariable<float> few(uniform<float>({2, 4, 2}, 2, 0, 31)), many(uniform<float>({2, 10, 2}, 2));
    CHECK(model.forward(images, few).shape() == Shape{2, 12});
    CHECK_THROWS_AS(model.forward(images, many), Error);
    CHECK_THROWS_AS((Model(little_config(), 1)), Error);
}

TEST_CASE("Part fViT refuses images of a size that it is not made for, and says both", "[models]") {
    manual_seed(1);
    VitConfig config = little_config();
    config.image_size = 32;
    Model model(config);
    model.eval();
    const auto message = [&](const auto& run) {
        try {
            run();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string("nothing was thrown");
    };
    for (const std::int64_t side : {16, 64}) {
        const DeviceVariable<float> images(normal<float>({1, 3, side, side}, 1)),
            points(uniform<float>({1, 4, 2}, 2, 0, 15));
        const std::string both = "got images (1, 3, " + std::to_string(side) + ", " + std::to_string(side) +
                                 "), expected (B, 3, 32, 32)";
        CHECK(message([&] { model.landmarks(images); }).find(both) != std::string::npos);
        CHECK(message([&] { model.forward(images); }).find(both) != std::string::npos);
        CHECK(message([&] { model.forward(images, points); }).find(both) != std::string::npos);
        CHECK(message([&] { model.embed(images.value()); }).find(both) != std::string::npos);
    }
    CHECK_THROWS_AS(model.forward(DeviceVariable<float>(normal<float>({1, 3, 32, 16}, 1))), Error);
}

TEST_CASE("landmarks span the image size of the configuration", "[models]") {
    manual_seed(1);
    VitConfig config = little_config();
    const std::int64_t side = sized(48, 24);
    config.image_size = side;
    Model model(config);
    model.eval();
    const auto points = host(model.landmarks(DeviceVariable<float>(normal<float>({2, 3, side, side}, 1))));
    for (std::int64_t image = 0; image < 2; ++image) {
        const auto one = points.slice(image, image + 1).to_vector();
        CHECK(*std::min_element(one.begin(), one.end()) == 0.0f);
        CHECK(*std::max_element(one.begin(), one.end()) == Approx(static_cast<double>(side - 1)));
    }
}
