// Fused element-wise passes over memory.
//
//   map(D, Node, out, bound)                   out = Node(inputs)
//     `out` is a view with any strides; the inputs broadcast to its shape. An input may be the output itself.
//   map_gradients(D, Node, g, bound, targets)  target i (+)= the gradient of input i, given that of the output
//     One pass for all inputs, from the expression alone: its values are computed again. `g` is contiguous,
//     and so are the inputs and targets, each in the input's own shape: what was broadcast is summed, in an
//     order that the shapes fix. A target without data is not wanted. Two targets may be the same memory (a
//     tensor that is an operand twice) if the second accumulates.
//
// Node is a type (expr/node.hpp), `bound` its views and numbers (expr/bound.hpp); elements are computed in
// compute_t<T>. How axes are merged into one loop: expr/loop.hpp.
#pragma once

#include <lafs/expr/bound.hpp>
#include <lafs/expr/loop.hpp>
#include <lafs/primitives/gradient_target.hpp>
