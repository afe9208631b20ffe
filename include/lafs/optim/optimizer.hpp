// What all optimisers share: parameters in groups, steps, and the state that a resumed run needs.
//
// A parameter of a 16-bit type has a float master, in which its steps add up, and float states; the step
// writes the rounded 16-bit copy that the model reads (primitives/optimizer_step.hpp).
//
// To write one: derive, name its state tensors in the constructor, and give the numbers of its update in
// `update` (see optim/sgd.hpp).
//   requires: `update` hands all of `due` to `run`; the numbers of each are a function of its slot, lr and
//             weight decay alone.
//   ensures:  it is called once a step with the parameters that have a gradient, in order, after their step
//             counts went up by one. Parameters without a gradient, and their state, stay untouched.
#pragma once

#include <array>
#include <cmath>
#include <initializer_list>
#include <lafs/backend/cpu/convert.hpp>
#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/optim/parameter_groups.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The state of an optimiser, by name: handles to its tensors and counts, to be saved, or overwritten by
/// what was saved ("<parameter>.<state>", "<parameter>.master" of a 16-bit parameter, "<parameter>.step").
template <class T, class D = Cpu>
struct OptimizerState {
    std::vector<std::pair<std::string, Tensor<compute_t<T>, D>>> tensors;
    std::vector<std::pair<std::string, std::int64_t*>> counters;
};

/// Base of the optimisers. Nothing is allocated by `step`, and nothing waits for the device.
template <class T, class D = Cpu>
class Optimizer {
    static_assert(is_floating(dtype_of<T>), "parameters are trained in float, double, bfloat16 or half");

public:
    using Number = compute_t<T>;  ///< of masters and states
    static constexpr bool has_masters = !std::is_same_v<T, Number>;

    virtual ~Optimizer() = default;
    Optimizer(const Optimizer&) = delete;
    Optimizer& operator=(const Optimizer&) = delete;

    /// One step for the collected gradients, with the values of the schedules at this step; groups scale
    /// both. Throws, before anything is changed, for numbers that are not finite or below 0, and for a
    /// gradient of another shape.
    ///
    /// `guard` may be a number on the device, of shape (): where it is not finite, as the norm of gradients
    /// that hold NaN or infinity is, no parameter and no state is changed. The counts of steps, which the
    /// host keeps, go up all the same: whoever reads such a norm has to stop, or to load a saved state.
    void step(double lr, double weight_decay, const Tensor<double, D>& guard = {}) {
        require(std::isfinite(lr) && lr >= 0 && std::isfinite(weight_decay) && weight_decay >= 0, "optimizer",
                "got lr ", lr, ", weight decay ", weight_decay, ", expected finite numbers, 0 or more");
        require(!guard.defined() || guard.size() == 1, "optimizer", "got a guard of shape ", guard.shape(),
                ", expected one number");
        PoolVector<Due> due;
        due.reserve(slots_.size());
        for (std::size_t i = 0; i < slots_.size(); ++i) {
            Slot& slot = slots_[i];
            const Tensor<T, D>& gradient = slot.parameter.grad();
            if (!gradient.defined())
                continue;
            require(gradient.shape() == slot.parameter.shape(), "optimizer", "the gradient of ",
                    parameters_[i].first, " has shape ", gradient.shape(), ", expected ",
                    slot.parameter.shape());
            due.push_back({&slot, lr * slot.lr_scale, weight_decay * slot.weight_decay_scale});
        }
        for (const Due& each : due)
            ++each.slot->steps;
        update(due, guard.data());
    }

    /// Drops all gradients: the next backward begins new ones.
    void zero_grad() {
        for (const Slot& slot : slots_)
            slot.parameter.zero_grad();
    }

    /// Takes the masters of 16-bit parameters from the parameters again: to be called when something else
    /// than a step changed these, which the next step would undo.
    void reset_masters() {
        if constexpr (has_masters)
            for (const Slot& slot : slots_)
                convert(D{}, slot.master.size(), slot.parameter.data(),
                        GradientTarget<Number>{slot.master.data(), false});
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
            if (has_masters)
                state.tensors.emplace_back(name + ".master", slots_[i].master);
            state.counters.emplace_back(name + ".step", &slots_[i].steps);
        }
        return state;
    }

protected:
    /// A parameter with what its optimiser remembers of it.
    struct Slot {
        Variable<T, D> parameter;
        double lr_scale, weight_decay_scale;
        std::int64_t steps = 0;    ///< steps with a gradient, the present one included
        Tensor<Number, D> master;  ///< undefined where T holds every bit
        std::array<Tensor<Number, D>, 2> states;
    };

    /// A parameter that has a gradient, with the numbers of its group at this step.
    struct Due {
        Slot* slot;
        double lr, weight_decay;
    };
    using AllDue = std::span<const Due>;

    /// States start as zeros. Throws for scales that are not finite or below 0, for repeated names and for no
    /// parameters at all.
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
                Slot slot{parameter, group.lr_scale, group.weight_decay_scale, 0, {}, {}};
                for (std::size_t k = 0; k < state_names_.size(); ++k)
                    slot.states[k] = Tensor<Number, D>::zeros(parameter.shape());
                if (has_masters)
                    slot.master = Tensor<Number, D>::empty(parameter.shape());
                slots_.push_back(std::move(slot));
                parameters_.emplace_back(name, parameter);
            }
        }
        require(!slots_.empty(), "optimizer", "got no parameters, expected at least one");
        reset_masters();
    }

    /// Calls `run` with the numbers of this optimiser's update.
    virtual void update(AllDue due, const double* guard) = 0;

    /// One pass over all that is due: `numbers(i, due[i])` is the update of the i-th.
    template <class Update, class Numbers>
    static void run(AllDue due, const double* guard, const Numbers& numbers) {
        PoolVector<StepOf<Update, T>> steps(due.size());
        for (std::size_t i = 0; i < due.size(); ++i) {
            const Slot& slot = *due[i].slot;
            steps[i] = {numbers(i, due[i]),
                        slot.parameter.value().size(),
                        slot.parameter.value().data(),
                        slot.parameter.grad().data(),
                        slot.master.data(),
                        {}};
            for (int k = 0; k < Update::states; ++k)
                steps[i].states[k] = slot.states[static_cast<std::size_t>(k)].data();
        }
        optimizer_step(D{}, std::span<const StepOf<Update, T>>(steps), guard);
        for (const Due& each : due)
            each.slot->parameter.value().note_change();
    }

private:
    std::vector<std::string> state_names_;
    std::vector<Slot> slots_;
    NamedParameters<T, D> parameters_;
};

}  // namespace lafs::inline LAFS_ABI
