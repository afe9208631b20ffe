// Which tensors of a file are a model's, and by which names: sub-dictionaries and wrappers of checkpoints.
//
//   teacher.backbone.cls_token                       -> cls_token    of the part "teacher"
//   state_dict.module.encoder.cls_token              -> cls_token    of the part "state_dict"
//   module.loss.weight                               -> loss.weight  of the whole file
#pragma once

#include <algorithm>
#include <array>
#include <lafs/core/error.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Sub-dictionaries that hold weights, the preferred first: a teacher is what is used after pre-training.
inline constexpr std::array<std::string_view, 6> weights_parts = {
    "teacher", "student", "state_dict", "state_dict_backbone", "model_state_dict", "model"};

/// What training wraps around a model's names: DataParallel, DINO, an encoder with a head, torch.compile.
inline constexpr std::array<std::string_view, 4> weights_wrappers = {"module.", "backbone.", "encoder.",
                                                                     "_orig_mod."};

/// The tensors of a part of a file by the names that a model knows them by.
struct WeightsNames {
    std::string part;                              ///< "teacher", "state_dict.student"; empty: the whole file
    std::map<std::string, std::string> in_file;    ///< the model's name -> the file's name
    std::map<std::string, std::size_t> elsewhere;  ///< other parts of the file -> their tensors
};

/// The name without the wrappers in front of it.
inline std::string_view without_wrappers(std::string_view name) {
    for (bool found = true; found;) {
        found = false;
        for (const std::string_view wrapper : weights_wrappers)
            if (name.starts_with(wrapper)) {
                name.remove_prefix(wrapper.size());
                found = true;
            }
    }
    return name;
}

namespace detail {

inline bool is_inside(std::string_view name, std::string_view part) {
    return name.size() > part.size() && name.starts_with(part) && name[part.size()] == '.';
}

inline std::string_view first_word(std::string_view name) {
    return name.substr(0, name.find('.'));
}

/// A tensor of a file and what is left of its name.
struct NamedTensor {
    std::string_view in_file, rest;
};

inline void unwrap(std::vector<NamedTensor>& tensors) {
    for (NamedTensor& tensor : tensors)
        tensor.rest = without_wrappers(tensor.rest);
}

/// Keeps the tensors of one sub-dictionary; the others are counted.
inline void enter_part(std::vector<NamedTensor>& tensors, std::string_view part, WeightsNames& result) {
    std::vector<NamedTensor> inside;
    for (const NamedTensor& tensor : tensors) {
        if (is_inside(tensor.rest, part))
            inside.push_back({tensor.in_file, tensor.rest.substr(part.size() + 1)});
        else
            ++result.elsewhere[std::string(first_word(tensor.rest))];
    }
    tensors = std::move(inside);
    result.part += (result.part.empty() ? "" : ".") + std::string(part);
}

/// The first of `weights_parts` that some name is inside of; empty for none.
inline std::string_view known_part(const std::vector<NamedTensor>& tensors) {
    for (const std::string_view part : weights_parts)
        if (std::any_of(tensors.begin(), tensors.end(),
                        [&](const NamedTensor& tensor) { return is_inside(tensor.rest, part); }))
            return part;
    return {};
}

inline std::string parts_of(const std::vector<NamedTensor>& tensors) {
    std::map<std::string_view, std::size_t> parts;
    for (const NamedTensor& tensor : tensors)
        ++parts[first_word(tensor.rest)];
    std::string text;
    std::size_t shown = 0;
    for (const auto& [part, count] : parts) {
        if (++shown > 8)
            return text + " ...";
        text += (text.empty() ? "" : ", ") + std::string(part) + " (" + std::to_string(count) + ")";
    }
    return text;
}

}  // namespace detail

/// Finds the weights in a list of names. `key` chooses a sub-dictionary ("student", "state_dict.teacher");
/// when it is empty the first of `weights_parts` is taken, within it again, and without one the whole file.
/// Wrappers are taken off. Throws when there is no such sub-dictionary, and when two names become one.
inline WeightsNames find_weights(const std::vector<std::string>& file_names, const std::string& file,
                                 const std::string& key = "") {
    WeightsNames result;
    std::vector<detail::NamedTensor> tensors;
    for (const std::string& name : file_names)
        tensors.push_back({name, name});
    if (!key.empty()) {
        const std::string parts = detail::parts_of(tensors);
        detail::enter_part(tensors, key, result);
        require(!tensors.empty(), "load_weights", file, " has no part \"", key, "\"; it has ", parts);
    }
    detail::unwrap(tensors);
    constexpr int deepest = 4;  // dictionaries in dictionaries
    for (int depth = 0; key.empty() && depth < deepest; ++depth) {
        const std::string_view part = detail::known_part(tensors);
        if (part.empty())
            break;
        detail::enter_part(tensors, part, result);
        detail::unwrap(tensors);
    }
    for (const detail::NamedTensor& tensor : tensors) {
        const auto [at, added] = result.in_file.emplace(tensor.rest, tensor.in_file);
        require(added, "load_weights", file, ": \"", at->second, "\" and \"", tensor.in_file,
                "\" are both \"", at->first, "\" of the model: choose one by its part (--key)");
    }
    return result;
}

}  // namespace lafs::inline LAFS_ABI
