// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), as torch.optim.AdamW.
// The formula is AdamWUpdate in primitives/optimizer_step.hpp.
#pragma once

#include <lafs/optim/optimizer.hpp>

namespace lafs::inline LAFS_ABI {

/// The published values.
struct AdamWOptions {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

/// States: exp_avg, exp_avg_sq. Each parameter counts its own steps, as in PyTorch.
template <class T, class D = Cpu>
class AdamW final : public Optimizer<T, D> {
public:
    /// Throws for betas outside [0, 1) and an epsilon that is not above 0.
    explicit AdamW(const std::vector<ParameterGroup<T, D>>& groups, const AdamWOptions& options = {})
        : Optimizer<T, D>(groups, {"exp_avg", "exp_avg_sq"}), options_(options) {
        require(options.beta1 >= 0 && options.beta1 < 1 && options.beta2 >= 0 && options.beta2 < 1, "adamw",
                "got betas ", options.beta1, " and ", options.beta2, ", expected 0 <= beta < 1");
        require(options.epsilon > 0 && std::isfinite(options.epsilon), "adamw", "got epsilon ",
                options.epsilon, ", expected a number above 0");
    }

protected:
    using Base = Optimizer<T, D>;
    using Update = AdamWUpdate<typename Base::Number>;

    void update(typename Base::AllDue due, const double* guard) override {
        Base::template run<Update>(due, guard, [&](std::size_t, const typename Base::Due& of) {
            return Update(of.lr, of.weight_decay, options_.beta1, options_.beta2, options_.epsilon,
                          of.slot->steps);
        });
    }

private:
    AdamWOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
