// What a model consists of, as a table: parts, shapes, parameters, and, for an example input, the parts' outputs and
// work.
//
//   std::cout << summary(model);                     // parts and parameters
//   std::cout << summary(model, images);             // and what forward(images) gives and costs
//   std::cout << summary(model, images).text(2);     // no more than two levels of parts
//
// Work is counted in FLOPs of matrix products, convolutions and attention: each multiplication and each addition is
// one. What is element-wise, and norms, are not counted: their time is that of memory.
#pragma once

#include <algorithm>
#include <iterator>
#include <lafs/nn/evaluation.hpp>
#include <map>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// One part of a model, with its own parts.
struct LayerSummary {
    std::string name;             ///< as of the weights, without the parameter; empty for the model
    int level;                    ///< 0 for the model, 1 for its parts, 2 for theirs
    std::string weights;          ///< names and shapes of what it holds itself: "weight (3, 4), bias (4,)"
    std::int64_t parameters = 0;  ///< numbers that are trained or frozen
    std::optional<Shape>
        output;  ///< of its last run; none if it did not run, or does not say (see nn/module.hpp)
    double flops = 0;
};

/// A model and all its parts, in order.
struct ModelSummary {
    std::vector<LayerSummary> layers;  ///< the model first
    std::int64_t trainable = 0;        ///< of its parameters, those that collect gradients
    bool ran = false;                  ///< whether there was an input

    std::int64_t parameters() const { return layers.front().parameters; }
    double flops() const { return layers.front().flops; }

    /// The table, of parts down to a level.
    std::string text(int deepest = 1000) const;

    friend std::ostream& operator<<(std::ostream& out, const ModelSummary& summary) {
        return out << summary.text();
    }
};

namespace detail {

/// 1234567 as 1,234,567.
inline std::string grouped(std::int64_t number) {
    std::string digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

/// 1234567 as 1.23 M.
inline std::string scaled(double number) {
    std::ostringstream text;
    text.precision(3);
    const char* const units[] = {"", " k", " M", " G", " T", " P"};
    std::size_t unit = 0;
    for (; number >= 999.5 && unit + 1 < std::size(units); ++unit)
        number /= 1000;
    text << number << units[unit];
    return text.str();
}

/// Collects parts and parameters; a module's counts include those of its parts.
template <class T, class D>
class CollectLayers final : public Visitor<T, D> {
public:
    explicit CollectLayers(ModelSummary& summary) : summary_(summary) {}

    void parameter(const std::string& name, Variable<T, D>& variable) override {
        hold(name, variable.shape());
        for (const std::size_t layer : open_)
            summary_.layers[layer].parameters += variable.value().size();
        summary_.trainable += variable.requires_grad() ? variable.value().size() : 0;
    }
    void buffer(const std::string& name, Tensor<T, D>& tensor) override { hold(name, tensor.shape()); }
    void counter(const std::string&, std::int64_t&) override {}
    void child(const std::string& name, Module<T, D>& part) override {
        const std::size_t level = open_.size();
        part.visit_as(*this, name);
        open_.resize(level);
    }
    void module(Module<T, D>& part) override {
        index.emplace(&part, summary_.layers.size());
        open_.push_back(summary_.layers.size());
        summary_.layers.push_back({this->module_name(), static_cast<int>(open_.size()) - 1, "", 0, {}, 0});
    }

    std::map<const void*, std::size_t> index;  ///< of the layers, by their modules

private:
    void hold(const std::string& name, const Shape& shape) {
        std::ostringstream text;
        text << name << ' ' << shape;
        std::string& weights = summary_.layers[open_.back()].weights;
        weights += (weights.empty() ? "" : ", ") + text.str();
    }

    ModelSummary& summary_;
    std::vector<std::size_t> open_;  // the module being visited, and those that hold it
};

/// Adds outputs and work to the layers that run.
class ObserveLayers final : public Observer {
public:
    ObserveLayers(ModelSummary& summary, const std::map<const void*, std::size_t>& index)
        : summary_(summary), index_(index), open_{0} {}

    void product(std::int64_t multiply_adds) override {
        for (std::size_t i = 0; i < open_.size(); ++i)
            if (std::find(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(i), open_[i]) ==
                open_.begin() + static_cast<std::ptrdiff_t>(i))  // once, also where a module calls itself
                summary_.layers[open_[i]].flops += 2 * static_cast<double>(multiply_adds);
    }
    void enter(const void* module) override {
        const auto found = index_.find(module);
        open_.push_back(found == index_.end() ? open_.back() : found->second);
    }
    void leave(const void* module, const Shape& output) override {
        open_.pop_back();
        if (const auto found = index_.find(module); found != index_.end())
            summary_.layers[found->second].output = output;
    }

private:
    ModelSummary& summary_;
    const std::map<const void*, std::size_t>& index_;
    std::vector<std::size_t> open_;
};

}  // namespace detail

inline std::string ModelSummary::text(int deepest) const {
    std::vector<std::vector<std::string>> rows;
    rows.push_back({"part", "weights", "parameters"});
    if (ran)
        rows.back().insert(rows.back().end(), {"output", "FLOPs"});
    const auto shape_text = [](const std::optional<Shape>& shape) {
        std::ostringstream text;
        if (shape)
            text << *shape;
        return text.str();
    };
    for (const LayerSummary& layer : layers) {
        if (layer.level > deepest)
            continue;
        rows.push_back({layer.level == 0     ? "(model)"
                        : layer.name.empty() ? "(part)"
                                             : layer.name,
                        layer.weights, layer.parameters ? detail::grouped(layer.parameters) : ""});
        if (ran)
            rows.back().insert(rows.back().end(), {shape_text(layer.output),
                                                   layer.flops > 0 ? detail::scaled(layer.flops) : ""});
    }
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    std::ostringstream table;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string space(widths[i] - row[i].size(), ' ');
            const bool number = i == 2 || i == 4;
            line += (i ? "  " : "") + (number ? space + row[i] : row[i] + space);
        }
        table << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
    }
    table << detail::grouped(parameters()) << " parameters, " << detail::grouped(trainable)
          << " of them trained";
    if (ran)
        table << "; " << detail::scaled(flops()) << (flops() < 999.5 ? " " : "") << "FLOPs in products";
    table << '\n';
    return table.str();
}

/// The parts of a model and their parameters.
template <class T, class D>
ModelSummary summary(Module<T, D>& model) {
    ModelSummary result;
    detail::CollectLayers<T, D> layers(result);
    model.visit_as(layers, "");
    return result;
}

/// The same, with what `model.forward(input)` gives and costs: it runs once, in evaluation mode, and records nothing.
/// Parts whose `forward` is not `observed` (see nn/module.hpp) show no output; their work counts for the part that
/// holds them.
template <class Model, class Input>
ModelSummary summary(Model& model, const Input& input) {
    const auto run = [&]<class T, class D>(Module<T, D>& whole) {
        ModelSummary result;
        detail::CollectLayers<T, D> layers(result);
        whole.visit_as(layers, "");
        detail::ObserveLayers observer(result, layers.index);
        const EvaluationScope<T, D> evaluation(whole);
        const ObserverScope observed(observer);
        result.layers.front().output = Variable<T, D>(model.forward(Variable<T, D>(input))).shape();
        result.ran = true;
        return result;
    };
    return run(model);
}

}  // namespace lafs::inline LAFS_ABI
