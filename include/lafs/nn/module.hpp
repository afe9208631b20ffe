// Modules: named parameters and buffers, the run-time boundary of a model.
//
// A module lists its parts in `visit`, in the order of the published checkpoints; names of parts are joined
// with dots ("transformer.layers.0.0.fn.norm.weight"). A layer is a struct with parameters, `visit` and
// `forward`:
//
//   template <class T, class D = Cpu>
//   struct Scale : Module<T, D> {
//       Variable<T, D> weight{Tensor<T, D>::full({1}, 1), true};
//       void visit(Visitor<T, D>& visitor) override { visitor.parameter("weight", weight); }
//       Variable<T, D> forward(const Variable<T, D>& x) const { return x * weight; }
//   };
//
// A layer whose `forward` returns `this->observed([&] { return x * weight; })` shows its output to hooks
// (nn/hooks.hpp) and its work to `summary` (nn/summary.hpp). Nothing else changes, and it costs nothing.
#pragma once

#include <functional>
#include <lafs/autograd/observer.hpp>
#include <lafs/autograd/variable.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

template <class T, class Device>
class Module;

namespace detail {
/// Whether an EvaluationScope (nn/evaluation.hpp) lives in this thread.
inline bool& evaluating() {
    thread_local bool value = false;
    return value;
}
}  // namespace detail

/// Walks the parts of a module. Override what is of interest; names are relative to the module.
template <class T, class Device>
class Visitor {
public:
    virtual ~Visitor() = default;
    /// A trained variable.
    virtual void parameter(const std::string& name, Variable<T, Device>& variable) = 0;
    /// State that is saved but not trained (running statistics).
    virtual void buffer(const std::string& name, Tensor<T, Device>& tensor) = 0;
    /// A count that is saved with the weights as a 64-bit integer (batches seen).
    virtual void counter(const std::string& name, std::int64_t& value) = 0;
    /// A part that is a module; its parts get the prefix "name.". An empty name adds no prefix.
    virtual void child(const std::string& name, Module<T, Device>& module) { module.visit_as(*this, name); }
    /// Called for every module, before its parts.
    virtual void module(Module<T, Device>&) {}

    /// The full name of a part of the module being visited.
    std::string full_name(const std::string& name) const { return prefix_ + name; }
    /// The full name of the module being visited; empty for the first.
    std::string module_name() const { return prefix_.empty() ? "" : prefix_.substr(0, prefix_.size() - 1); }

private:
    friend class Module<T, Device>;
    std::string prefix_;
};

namespace detail {
/// Whether `deep_copy` (nn/deep_copy.hpp) is at work in this thread.
inline bool& copying_modules() {
    thread_local bool value = false;
    return value;
}
}  // namespace detail

/// Base of layers and models. A plain copy would share the parameters, which are handles, so it throws:
/// `deep_copy` copies.
template <class T, class Device = Cpu>
class Module {
public:
    Module() = default;
    virtual ~Module() = default;
    Module(Module&&) noexcept = default;
    Module& operator=(Module&&) noexcept = default;
    Module& operator=(const Module&) = delete;

    /// Lists parameters, buffers and children.
    virtual void visit(Visitor<T, Device>& visitor) = 0;

    /// Training or evaluation mode, for this module and all below. Modules begin in training mode.
    void train(bool training = true);
    void eval() { train(false); }
    /// Whether `forward` is to train. Never where an EvaluationScope of the thread says otherwise.
    bool training() const { return training_ && !detail::evaluating(); }

    /// Lets all parameters collect gradients, or freezes them.
    void requires_grad(bool required);
    void zero_grad();

    /// All parameters with their full names, in order.
    std::vector<std::pair<std::string, Variable<T, Device>>> parameters();
    /// All buffers with their full names, in order.
    std::vector<std::pair<std::string, Tensor<T, Device>>> buffers();
    /// Number of trained values.
    std::int64_t parameter_count();

    /// Internal: visits this module under a prefix.
    void visit_as(Visitor<T, Device>& visitor, const std::string& name) {
        const std::string before = visitor.prefix_;
        if (!name.empty())
            visitor.prefix_ += name + ".";
        visitor.module(*this);
        visit(visitor);
        visitor.prefix_ = before;
    }

    /// Internal: what hooks are, and how they are attached, for as long as the function lives.
    using OutputFunction = std::function<void(const Variable<T, Device>&)>;
    void attach(const std::shared_ptr<const OutputFunction>& function) {
        std::erase_if(hooks_, [](const auto& hook) { return hook.expired(); });
        hooks_.push_back(function);
    }

protected:
    /// For the copy constructors of modules, which only `deep_copy` may call. Hooks stay with the original.
    Module(const Module& other) : training_(other.training_) {
        require(detail::copying_modules(), "module",
                "a copy would share the parameters: expected deep_copy(module) for "
                "a second module, a reference, or std::move");
    }

    /// The result of body(), what `forward` computes, shown to hooks and to the thread's observer.
    template <class Body>
    Variable<T, Device> observed(const Body& body) const {
        Observer* const observer = detail::observer();
        if (!observer && hooks_.empty())
            return body();
        if (observer)
            observer->enter(this);
        Variable<T, Device> y = body();
        if (observer)
            observer->leave(this, y.shape());
        for (const auto& hook : hooks_)
            if (const auto function = hook.lock())
                (*function)(y);
        return y;
    }

private:
    bool training_ = true;
    std::vector<std::weak_ptr<const OutputFunction>> hooks_;
};

/// A visitor made of functions, each called with the full name.
template <class T, class Device>
struct FunctionVisitor final : Visitor<T, Device> {
    std::function<void(const std::string&, Variable<T, Device>&)> on_parameter;
    std::function<void(const std::string&, Tensor<T, Device>&)> on_buffer;
    std::function<void(const std::string&, std::int64_t&)> on_counter;
    std::function<void(Module<T, Device>&)> on_module;

    void parameter(const std::string& name, Variable<T, Device>& variable) override {
        if (on_parameter)
            on_parameter(this->full_name(name), variable);
    }
    void buffer(const std::string& name, Tensor<T, Device>& tensor) override {
        if (on_buffer)
            on_buffer(this->full_name(name), tensor);
    }
    void counter(const std::string& name, std::int64_t& value) override {
        if (on_counter)
            on_counter(this->full_name(name), value);
    }
    void module(Module<T, Device>& module) override {
        if (on_module)
            on_module(module);
    }
};

template <class T, class Device>
void Module<T, Device>::train(bool training) {
    FunctionVisitor<T, Device> visitor;
    visitor.on_module = [training](Module& module) { module.training_ = training; };
    visit_as(visitor, "");
}

template <class T, class Device>
void Module<T, Device>::requires_grad(bool required) {
    for (auto& [name, parameter] : parameters())
        parameter.set_requires_grad(required);
}

template <class T, class Device>
void Module<T, Device>::zero_grad() {
    for (auto& [name, parameter] : parameters())
        parameter.zero_grad();
}

template <class T, class Device>
std::vector<std::pair<std::string, Variable<T, Device>>> Module<T, Device>::parameters() {
    std::vector<std::pair<std::string, Variable<T, Device>>> found;
    FunctionVisitor<T, Device> visitor;
    visitor.on_parameter = [&](const std::string& name, auto& variable) {
        found.emplace_back(name, variable);
    };
    visit_as(visitor, "");
    return found;
}

template <class T, class Device>
std::vector<std::pair<std::string, Tensor<T, Device>>> Module<T, Device>::buffers() {
    std::vector<std::pair<std::string, Tensor<T, Device>>> found;
    FunctionVisitor<T, Device> visitor;
    visitor.on_buffer = [&](const std::string& name, auto& tensor) { found.emplace_back(name, tensor); };
    visit_as(visitor, "");
    return found;
}

template <class T, class Device>
std::int64_t Module<T, Device>::parameter_count() {
    std::int64_t count = 0;
    for (const auto& [name, parameter] : parameters())
        count += parameter.value().size();
    return count;
}

}  // namespace lafs::inline LAFS_ABI
