// The MLP of a transformer block, with the names of the published checkpoints.
#pragma once

#include <lafs/autograd/dropout.hpp>
#include <lafs/nn/linear.hpp>

namespace lafs::inline LAFS_ABI {

/// `net.0`, exact GELU and dropout in one pass, `net.3`.
template <class T, class D = Cpu>
struct FeedForward : Module<T, D> {
    Linear<T, D> expand, contract;
    double drop;

    /// Throws unless the sizes are positive and 0 <= dropout < 1.
    FeedForward(std::int64_t width, std::int64_t hidden, double dropout)
        : expand(width, hidden), contract(hidden, width), drop(dropout) {
        detail::require_probability("feed_forward", dropout);
    }

    void visit(Visitor<T, D>& visitor) override {
        visitor.child("net.0", expand);
        visitor.child("net.3", contract);
    }

    /// (..., width) -> (..., width). The dropout behind it is left to the block, which fuses it.
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed(
            [&] { return contract.forward(dropout_of<Gelu>(expand.forward(x), drop, this->training())); });
    }
};

}  // namespace lafs::inline LAFS_ABI
