// LARS: layer-wise adaptive rates (You et al., arXiv 1708.03888), in the form of the DINO code:
//   d = g + wd p;  q = eta |p| / |d| (1 where a norm is 0);  u <- momentum u + q d;  p <- p - lr u
// Parameters of one axis have neither weight decay nor adaptation (q = 1).
#pragma once

#include <lafs/optim/optimizer.hpp>

namespace lafs::inline LAFS_ABI {

/// The values of the DINO code.
struct LarsOptions {
    double momentum = 0.9, eta = 0.001;
};

/// State: mu.
template <class T, class D = Cpu>
class Lars final : public Optimizer<T, D> {
public:
    /// Throws for a momentum outside [0, 1) and an eta that is not above 0.
    explicit Lars(const std::vector<ParameterGroup<T, D>>& groups, const LarsOptions& options = {})
        : Optimizer<T, D>(groups, {"mu"}), options_(options) {
        require(options.momentum >= 0 && options.momentum < 1, "lars", "got momentum ", options.momentum,
                ", expected 0 <= momentum < 1");
        require(options.eta > 0 && std::isfinite(options.eta), "lars", "got eta ", options.eta,
                ", expected a number above 0");
    }

protected:
    using Base = Optimizer<T, D>;
    using Number = typename Base::Number;
    using Update = LarsUpdate<Number>;

    /// The norms of all parameters are summed first, where the step then reads them.
    void update(typename Base::AllDue due, const double* guard) override {
        PoolVector<SquaresOf<T>> norms(2 * due.size());
        for (std::size_t i = 0; i < due.size(); ++i) {
            const typename Base::Slot& slot = *due[i].slot;
            const Tensor<T, D>& value = slot.parameter.value();
            if (!adapts(due[i]))
                continue;
            const Number* values;
            if constexpr (Base::has_masters) {
                values = slot.master.data();
                norms[2 * i] = {value.size(), nullptr, values, 1};
            } else {
                values = value.data();
                norms[2 * i] = {value.size(), values, nullptr, 1};
            }
            norms[2 * i + 1] = {value.size(), slot.parameter.grad().data(), values, due[i].weight_decay};
        }
        const auto sums = Tensor<double, D>::empty({static_cast<std::int64_t>(norms.size())});
        sums_of_squares(D{}, std::span<const SquaresOf<T>>(norms), sums.data());
        Base::template run<Update>(due, guard, [&](std::size_t i, const typename Base::Due& of) {
            const double weight_decay = adapts(of) ? of.weight_decay : 0;
            return Update{{static_cast<Number>(of.lr), static_cast<Number>(weight_decay),
                           static_cast<Number>(options_.momentum), Number(1), false},
                          adapts(of) ? sums.data() + 2 * i : nullptr,
                          options_.eta};
        });
    }

private:
    static bool adapts(const typename Base::Due& due) { return due.slot->parameter.value().rank() != 1; }

    LarsOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
