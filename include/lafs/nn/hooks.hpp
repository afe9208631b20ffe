// Functions that see the output of a part of a model whenever it runs.
//
//   std::vector<Tensor<float>> seen;
//   const auto hook = on_output(model, "transformer.layers.3", [&](const Variable<float>& y) { seen.push_back(y.value()); });
//   model.forward(images);      // the function is called
//
// The function may read the output and keep it, not write to it; values and gradients stay the same bits. It is
// called where `forward` runs: by every thread that does, and once more in the backward pass for a block that is
// recomputed.
#pragma once

#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Keeps a function attached for its own length. The model may move meanwhile, and may go first.
template <class T, class D>
class [[nodiscard]] OutputHook {
public:
    explicit OutputHook(typename Module<T, D>::OutputFunction function)
        : function_(std::make_shared<const typename Module<T, D>::OutputFunction>(std::move(function))) {}

    /// Detaches the function.
    void remove() { function_.reset(); }

private:
    template <class U, class E, class F>
    friend OutputHook<U, E> on_output(Module<U, E>& model, const std::string& name, F function);
    std::shared_ptr<const typename Module<T, D>::OutputFunction> function_;
};

namespace detail {

/// The first part with a name; the empty name is that of the model itself.
template <class T, class D>
class FindModule final : public Visitor<T, D> {
public:
    explicit FindModule(std::string name) : name_(std::move(name)) {}

    void parameter(const std::string&, Variable<T, D>&) override {}
    void buffer(const std::string&, Tensor<T, D>&) override {}
    void counter(const std::string&, std::int64_t&) override {}
    void module(Module<T, D>& part) override {
        const std::string name = this->module_name();
        if (!found && name == name_)
            found = &part;
        if (!name.empty() && names.size() < 200)
            names += (names.empty() ? "" : ", ") + name;
    }

    Module<T, D>* found = nullptr;
    std::string names;  // the first of them

private:
    std::string name_;
};

}  // namespace detail

/// Calls function(output) with the output of the named part, a `const Variable<T, D>&`, whenever its `forward` runs,
/// while the result lives. Names are those of the weights, without the parameter: "transformer.layers.3"; "" is the
/// model itself. Not while another thread runs the model. Throws for a name that no part has.
///
/// All layers of the library take part. A layer of your own does when its `forward` returns
/// `this->observed([&] { ... })`: see nn/module.hpp.
template <class T, class D, class F>
OutputHook<T, D> on_output(Module<T, D>& model, const std::string& name, F function) {
    detail::FindModule<T, D> find(name);
    model.visit_as(find, "");
    require(find.found != nullptr, "on_output", "got the name \"", name,
            "\", expected that of a part, such as ", find.names);
    OutputHook<T, D> hook(std::move(function));
    find.found->attach(hook.function_);
    return hook;
}

}  // namespace lafs::inline LAFS_ABI
