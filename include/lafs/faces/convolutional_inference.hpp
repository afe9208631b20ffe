// The sizes of an IResNet or a MobileFaceNet, read from the names and shapes of its weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <lafs/faces/model_shapes.hpp>
#include <lafs/faces/model_spec.hpp>
#include <optional>
#include <string>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The number of tensors "front<i>back" from i = 0 on.
inline std::int64_t count_names(const ModelShapes& shapes, const std::string& front,
                                const std::string& back) {
    std::int64_t count = 0;
    while (shapes.contains(front + std::to_string(count) + back))
        ++count;
    return count;
}

/// About as many weights as a network has: those of its convolutions and its linear layer.
inline double weight_values(const IResNetConfig& config) {
    double values = static_cast<double>(config.flat()) * static_cast<double>(config.features);
    for (int stage = 0; stage < 4; ++stage) {
        const auto out = static_cast<double>(config.channels(stage));
        const auto in = static_cast<double>(config.channels(std::max(stage - 1, 0)));
        const auto count = static_cast<double>(config.blocks[static_cast<std::size_t>(stage)]);
        values += 10 * in * out + 9 * out * out + 18 * (count - 1) * out * out;
    }
    return values;
}

inline double weight_values(const MobileFaceNetConfig& config) {
    const auto last = static_cast<double>(config.last());
    const auto side = static_cast<double>(config.image_size) / 16;
    double values =
        last * (static_cast<double>(config.channels(3)) + side * side + static_cast<double>(config.features));
    for (int stage = 0; stage < 4; ++stage)
        values += 2 * static_cast<double>(config.blocks[static_cast<std::size_t>(stage)]) *
                  static_cast<double>(config.channels(stage)) * static_cast<double>(config.expanded(stage));
    return values;
}

/// What the two networks' inference ends with.
template <class Config>
void check_convolutional(const ModelShapes& shapes, const Config& config) {
    config.validate();
    shapes.check_holds(weight_values(config), model_text(config));
}

inline IResNetConfig infer_iresnet(const ModelShapes& shapes) {
    IResNetConfig config;
    config.width = shapes.shape("conv1.weight", 4)[0];
    for (std::size_t stage = 0; stage < config.blocks.size(); ++stage)
        config.blocks[stage] =
            count_names(shapes, "layer" + std::to_string(stage + 1) + ".", ".conv1.weight");
    const auto fc = shapes.shape("fc.weight", 2);  // (features, channels * side * side)
    config.features = fc[0];
    require(config.width <= 65536, "load_weights", shapes.path(), ": conv1.weight has ", config.width,
            " channels, expected 1 .. 65536");
    const std::int64_t places = shapes.divide("fc.weight", fc[1], config.channels(3), "columns");
    const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(places))));
    require(side * side == places, "load_weights", shapes.path(), ": fc.weight takes ", places,
            " values a channel, expected a square: those of a map");
    config.image_size = 16 * side;
    check_convolutional(shapes, config);
    return config;
}

inline MobileFaceNetConfig infer_mobilefacenet(const ModelShapes& shapes) {
    MobileFaceNetConfig config;
    const std::string stem = "layers.0.layers.0.weight", last = "conv_sep.layers.0.weight";
    config.width = shapes.divide(last, shapes.shape(last, 4)[0], 8, "rows");
    config.scale = shapes.divide(stem, shapes.shape(stem, 4)[0], config.width, "channels");
    for (std::size_t stage = 0; stage < config.blocks.size(); ++stage)
        config.blocks[stage] = count_names(shapes, "layers." + std::to_string(2 * stage + 1) + ".layers.",
                                           ".layers.0.layers.0.weight");
    if (config.blocks[0] == 0)  // one grouped convolution
        config.blocks[0] = 1;
    config.features = shapes.shape("features.layers.2.weight", 2)[0];
    config.image_size = 16 * shapes.shape("features.layers.0.layers.0.weight", 4)[2];
    check_convolutional(shapes, config);
    return config;
}

/// The model, if the names are those of a convolutional one. Throws, saying why, when the rest does not fit them.
inline std::optional<ModelSpec> infer_convolutional(const ModelShapes& shapes) {
    ModelSpec spec;
    spec.landmarks = false;
    if (shapes.contains("prelu.weight") && shapes.contains("layer1.0.prelu.weight")) {
        shapes.need({"conv1.weight", "layer4.0.conv1.weight", "fc.weight", "features.weight"}, "IResNet");
        spec.network = Network::iresnet;
        spec.iresnet = infer_iresnet(shapes);
        return spec;
    }
    if (shapes.contains("conv_sep.layers.0.weight")) {
        shapes.need(
            {"layers.0.layers.0.weight", "features.layers.0.layers.0.weight", "features.layers.2.weight"},
            "MobileFaceNet");
        spec.network = Network::mobilefacenet;
        spec.mobilefacenet = infer_mobilefacenet(shapes);
        return spec;
    }
    return std::nullopt;
}

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
