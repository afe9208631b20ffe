// Reverse-mode differentiation.
//
// A Variable is a handle to a value, its gradient and the function that made it. Functions are recorded on a
// tape (autograd/tape.hpp), which may hold values of any element types and devices; `backward` runs through
// all of it. Gradients accumulate (`+=`) everywhere.
//
// `backward` frees the graph that it runs through: a second `backward` that reaches the freed part throws,
// unless the first was `backward(keep_graph)`.
#pragma once

#include <initializer_list>
#include <lafs/autograd/tape.hpp>
#include <lafs/backend/cpu/map.hpp>
#include <lafs/expr/expression.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

/// A differentiable tensor. Copies share value, gradient and history.
template <class T, class Device = Cpu>
class Variable {
public:
    using value_type = T;
    using device_type = Device;
    using Value = Tensor<T, Device>;

    /// Undefined, as one that was moved from: no value. What needs one throws.
    Variable() = default;

    /// A leaf. With `requires_grad` it collects a gradient.
    Variable(Value value, bool requires_grad = false) : state_(new State) {
        state_->value = std::move(value);
        state_->requires_grad = requires_grad;
    }

    bool defined() const { return static_cast<bool>(state_); }
    const Value& value() const { return state().value; }
    const Shape& shape() const { return value().shape(); }
    std::int64_t shape(int axis) const { return value().shape(axis); }
    T item() const { return value().item(); }
    /// The elements of the value, to be read; null where there is no value (a bias left out).
    const T* data() const { return state_ ? state_->value.data() : nullptr; }

    /// The gradient collected so far; undefined when there is none.
    const Value& grad() const { return state().grad; }
    bool requires_grad() const { return state_ && state_->requires_grad; }
    bool is_leaf() const { return !state().creator && !state_->freed; }
    void set_requires_grad(bool required) const { state().requires_grad = required; }
    void zero_grad() const { state().grad = Value(); }
    void set_grad(Value gradient) const { state().grad = std::move(gradient); }

    /// The same value without history or gradient.
    Variable detach() const { return Variable(value()); }

    /// The same elements in another shape, sharing memory; one size may be -1 and is worked out. Throws when the
    /// numbers of elements differ.
    Variable reshape(std::initializer_list<std::int64_t> sizes) const {
        return reshape(value().reshape(sizes).shape());
    }
    Variable reshape(const Shape& shape) const {
        return record(value().reshape(shape), {*this},
                      [x = *this](const Value& g) { accumulate(x, g.reshape(x.shape())); });
    }

    /// Elements [begin, end) of one axis, as a copy. Throws outside the axis.
    Variable slice(int axis, std::int64_t begin, std::int64_t end) const {
        return part_of(*this, [=](const View<T>& view) { return view.narrow(axis, begin, end); });
    }

    /// Where a backward function writes this variable's gradient: memory of the value's shape, to be
    /// overwritten the first time and added to afterwards; empty when no gradient is wanted.
    GradientTarget<T> gradient_target() const {
        if (!requires_grad())
            return {};
        const bool accumulate = state_->grad.defined();
        if (!accumulate)
            state_->grad = Value::empty(shape());
        return {state_->grad.data(), accumulate};
    }

    /// Computes the gradients of all leaves that this scalar depends on, adding to what they hold, and frees
    /// the graph. Throws, naming the function, when a value that it read was changed in place since.
    void backward() const { run_backward(output_gradient_of_one(), false); }
    /// The same, keeping the graph for a further `backward`.
    void backward(KeepGraph) const { run_backward(output_gradient_of_one(), true); }

    /// The same for a value of any shape, given the gradient of it.
    void backward(const Value& output_gradient) const { run_backward(output_gradient, false); }
    void backward(const Value& output_gradient, KeepGraph) const { run_backward(output_gradient, true); }

    /// What the tape keeps of it: the same variable, without its type.
    operator AnyVariable() const { return AnyVariable(Handle<detail::TapeState>(state_)); }

    /// Internal: value and gradient, behind what all types have in common.
    struct State final : detail::TapeState {
        std::uint32_t changes() const override { return value.changes(); }
        Shape shape() const override { return value.shape(); }
        void drop_gradient() override { grad = {}; }

        Value value, grad;
    };

    /// Internal: makes this the result of a recorded function.
    void set_creator(const Handle<detail::TapeNode>& node) const {
        node->value_changes = value().changes();
        state_->creator = node;
        state_->requires_grad = true;
    }

private:
    State& state() const {
        require(defined(), "variable",
                "got an undefined variable (never given a value, or moved from), expected one with a value");
        return *state_;
    }

    Value output_gradient_of_one() const {
        require(value().size() == 1, "backward", "got a value of shape ", shape(),
                ", expected one element or an output gradient");
        return Value::full(shape(), T(1));
    }

    void run_backward(const Value& output_gradient, bool keep) const {
        require(state().requires_grad, "backward",
                "the value does not depend on a variable that requires a gradient");
        require(output_gradient.shape() == shape(), "backward", "got a gradient of shape ",
                output_gradient.shape(), ", expected ", shape());
        detail::require_graph(*state_);
        if (!state_->creator) {
            accumulate(*this, output_gradient);
            return;
        }
        state_->grad = output_gradient;
        detail::sweep(*this, keep);
    }

    Handle<State> state_;
};

/// Adds a gradient to a variable, if it wants one. Throws when the shapes differ.
template <class T, class Device>
void accumulate(const Variable<T, Device>& variable, const Tensor<T, Device>& gradient) {
    if (!variable.requires_grad())
        return;
    require(gradient.shape() == variable.shape(), "accumulate", "got a gradient of shape ", gradient.shape(),
            ", expected ", variable.shape());
    const GradientTarget<T> target = variable.gradient_target();
    const Tensor<T, Device>& grad = variable.grad();
    if (target.accumulate)
        accumulate(grad.view(), gradient);
    else
        grad.copy_from(gradient);
}

namespace detail {
template <class T, class Device, class Backward, class Inputs>
Variable<T, Device> record_function(Tensor<T, Device> value, const Inputs& inputs, Backward backward,
                                    RecordedAt place) {
    using Result = Variable<T, Device>;
    struct Recorded final : TapeNode {
        explicit Recorded(Backward function) : function_(std::move(function)) {}
        void backward(TapeState& value) override {
            const Tensor<T, Device> gradient =
                std::exchange(static_cast<typename Result::State&>(value).grad, {});
            if (gradient.defined())
                function_(gradient);
        }
        Backward function_;
    };
    Result result(std::move(value));
    const bool wanted =
        std::any_of(inputs.begin(), inputs.end(), [](const auto& v) { return v.requires_grad(); });
    if (!wanted || !gradients_enabled())
        return result;
    Handle<TapeNode> node(new Recorded(std::move(backward)));
    node->sequence = next_in_tape();
    node->place = place;
    node->inputs.reserve(inputs.size());
    for (const auto& input : inputs)
        node->inputs.emplace_back(input);
    result.set_creator(std::move(node));
    return result;
}
}  // namespace detail

/// Records a function of `inputs` with value `value`; the inputs may have other types and devices.
/// `backward(gradient)` is called with the gradient of the value, once for each sweep that keeps the graph and
/// once for the one that frees it; it adds to the inputs' gradients (`gradient_target`, `accumulate`). Errors
/// name the place of the call. Nothing is recorded, and `backward` is dropped, when no input
/// requires a gradient or a NoGrad lives.
template <class T, class Device, class Backward>
Variable<T, Device> record(Tensor<T, Device> value, std::initializer_list<AnyVariable> inputs,
                           Backward backward,
                           detail::RecordedAt place = {__builtin_FILE(), __builtin_LINE()}) {
    return detail::record_function(std::move(value), inputs, std::move(backward), place);
}

/// The same for a list of inputs of one type.
template <class T, class Device, class Backward, class U, class E>
Variable<T, Device> record(Tensor<T, Device> value, std::span<const Variable<U, E>> inputs, Backward backward,
                           detail::RecordedAt place = {__builtin_FILE(), __builtin_LINE()}) {
    return detail::record_function(std::move(value), inputs, std::move(backward), place);
}

/// A copy of the part of x that `part` makes of a view of it; the gradient goes back to that part.
template <class T, class D, class Part>
Variable<T, D> part_of(const Variable<T, D>& x, Part part) {
    return record(contiguous(part(x.value().view()), D{}), {x}, [x, part](const Tensor<T, D>& g) {
        const GradientTarget<T> target = x.gradient_target();
        if (!target.accumulate && x.value().size() != 0)
            x.grad().zero();
        put(part(View<T>(target.data, x.shape())), g, target.accumulate);
    });
}

}  // namespace lafs::inline LAFS_ABI
