// Element-wise functions as layers, for `Sequential` and for models that are put together at run time. In a
// `forward` of your own the functions (`relu(x)`, `gelu(x)`) are shorter, and fuse with their neighbours.
#pragma once

#include <lafs/autograd/expression.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Op of each element, for an operation of expr/operations.hpp or of your own: `Activation<Tanh, float>`.
template <class Op, class T, class D = Cpu>
struct Activation : Module<T, D> {
    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return Variable<T, D>(apply<Op>(x)); });
    }
};

/// The layers of PyTorch with these names (torch.nn.GELU with its default, the exact one).
template <class T, class D = Cpu>
using ReLU = Activation<Relu, T, D>;
template <class T, class D = Cpu>
using GELU = Activation<Gelu, T, D>;
template <class T, class D = Cpu>
using SiLU = Activation<Silu, T, D>;

}  // namespace lafs::inline LAFS_ABI
