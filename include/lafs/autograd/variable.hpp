// Reverse-mode differentiation.
//
// A Variable is a handle to a value, its gradient and the function that made it. Functions are recorded with
// a running number, the order of the tape; `backward` visits what the result depends on in reverse order.
// Gradients accumulate (`+=`) everywhere. A function's memory is freed as soon as its backward has run.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <lafs/autograd/add_into.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/gradient_target.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

template <class T, class Device = Cpu>
class Variable;

/// One recorded function: what it read, and how to send a gradient back.
template <class T, class Device>
struct TapeNode : Counted {
    virtual ~TapeNode() = default;
    /// Adds to the gradients of the inputs, given the gradient of the output.
    virtual void backward(const Tensor<T, Device>& output_gradient) = 0;

    std::uint64_t sequence = 0;
    PoolVector<Variable<T, Device>> inputs;

    // Used by detail::bury only.
    Handle<TapeNode> self;
    TapeNode* next_buried = nullptr;
};

namespace detail {
inline bool& gradients_enabled() {
    thread_local bool enabled = true;
    return enabled;
}
inline std::uint64_t& tape_sequence() {
    thread_local std::uint64_t sequence = 0;
    return sequence;
}

/// Lets go of a recorded function whose value is gone. Freeing it frees the values it read, and with them the
/// functions that made those: one after the other here, not nested, however deep the graph is.
template <class T, class Device>
void bury(Handle<TapeNode<T, Device>> node) {
    struct Buried {
        TapeNode<T, Device>* first;
        bool freeing;
    };
    thread_local Buried buried{nullptr, false};
    TapeNode<T, Device>& grave = *node;
    grave.next_buried = std::exchange(buried.first, &grave);
    grave.self = std::move(node);
    if (std::exchange(buried.freeing, true))
        return;
    while (TapeNode<T, Device>* const first = buried.first) {
        buried.first = first->next_buried;
        const Handle<TapeNode<T, Device>> freed = std::move(first->self);
    }
    buried.freeing = false;
}

/// Sets the thread's recording mode until the end of the scope.
class RecordingScope {
public:
    explicit RecordingScope(bool enabled) : before_(std::exchange(gradients_enabled(), enabled)) {}
    ~RecordingScope() { gradients_enabled() = before_; }
    RecordingScope(const RecordingScope&) = delete;
    RecordingScope& operator=(const RecordingScope&) = delete;

private:
    bool before_;
};
}  // namespace detail

/// While one lives, the calling thread records nothing: results have no gradient.
class NoGrad : detail::RecordingScope {
public:
    NoGrad() : RecordingScope(false) {}
};

/// A differentiable tensor. Copies share value, gradient and history.
template <class T, class Device>
class Variable {
public:
    using value_type = T;
    using device_type = Device;
    using Value = Tensor<T, Device>;

    /// Undefined: no value.
    Variable() = default;

    /// A leaf. With `requires_grad` it collects a gradient.
    Variable(Value value, bool requires_grad = false) : state_(new State) {
        state_->value = std::move(value);
        state_->requires_grad = requires_grad;
    }

    bool defined() const { return static_cast<bool>(state_); }
    const Value& value() const { return state_->value; }
    const Shape& shape() const { return state_->value.shape(); }
    std::int64_t shape(int axis) const { return state_->value.shape(axis); }
    T item() const { return value().item(); }

    /// The gradient collected so far; undefined when there is none.
    const Value& grad() const { return state_->grad; }
    bool requires_grad() const { return state_ && state_->requires_grad; }
    bool is_leaf() const { return !state_->creator; }
    void set_requires_grad(bool required) const { state_->requires_grad = required; }
    void zero_grad() const { state_->grad = Value(); }
    void set_grad(Value gradient) const { state_->grad = std::move(gradient); }

    /// The same value without history or gradient.
    Variable detach() const { return Variable(value()); }

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

    /// Computes the gradients of all leaves that this scalar depends on, adding to what they hold.
    void backward() const {
        require(value().size() == 1, "backward", "got a value of shape ", shape(),
                ", expected one element or an output gradient");
        backward(Value::full(shape(), T(1)));
    }

    /// The same for a value of any shape, given the gradient of it.
    void backward(const Value& output_gradient) const {
        require(requires_grad(), "backward",
                "the value does not depend on a variable that requires a gradient");
        require(output_gradient.shape() == shape(), "backward", "got a gradient of shape ",
                output_gradient.shape(), ", expected ", shape());
        if (!state_->creator) {
            accumulate(*this, output_gradient);
            return;
        }
        state_->grad = output_gradient;
        sweep();
    }

    /// Internal: makes this the result of a recorded function.
    void set_creator(Handle<TapeNode<T, Device>> node) const {
        state_->creator = std::move(node);
        state_->requires_grad = true;
    }

private:
    struct State : Counted {
        ~State() {
            if (creator)
                detail::bury(std::move(creator));
        }
        Value value, grad;
        Handle<TapeNode<T, Device>> creator;
        bool requires_grad = false;
        bool pending = false;  // waits in the queue of a backward sweep
    };

    std::uint64_t sequence() const { return state_->creator->sequence; }

    void sweep() const {
        const detail::RecordingScope nothing_recorded(false);
        const auto earlier = [](const Variable& a, const Variable& b) { return a.sequence() < b.sequence(); };
        PoolVector<Variable> queue{*this};
        while (!queue.empty()) {
            std::pop_heap(queue.begin(), queue.end(), earlier);
            const Variable current = std::move(queue.back());
            queue.pop_back();
            current.state_->pending = false;
            const Handle<TapeNode<T, Device>> node = std::exchange(current.state_->creator, {});
            const Value gradient = std::exchange(current.state_->grad, Value());
            if (gradient.defined())
                node->backward(gradient);
            for (const Variable& input : node->inputs)
                if (input.defined() && input.state_->creator && !input.state_->pending) {
                    input.state_->pending = true;
                    queue.push_back(input);
                    std::push_heap(queue.begin(), queue.end(), earlier);
                }
        }
    }

    template <class U, class D>
    friend void accumulate(const Variable<U, D>& variable, const Tensor<U, D>& gradient);

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
        add_into(Device{}, grad.view(), gradient.view());
    else
        grad.copy_from(gradient);
}

/// Records a function of `inputs` with value `value`. `backward(gradient)` is called at most once with the
/// gradient of the value; it adds to the inputs' gradients (`gradient_target`, `accumulate`). Nothing is
/// recorded, and `backward` is dropped, when no input requires a gradient or a NoGrad lives.
template <class T, class Device, class Backward>
Variable<T, Device> record(Tensor<T, Device> value, std::initializer_list<Variable<T, Device>> inputs,
                           Backward backward) {
    return record(std::move(value), std::span<const Variable<T, Device>>(inputs.begin(), inputs.size()),
                  std::move(backward));
}

template <class T, class Device, class Backward>
Variable<T, Device> record(Tensor<T, Device> value, std::span<const Variable<T, Device>> inputs,
                           Backward backward) {
    struct Recorded final : TapeNode<T, Device> {
        explicit Recorded(Backward function) : function_(std::move(function)) {}
        void backward(const Tensor<T, Device>& gradient) override { function_(gradient); }
        Backward function_;
    };
    Variable<T, Device> result(std::move(value));
    const bool wanted =
        std::any_of(inputs.begin(), inputs.end(), [](const auto& v) { return v.requires_grad(); });
    if (!wanted || !detail::gradients_enabled())
        return result;
    Handle<TapeNode<T, Device>> node(new Recorded(std::move(backward)));
    node->sequence = ++detail::tape_sequence();
    node->inputs.assign(inputs.begin(), inputs.end());
    result.set_creator(std::move(node));
    return result;
}

}  // namespace lafs::inline LAFS_ABI
