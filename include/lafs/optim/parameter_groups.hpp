// Groups of parameters that share a learning rate and a weight decay.
//
// An optimiser is stepped with one learning rate and one weight decay (the values of the schedules); a group
// scales both:  lr = lr_scale * scheduled lr,  weight decay = weight_decay_scale * scheduled weight decay.
#pragma once

#include <charconv>
#include <cmath>
#include <lafs/nn/module.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Parameters with their full names, as `Module::parameters` lists them.
template <class T, class D = Cpu>
using NamedParameters = std::vector<std::pair<std::string, Variable<T, D>>>;

/// See the top of the file.
template <class T, class D = Cpu>
struct ParameterGroup {
    NamedParameters<T, D> parameters;
    double lr_scale = 1;
    double weight_decay_scale = 1;
};

namespace detail {

/// The published rule of stages 2 and 3: biases, gains and all other parameters of one axis are not decayed.
template <class T, class D>
bool is_decayed(const std::string& name, const Variable<T, D>& parameter) {
    return parameter.shape().rank() != 1 && !name.ends_with(".bias");
}

/// Adds a parameter to the group with these scales, which is appended when there is none.
template <class T, class D>
void add_to_group(std::vector<ParameterGroup<T, D>>& groups, double lr_scale, double weight_decay_scale,
                  const std::pair<std::string, Variable<T, D>>& parameter) {
    for (auto& group : groups)
        if (group.lr_scale == lr_scale && group.weight_decay_scale == weight_decay_scale) {
            group.parameters.push_back(parameter);
            return;
        }
    groups.push_back({{parameter}, lr_scale, weight_decay_scale});
}

inline constexpr std::string_view block_names = "transformer.layers.";

/// What stands in front of the published names of the ViT among some parameters ("model." where it is a part of
/// a larger module); nothing where they have no blocks. Throws for the blocks of several ViTs.
template <class T, class D>
std::optional<std::string_view> vit_prefix(const NamedParameters<T, D>& parameters) {
    std::optional<std::string_view> prefix;
    for (const auto& [name, parameter] : parameters) {
        const auto place = name.find(block_names);
        if (place == name.npos || (place > 0 && name[place - 1] != '.'))
            continue;
        const std::string_view front = std::string_view(name).substr(0, place);
        if (prefix && *prefix != front)
            fail("layer_decay_groups", "got the blocks of two transformers, \"", *prefix, block_names,
                 "\" and \"", front, block_names, "\", expected one");
        prefix = front;
    }
    return prefix;
}

/// Depth of a parameter of a ViT by its published name: 0 in front of the blocks, i + 1 in block i,
/// depth + 1 behind them.
inline std::int64_t layer_of(std::string_view name, std::int64_t depth) {
    for (const std::string_view front :
         {"pos_embedding", "cls_token", "patch_to_embedding.", "stn.", "output_layer."})
        if (name.starts_with(front))
            return 0;
    if (!name.starts_with(block_names))
        return depth + 1;
    const std::string_view number = name.substr(block_names.size());
    std::int64_t block = -1;
    const auto parsed = std::from_chars(number.data(), number.data() + number.size(), block);
    require(parsed.ec == std::errc() && block >= 0 && block < depth, "layer_decay_groups", "got \"", name,
            "\", expected a block of 0 .. ", depth - 1);
    return block + 1;
}

}  // namespace detail

/// The groups of pre-training (LAFS, arXiv 2403.08161; DINO, arXiv 2104.14294): what is decayed, and biases
/// and parameters of one axis, which are not. Parameters that do not require a gradient are in neither.
template <class T, class D>
std::vector<ParameterGroup<T, D>> default_groups(const NamedParameters<T, D>& parameters) {
    std::vector<ParameterGroup<T, D>> groups;
    for (const auto& parameter : parameters)
        if (parameter.second.requires_grad())
            detail::add_to_group(groups, 1, detail::is_decayed(parameter.first, parameter.second) ? 1 : 0,
                                 parameter);
    return groups;
}

/// Weight decay of the landmark CNN by that of the rest, as published for stages 1 and 3: 0.05 / 0.1.
inline constexpr double landmark_decay_scale = 0.5;

/// Which parameters weight decay draws to 0 in supervised training, as published.
enum class DecayedParameters {
    matrices,  ///< stage 3: all but biases and parameters of one axis; the trunk `stn.` by `landmark_scale`
    all        ///< stage 1: every one; the trunk `stn.` and `output_layer.` by `landmark_scale`
};

namespace detail {

/// Weight decay of a parameter by that of the optimiser; `name` is the published one.
template <class T, class D>
double decay_scale(std::string_view name, const std::string& full_name, const Variable<T, D>& parameter,
                   DecayedParameters decayed, double landmark_scale) {
    const bool trunk = name.starts_with("stn.");
    if (decayed == DecayedParameters::all)
        return trunk || name.starts_with("output_layer.") ? landmark_scale : 1.0;
    return !is_decayed(full_name, parameter) ? 0.0 : trunk ? landmark_scale : 1.0;
}

}  // namespace detail

/// The groups of supervised training (LAFS; layer-wise decay of MAE, arXiv 2111.06377): the learning rate is
/// scaled by decay^(depth + 1) for embeddings, landmark CNN and its output layer, decay^(depth - i) for block
/// i, 1 for the rest (final norm, head). `decay` 1 is training without layer decay (stage 1).
/// Names are the published ones, all of them with the same prefix where the model is a part of another module;
/// parameters that do not require a gradient are left out. Throws for a decay outside (0, 1], for a block that
/// `depth` does not have, and, with a decay below 1, when there are no blocks.
template <class T, class D>
std::vector<ParameterGroup<T, D>> layer_decay_groups(
    const NamedParameters<T, D>& parameters, std::int64_t depth, double decay = 0.58,
    double landmark_scale = landmark_decay_scale, DecayedParameters decayed = DecayedParameters::matrices) {
    require(depth >= 0, "layer_decay_groups", "got depth ", depth, ", expected 0 or more");
    require(decay > 0 && decay <= 1, "layer_decay_groups", "got decay ", decay, ", expected 0 < decay <= 1");
    require(landmark_scale >= 0 && std::isfinite(landmark_scale), "layer_decay_groups",
            "got weight decay scale ", landmark_scale, " of the landmark CNN, expected 0 or more");
    const auto prefix = detail::vit_prefix(parameters);
    require(prefix || decay == 1, "layer_decay_groups", "got ", parameters.size(),
            " parameters, none of them in a block (", detail::block_names,
            "0.), expected those of a ViT: nothing would be scaled");
    std::vector<ParameterGroup<T, D>> groups;
    for (const auto& parameter : parameters) {
        const auto& [full_name, variable] = parameter;
        if (!variable.requires_grad())
            continue;
        std::string_view name = full_name;
        if (prefix && name.starts_with(*prefix))
            name.remove_prefix(prefix->size());
        else if (prefix)
            name = {};  // beside the ViT, as a head is
        const double lr_scale =
            std::pow(decay, static_cast<double>(depth + 1 - detail::layer_of(name, depth)));
        detail::add_to_group(groups, lr_scale,
                             detail::decay_scale<T, D>(name, full_name, variable, decayed, landmark_scale),
                             parameter);
    }
    return groups;
}

}  // namespace lafs::inline LAFS_ABI
