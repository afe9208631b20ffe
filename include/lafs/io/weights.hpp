// Weights of a module as a safetensors file: strict, and explicit about every name.
//
// Parameters and buffers are stored under their published names, counters (batches seen) as 64-bit integers.
// Loading checks every name and shape before it changes anything.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <lafs/io/safetensors.hpp>
#include <lafs/nn/module.hpp>
#include <map>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What a file holds for a module.
struct WeightsMatch {
    std::vector<std::string> loaded;      ///< names found with the right shape
    std::vector<std::string> missing;     ///< names of the model that the file lacks
    std::vector<std::string> left_over;   ///< names of the file that the model lacks
    std::vector<std::string> mismatched;  ///< "name: shape in the file, shape expected"

    bool complete() const { return missing.empty() && mismatched.empty(); }
};

/// Chooses parts of a module by name.
using NameFilter = std::function<bool(const std::string&)>;

/// Every name.
inline bool all_names(const std::string&) {
    return true;
}

/// Names of a Part fViT's landmark CNN; the rest is the transformer.
inline bool is_landmark_name(const std::string& name) {
    return name.starts_with("stn.") || name.starts_with("output_layer.");
}

namespace detail {

/// Visits the parts of a module whose names a filter chooses.
template <class T, class D, class OnTensor, class OnCounter>
void visit_chosen(Module<T, D>& model, const NameFilter& chosen, const OnTensor& on_tensor,
                  const OnCounter& on_counter) {
    FunctionVisitor<T, D> visitor;
    visitor.on_parameter = [&](const std::string& name, auto& variable) {
        if (chosen(name))
            on_tensor(name, variable.value());
    };
    visitor.on_buffer = [&](const std::string& name, auto& tensor) {
        if (chosen(name))
            on_tensor(name, tensor);
    };
    visitor.on_counter = [&](const std::string& name, std::int64_t& value) {
        if (chosen(name))
            on_counter(name, value);
    };
    model.visit_as(visitor, "");
}

inline Shape shape_of(const SafetensorsInfo& info) {
    return Shape(std::span<const std::int64_t>(info.shape.data(), info.shape.size()));
}

/// "a, b, c and 4 more"
inline std::string name_list(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 6; ++i)
        text += (i ? ", " : "") + names[i];
    return names.size() > 6 ? text + " and " + std::to_string(names.size() - 6) + " more" : text;
}

/// Compares names and shapes. Counters may be absent: older files lack them.
template <class T, class D>
WeightsMatch match_weights(Module<T, D>& model, const SafetensorsFile& file, const std::string& prefix,
                           const NameFilter& chosen) {
    WeightsMatch match;
    std::map<std::string, bool> used;
    const auto look_for = [&](const std::string& name, const Shape& shape) {
        used[prefix + name] = true;
        if (!file.contains(prefix + name)) {
            match.missing.push_back(name);
            return;
        }
        const auto& info = file.info(prefix + name);
        const bool same = info.shape.size() <= max_rank && shape_of(info) == shape;
        if (same) {
            match.loaded.push_back(name);
            return;
        }
        std::ostringstream text;
        text << name << ": (";
        for (std::size_t i = 0; i < info.shape.size(); ++i)
            text << (i ? ", " : "") << info.shape[i];
        text << "), expected " << shape;
        match.mismatched.push_back(text.str());
    };
    visit_chosen(
        model, chosen, [&](const std::string& name, const auto& tensor) { look_for(name, tensor.shape()); },
        [&](const std::string& name, auto&) { used[prefix + name] = true; });
    for (const std::string& name : file.names())
        if (name.starts_with(prefix) && !used.contains(name))
            match.left_over.push_back(name);
    return match;
}

template <class T, class D>
void copy_weights(Module<T, D>& model, const SafetensorsFile& file, const std::string& prefix,
                  const NameFilter& chosen) {
    visit_chosen(
        model, chosen,
        [&](const std::string& name, const Tensor<T, D>& to) {
            const auto values = file.read<T>(prefix + name);
            require(std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); }),
                    "load_weights", file.path().string(), ": ", prefix + name, " holds NaN or infinity");
            to.copy_from(Tensor<T, D>::from(to.shape(), values));
        },
        [&](const std::string& name, std::int64_t& value) {
            if (file.contains(prefix + name))
                value = file.read<std::int64_t>(prefix + name).at(0);
        });
}

}  // namespace detail

/// Loads every chosen parameter and buffer of a module from the tensors "prefix + name". Other tensors of the
/// file are reported, not loaded. Throws, before anything is changed, when a name is missing or a shape
/// differs.
template <class T, class D>
WeightsMatch load_weights(Module<T, D>& model, const SafetensorsFile& file, const std::string& prefix = "",
                          const NameFilter& chosen = all_names) {
    WeightsMatch match = detail::match_weights(model, file, prefix, chosen);
    require(match.mismatched.empty(), "load_weights", file.path().string(),
            " is of another architecture: ", detail::name_list(match.mismatched));
    require(match.missing.empty(), "load_weights", file.path().string(), " lacks ", match.missing.size(),
            " of ", match.missing.size() + match.loaded.size(),
            " tensors: ", detail::name_list(match.missing),
            match.left_over.empty() ? "" : "; it has instead ", detail::name_list(match.left_over));
    detail::copy_weights(model, file, prefix, chosen);
    return match;
}

/// Adds a module's chosen parameters, buffers and counters under "prefix + name".
template <class T, class D>
void add_weights(SafetensorsWriter& writer, Module<T, D>& model, const std::string& prefix = "",
                 const NameFilter& chosen = all_names) {
    detail::visit_chosen(
        model, chosen,
        [&](const std::string& name, const Tensor<T, D>& tensor) {
            const auto sizes = tensor.shape().sizes();
            writer.add(prefix + name, std::vector<std::int64_t>(sizes.begin(), sizes.end()),
                       tensor.to_vector());
        },
        [&](const std::string& name, std::int64_t& value) {
            writer.add(prefix + name, {}, std::vector<std::int64_t>{value});
        });
}

/// Writes a module's chosen weights, atomically, with text metadata.
template <class T, class D>
void save_weights(Module<T, D>& model, const std::filesystem::path& path,
                  const std::map<std::string, std::string>& metadata = {},
                  const NameFilter& chosen = all_names) {
    SafetensorsWriter writer;
    for (const auto& [key, value] : metadata)
        writer.metadata(key, value);
    add_weights(writer, model, "", chosen);
    writer.save(path);
}

}  // namespace lafs::inline LAFS_ABI
