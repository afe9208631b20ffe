// What all optimisers share: parameters in groups, steps, and the state that a resumed run needs.
//
// To write one: derive, name its state tensors in the constructor, and update one parameter in `update`
// (see optim/sgd.hpp).
//   requires: `update` is a function of the slot, lr and weight decay alone.
//   ensures:  it is called once a step for each parameter that has a gradient, in order, after the
//   parameter's
//             step count went up by one. Parameters without a gradient, and their state, stay untouched.
#pragma once

#include <array>
#include <cmath>
#include <initializer_list>
#include <lafs/optim/parameter_groups.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The state of an optimiser, by name: handles to its tensors and counts, to be saved, or overwritten by
/// what was saved ("<parameter>.<state>", "<parameter>.step").
template <class T, class D = Cpu>
struct OptimizerState {
    std::vector<std::pair<std::string, Tensor<T, D>>> tensors;
    std::vector<std::pair<std::string, std::int64_t*>> counters;
};

/// Base of the optimisers. Nothing is allocated by `step`.
template <class T, class D = Cpu>
class Optimizer {
    static_assert(std::is_floating_point_v<T>, "parameters are trained in float or double");

public:
    virtual ~Optimizer() = default;
    Optimizer(const Optimizer&) = delete;
    Optimizer& operator=(const Optimizer&) = delete;

    /// One step for the collected gradients, with the values of the schedules at this step; groups scale
    /// both. Throws for numbers that are not finite or below 0, and for a gradient of another shape.
    void step(double lr, double weight_decay) {
        require(std::isfinite(lr) && lr >= 0 && std::isfinite(weight_decay) && weight_decay >= 0, "optimizer",
                "got lr ", lr, ", weight decay ", weight_decay, ", expected finite numbers, 0 or more");
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const Variable<T, D>& parameter = slots_[i].parameter;
            if (!parameter.grad().defined())
                continue;
            require(parameter.grad().shape() == parameter.shape(), "optimizer", "the gradient of ",
                    parameters_[i].first, " has shape ", parameter.grad().shape(), ", expected ",
                    parameter.shape());
            ++slots_[i].steps;
            update(slots_[i], lr * slots_[i].lr_scale, weight_decay * slots_[i].weight_decay_scale);
        }
    }

    /// Drops all gradients: the next backward begins new ones.
    void zero_grad() {
        for (const Slot& slot : slots_)
            slot.parameter.zero_grad();
    }

    /// The parameters of all groups.
    const NamedParameters<T, D>& parameters() const { return parameters_; }

    /// See OptimizerState. The handles are valid as long as the optimiser.
    OptimizerState<T, D> state() {
        OptimizerState<T, D> state;
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            const std::string& name = parameters_[i].first;
            for (std::size_t k = 0; k < state_names_.size(); ++k)
                state.tensors.emplace_back(name + "." + state_names_[k], slots_[i].states[k]);
            state.counters.emplace_back(name + ".step", &slots_[i].steps);
        }
        return state;
    }

protected:
    /// A parameter with what its optimiser remembers of it.
    struct Slot {
        Variable<T, D> parameter;
        double lr_scale, weight_decay_scale;
        std::int64_t steps = 0;  ///< steps with a gradient, the present one included
        std::array<Tensor<T, D>, 2> states;
    };

    /// States start as zeros. Throws for scales that are not finite or below 0 and for repeated names.
    Optimizer(const std::vector<ParameterGroup<T, D>>& groups, std::initializer_list<const char*> states)
        : state_names_(states.begin(), states.end()) {
        std::set<std::string> names;
        for (const auto& group : groups) {
            require(std::isfinite(group.lr_scale) && group.lr_scale >= 0 &&
                        std::isfinite(group.weight_decay_scale) && group.weight_decay_scale >= 0,
                    "optimizer", "got lr scale ", group.lr_scale, ", weight decay scale ",
                    group.weight_decay_scale, ", expected finite numbers, 0 or more");
            for (const auto& [name, parameter] : group.parameters) {
                require(names.insert(name).second, "optimizer", "the parameter ", name,
                        " is listed twice, expected every name once");
                Slot slot{parameter, group.lr_scale, group.weight_decay_scale, 0, {}};
                for (std::size_t k = 0; k < state_names_.size(); ++k)
                    slot.states[k] = Tensor<T, D>::zeros(parameter.shape());
                slots_.push_back(std::move(slot));
                parameters_.emplace_back(name, parameter);
            }
        }
    }

    virtual void update(Slot& slot, double lr, double weight_decay) = 0;

private:
    std::vector<std::string> state_names_;
    std::vector<Slot> slots_;
    NamedParameters<T, D> parameters_;
};

}  // namespace lafs::inline LAFS_ABI
