// Layers one after the other, each of its own type.
//
//   Sequential net{Conv2d<float>(3, 16, 3), BatchNorm2d<float>(16), ReLU<float>(), MaxPool2d<float>({2}),
//                  [](const Variable<float>& x) { return reshape(x, {x.shape(0), -1}); }, Linear<float>(784, 10)};
//   Variable<float> y = net.forward(x);
#pragma once

#include <lafs/nn/module.hpp>
#include <tuple>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// The base of a layer, Module<T, D>. Declared for its type alone.
template <class T, class D>
Module<T, D>* module_base(const Module<T, D>*);

template <class Layer>
concept IsModule = requires(const Layer* layer) {
    module_base(layer);
};

/// The base of the first of some layers that is a module.
template <class... Layers>
struct FirstModule {
    static_assert(sizeof...(Layers) > 0, "Sequential: expected a module among the layers");
};
template <class Function, class... Rest>
struct FirstModule<Function, Rest...> : FirstModule<Rest...> {};
template <IsModule Layer, class... Rest>
struct FirstModule<Layer, Rest...> {
    using type = std::remove_pointer_t<decltype(module_base(static_cast<const Layer*>(nullptr)))>;
};

template <class Base>
struct ModuleTypes;
template <class T, class D>
struct ModuleTypes<Module<T, D>> {
    using Value = Variable<T, D>;
    using Visit = Visitor<T, D>;
};

}  // namespace detail

/// Runs its layers in order. A layer is a module with `forward`, or a function of a variable without parameters,
/// such as a lambda. Modules are the parts "0", "1", ..., counted with the functions between them, as in
/// torch.nn.Sequential.
template <class... Layers>
class Sequential : public detail::FirstModule<Layers...>::type {
    using Types = detail::ModuleTypes<typename detail::FirstModule<Layers...>::type>;

public:
    using Value = typename Types::Value;

    /// Takes the layers over.
    explicit Sequential(Layers... layers) : layers_(std::move(layers)...) {}

    void visit(typename Types::Visit& visitor) override { visit_layers(visitor, All{}); }

    Value forward(const Value& x) const {
        return this->observed([&] { return run_layers(x, All{}); });
    }

    /// Layer i.
    template <std::size_t i>
    auto& get() {
        return std::get<i>(layers_);
    }
    template <std::size_t i>
    const auto& get() const {
        return std::get<i>(layers_);
    }
    static constexpr std::size_t size() { return sizeof...(Layers); }

private:
    using All = std::index_sequence_for<Layers...>;

    template <std::size_t... i>
    void visit_layers(typename Types::Visit& visitor, std::index_sequence<i...>) {
        (visit_layer(visitor, i, get<i>()), ...);
    }
    template <std::size_t... i>
    Value run_layers(const Value& x, std::index_sequence<i...>) const {
        Value y = x;
        ((y = run(get<i>(), y)), ...);
        return y;
    }
    template <class Layer>
    static void visit_layer(typename Types::Visit& visitor, std::size_t index, Layer& layer) {
        if constexpr (detail::IsModule<Layer>)
            visitor.child(std::to_string(index), layer);
    }
    template <class Layer>
    static Value run(const Layer& layer, const Value& x) {
        if constexpr (detail::IsModule<Layer>)
            return layer.forward(x);
        else
            return layer(x);
    }

    std::tuple<Layers...> layers_;
};

}  // namespace lafs::inline LAFS_ABI
