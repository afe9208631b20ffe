// 07: learning-rate scale and weight decay of every parameter in fine-tuning.
#include <fstream>
#include <lafs/models/part_fvit.hpp>
#include <lafs/optim/parameter_groups.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "cases.hpp"

namespace lafs_reference {

namespace {

constexpr double landmark_weight_decay = 0.05;  // the published constant, not in the file

/// The parameters of a Part fViT of this depth, with a head: their shapes have the published ranks.
lafs::NamedParameters<float> published_parameters(std::int64_t depth) {
    lafs::PartFViT<float> model(lafs::VitConfig::sized(16, depth, 1, 16));
    auto parameters = model.parameters();
    parameters.emplace_back("loss.weight", lafs::Variable<float>(lafs::Tensor<float>::zeros({2, 16}), true));
    return parameters;
}

}  // namespace

void check_layer_decay(const std::filesystem::path& path, Report& report) {
    const auto file = nlohmann::json::parse(std::ifstream(path));
    const auto depth = file.at("depth").get<std::int64_t>();
    const auto weight_decay = file.at("weight_decay").get<double>();
    const auto groups =
        lafs::layer_decay_groups(published_parameters(depth), depth, file.at("layer_decay").get<double>(),
                                 landmark_weight_decay / weight_decay);
    std::map<std::string, const lafs::ParameterGroup<float>*> group_of;
    for (const auto& group : groups)
        for (const auto& [name, parameter] : group.parameters)
            group_of[name] = &group;
    for (const auto& [name, expected] : file.at("parameters").items()) {
        const auto found = group_of.find(name);
        if (found == group_of.end()) {
            report.check(name, false, "no such parameter");
            continue;
        }
        report.compare(name + " lr_scale", found->second->lr_scale, expected.at("lr_scale").get<double>(),
                       1e-6);
        report.compare(name + " weight_decay", found->second->weight_decay_scale * weight_decay,
                       expected.at("weight_decay").get<double>(), 1e-6);
    }
}

}  // namespace lafs_reference
