// A second module like a first: the same configuration, mode and values, nothing shared.
//
//   MyNet net;
//   auto teacher = deep_copy(net);
#pragma once

#include <concepts>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {

class CopyingModules {
public:
    CopyingModules() : before_(std::exchange(copying_modules(), true)) {}
    ~CopyingModules() { copying_modules() = before_; }
    CopyingModules(const CopyingModules&) = delete;
    CopyingModules& operator=(const CopyingModules&) = delete;

private:
    bool before_;
};

template <class Model>
Model copy_of_handles(const Model& model) {
    const CopyingModules allowed;
    return Model(model);
}

/// Gives a module values of its own in place of those it shares. What two names shared they share again.
template <class T, class D>
void own_values(Module<T, D>& model) {
    std::vector<std::pair<const T*, Variable<T, D>>> parameters;
    std::vector<std::pair<const T*, Tensor<T, D>>> buffers;
    const auto copy_once = [](auto& copies, const T* original, const auto& copy) {
        for (const auto& [of, made] : copies)
            if (of == original)
                return made;
        copies.emplace_back(original, copy());
        return copies.back().second;
    };
    FunctionVisitor<T, D> visitor;
    visitor.on_parameter = [&](const std::string&, Variable<T, D>& variable) {
        if (variable.defined())
            variable = copy_once(parameters, variable.data(), [&] {
                return Variable<T, D>(variable.value().clone(), variable.requires_grad());
            });
    };
    visitor.on_buffer = [&](const std::string&, Tensor<T, D>& tensor) {
        if (tensor.defined())
            tensor = copy_once(buffers, tensor.data(), [&] { return tensor.clone(); });
    };
    model.visit_as(visitor, "");
}

}  // namespace detail

/// A copy of a module: its type's copy constructor for everything that is no parameter (sizes, rates, modes, parts),
/// then parameters and buffers of its own with the same values. Gradients and hooks are not copied. The type needs a
/// copy constructor, which it has by itself when it holds its parts as values (also in std::vector, std::optional),
/// not by std::unique_ptr; such a module takes `copy_parameters` into one that is made anew. Values that `visit` does
/// not list stay shared.
template <class Model>
Model deep_copy(const Model& model) {
    static_assert(std::copy_constructible<Model>,
                  "deep_copy: a part cannot be copied; hold parts as values, not by std::unique_ptr, or "
                  "copy_parameters "
                  "into a module of the same type");
    Model copy = detail::copy_of_handles(model);
    detail::own_values(copy);
    return copy;
}

}  // namespace lafs::inline LAFS_ABI
