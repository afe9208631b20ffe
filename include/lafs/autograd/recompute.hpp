// Block-wise recomputation (gradient checkpointing; Chen et al., arXiv 1604.06174): memory for time.
//
// The forward pass of a block keeps its input only; the backward pass runs the block again with the same
// random numbers, records it, and sweeps back through it at once. Values and gradients are the same bits as
// without.
#pragma once

#include <lafs/autograd/variable.hpp>
#include <lafs/core/random.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// Sets the thread's generator until the end of the scope.
class GeneratorScope {
public:
    explicit GeneratorScope(const Generator& generator)
        : before_(std::exchange(default_generator(), generator)) {}
    ~GeneratorScope() { default_generator() = before_; }
    GeneratorScope(const GeneratorScope&) = delete;
    GeneratorScope& operator=(const GeneratorScope&) = delete;

private:
    Generator before_;
};
}  // namespace detail

/// function(x), without keeping what its parts keep for the backward pass.
///
/// `function` maps a variable to a variable and is kept until the backward pass: capture modules by pointer,
/// and let them live as long. It must compute the same again: state it changes (running statistics of batch
/// norm) would change twice. Parameters it uses get their gradients, in the sweep of x.
template <class T, class D, class Function>
Variable<T, D> recompute(Function function, const Variable<T, D>& x) {
    if (!detail::gradients_enabled())
        return function(x);
    const Generator generator = default_generator();
    Tensor<T, D> value;
    {
        const NoGrad nothing_recorded;
        value = function(x).value();
    }
    // The parameters inside are not known here: an input that asks for a gradient stands for them.
    const Variable<T, D> parameters(Tensor<T, D>::empty({0}), true);
    return record(std::move(value), {x, parameters}, [=](const Tensor<T, D>& gradient) {
        const Variable<T, D> input(x.value(), x.requires_grad());
        Variable<T, D> again;
        {
            const detail::GeneratorScope same_numbers(generator);
            const detail::RecordingScope recording(true);
            again = function(input);
        }
        if (!again.requires_grad())
            return;
        again.backward(gradient);
        if (input.grad().defined())
            accumulate(x, input.grad());
    });
}

}  // namespace lafs::inline LAFS_ABI
