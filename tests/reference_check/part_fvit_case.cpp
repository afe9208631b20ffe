// 04: image -> landmarks -> patches -> transformer -> CosFace -> cross entropy, with gradients back into the
// landmark CNN.
#include <lafs/losses/cosface.hpp>
#include <lafs/models/part_fvit.hpp>

#include "cases.hpp"
#include "transformer_config.hpp"

namespace lafs_reference {

namespace {

using Parameters = std::vector<std::pair<std::string, lafs::Variable<float>>>;

void compare_gradients(Report& report, const lafs::SafetensorsFile& file, const Parameters& parameters) {
    // A bias in front of batch statistics has no effect: its gradient is zero but for rounding.
    double largest = 0.0;
    for (const auto& [name, parameter] : parameters)
        largest = std::max(largest, file.read<double>("grad_norm." + name).at(0));
    for (const auto& [name, parameter] : parameters) {
        double squares = 0.0;
        for (const float g : parameter.grad().span())
            squares += double{g} * g;
        const double norm = std::sqrt(squares);
        report.compare("grad_norm." + name, std::span<const double>(&norm, 1),
                       std::span<const double>(file.read<double>("grad_norm." + name)), 5e-3, 1e-4 * largest);
        if (file.contains("grad." + name))
            compare(report, file, "grad." + name, parameter.grad(), 5e-3);
    }
}

}  // namespace

void check_part_fvit(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const auto image = tensor_of(file, "image");
    const auto config = transformer_config(file);
    lafs::PartFViT<float> model(config, image.shape(3));
    lafs::CosFace<float> head(config.width, integer_of(file, "classes"), std::stod(file.metadata("s")),
                              std::stod(file.metadata("m")));
    lafs::load_weights(model, file, "weights.");
    lafs::load_weights(head, file, "weights.loss.");
    model.eval();
    const auto values = file.read<std::int64_t>("label");
    const auto labels = lafs::Tensor<std::int64_t>::from({static_cast<std::int64_t>(values.size())}, values);

    const lafs::Variable<float> images(image);
    const auto landmarks = model.landmarks(images);
    const auto embedding = model.forward(images, landmarks);
    const auto logits = head.logits(embedding, labels);
    const auto loss = lafs::cross_entropy(logits, labels);
    compare(report, file, "landmarks", landmarks.value(), 1e-4);
    compare(report, file, "embedding", embedding.value(), 1e-4);
    compare(report, file, "logits", logits.value(), 1e-4);
    compare(report, file, "loss", loss.value(), 1e-4);

    loss.backward();
    Parameters parameters = model.parameters();
    for (const auto& [name, parameter] : head.parameters())
        parameters.emplace_back("loss." + name, parameter);
    compare_gradients(report, file, parameters);
}

}  // namespace lafs_reference
