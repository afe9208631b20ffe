// Weights of a module in a file: strict, and explicit about every name.
//
// Parameters and buffers are stored under their published names, counters (batches seen) as 64-bit integers.
// Loading checks every name, shape, type and value before it changes anything.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <lafs/io/weights_file.hpp>
#include <lafs/io/weights_names.hpp>
#include <lafs/io/weights_report.hpp>
#include <lafs/nn/module.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Chooses tensors by name.
using NameFilter = std::function<bool(const std::string&)>;

inline bool all_names(const std::string&) {
    return true;
}

inline bool no_names(const std::string&) {
    return false;
}

/// Names of a Part fViT's landmark CNN; the rest is the transformer.
inline bool is_landmark_name(const std::string& name) {
    return name.starts_with("stn.") || name.starts_with("output_layer.");
}

/// Names of heads that training puts behind a model: class weights of a margin head, the head of DINO.
inline bool is_training_head_name(const std::string& name) {
    return name.starts_with("loss.") || name.starts_with("head.");
}

/// How the weights of a file are looked for.
struct WeightsOptions {
    std::string key;                    ///< sub-dictionary of the file; empty: see find_weights
    NameFilter chosen = all_names;      ///< parts of the model to load
    NameFilter may_be_left = no_names;  ///< names (the model's) that the file may hold beside them
    std::vector<std::string> notes;     ///< lines for the report
};

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

/// Loads a module from a file, a SafetensorsFile or a WeightsFile, by a table of names.
template <class T, class D, class File>
class WeightsLoader {
public:
    WeightsLoader(Module<T, D>& model, const File& file, WeightsNames names, NameFilter chosen)
        : model_(model), file_(file), names_(std::move(names)), chosen_(std::move(chosen)) {}

    /// Compares names, shapes and types. Counters may be absent: older files lack them.
    WeightsReport compare() {
        WeightsReport report;
        report.file = file_.path().string();
        report.part = names_.part;
        report.elsewhere = names_.elsewhere;
        std::map<std::string, std::string> left = names_.in_file;
        const auto look_for = [&](const std::string& name, const Shape& shape, bool floating) {
            left.erase(name);
            const auto found = names_.in_file.find(name);
            if (found == names_.in_file.end())
                return report.missing.push_back(name);
            const auto& info = file_.info(found->second);
            const std::vector<std::int64_t> expected(shape.sizes().begin(), shape.sizes().end());
            const bool type_fits = is_floating(info.dtype) == floating;
            if (type_fits &&
                std::equal(info.shape.begin(), info.shape.end(), expected.begin(), expected.end()))
                return report.loaded.push_back(name);
            const std::string type = type_fits ? "" : std::string(lafs::name(info.dtype)) + " ";
            report.differing.push_back({name, type + shape_text(info.shape),
                                        (type_fits  ? ""
                                         : floating ? "floats "
                                                    : "integers ") +
                                            shape_text(expected)});
        };
        visit_chosen(
            model_, chosen_,
            [&](const std::string& name, const auto& tensor) { look_for(name, tensor.shape(), true); },
            [&](const std::string& name, auto&) {
                if (names_.in_file.contains(name))
                    look_for(name, Shape{}, false);
            });
        for (const auto& [name, in_file] : left)
            report.left_over.push_back(name);
        return report;
    }

    /// Throws for values that are no numbers, then copies everything. The file must have been compared.
    void load() {
        each_tensor([](const std::string& name, const Tensor<T, D>&, const std::vector<T>& values,
                       const std::string& file) {
            require(std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); }),
                    "load_weights", file, ": ", name, " holds NaN or infinity");
        });
        each_tensor([](const std::string&, const Tensor<T, D>& to, const std::vector<T>& values,
                       const std::string&) { to.copy_from(Tensor<T, D>::from(to.shape(), values)); });
        visit_chosen(
            model_, chosen_, [](const std::string&, auto&) {},
            [&](const std::string& name, std::int64_t& value) {
                if (const auto found = names_.in_file.find(name); found != names_.in_file.end())
                    file_.read(found->second, std::span(&value, 1));
            });
    }

private:
    template <class Action>
    void each_tensor(const Action& action) {
        std::vector<T> values;
        const std::string file = file_.path().string();
        visit_chosen(
            model_, chosen_,
            [&](const std::string& name, const Tensor<T, D>& tensor) {
                const std::string& in_file = names_.in_file.at(name);
                values.resize(static_cast<std::size_t>(tensor.size()));
                file_.read(in_file, std::span<T>(values));
                action(in_file, tensor, values, file);
            },
            [](const std::string&, auto&) {});
    }

    Module<T, D>& model_;
    const File& file_;
    WeightsNames names_;
    NameFilter chosen_;
};

}  // namespace detail

/// Loads the chosen parts of a module by a table of names that `find_weights` made, whatever else the file
/// holds is left unless `options.may_be_left` refuses it. Throws the whole report, before anything is
/// changed, when a name is missing, a shape or type differs, or a tensor is left over that may not be.
template <class T, class D, class File>
WeightsReport load_weights(Module<T, D>& model, const File& file, WeightsNames names,
                           const WeightsOptions& options) {
    detail::WeightsLoader<T, D, File> loader(model, file, std::move(names), options.chosen);
    WeightsReport report = loader.compare();
    report.notes = options.notes;
    require(report.complete() &&
                std::all_of(report.left_over.begin(), report.left_over.end(), options.may_be_left),
            "load_weights", "the file does not fit the model\n", report);
    loader.load();
    return report;
}

/// Loads the chosen parts of a module from a safetensors file or a PyTorch checkpoint, through the wrappers
/// and sub-dictionaries of published checkpoints (see find_weights).
template <class T, class D>
WeightsReport load_weights(Module<T, D>& model, const WeightsFile& file, const WeightsOptions& options = {}) {
    return load_weights(model, file, find_weights(file.names(), file.path().string(), options.key), options);
}

/// Opens the file and does the same.
template <class T, class D>
WeightsReport load_weights(Module<T, D>& model, const std::filesystem::path& path,
                           const WeightsOptions& options = {}) {
    return load_weights(model, open_weights(path), options);
}

/// Loads every chosen parameter and buffer from the tensors named exactly "prefix + name" of a file that
/// holds several modules, such as a training state. What else it holds is reported only.
template <class T, class D>
WeightsReport load_weights(Module<T, D>& model, const SafetensorsFile& file, const std::string& prefix = "",
                           const NameFilter& chosen = all_names) {
    WeightsNames names;
    for (const std::string& name : file.names())
        if (name.starts_with(prefix))
            names.in_file.emplace(name.substr(prefix.size()), name);
    return load_weights(model, file, std::move(names), {"", chosen, all_names, {}});
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
