// Fused element-wise kernels on the CPU.
//
// map:           out = expression(inputs), one pass.
// map_gradients: the gradients of all inputs in one pass: the forward values are computed again in registers
// and
//                the adjoints swept back. Gradients of broadcast inputs go through partial sums of fixed
//                chunks and a second pass in fixed order, so they do not depend on the number of threads.
#pragma once

#include <lafs/backend/cpu/pack.hpp>
#include <lafs/core/counter.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/core/unroll.hpp>
#include <lafs/primitives/map.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// Elements of one task: enough to pay for handing it out, few enough to balance.
inline constexpr std::int64_t map_grain = 1 << 14;

/// The operands of one innermost row: pointers, strides, and packs for what the whole row repeats.
template <class Node, class T>
struct RowOperands {
    using V = Pack<compute_t<T>>;
    static constexpr int inputs = Node::inputs;
    const T* data[inputs > 0 ? inputs : 1];
    std::int64_t stride[inputs > 0 ? inputs : 1];
    V values[inputs > 0 ? inputs : 1];

    template <class L, class B>
    RowOperands(const L& loop, const B& bound, std::int64_t row) {
        for (int i = 0; i < inputs; ++i) {
            data[i] = bound.inputs[i].data + loop.offset(i, row);
            stride[i] = loop.inner_stride(i);
            values[i] = V(stride[i] == 0 ? static_cast<compute_t<T>>(*data[i]) : compute_t<T>(0));
        }
    }

    /// Loads lanes [position, position + count) of the operands that vary along the row.
    void load_at(std::int64_t position, std::int64_t count) {
        unroll<inputs>([&](auto i) {
            if (stride[i] == 1 && count == V::width)
                values[i] = load(data[i] + position);
            else if (stride[i] != 0)
                values[i] = load(data[i] + position * stride[i], stride[i], count);
        });
    }
};

/// Calls body(row, begin, end) over pieces of all rows of a loop, in parallel.
template <class L, class Body>
void for_each_piece(const L& loop, const Body& body) {
    const std::int64_t rows = loop.rows(), inner = loop.inner();
    if (rows * inner == 0)
        return;
    if (inner >= map_grain) {
        const std::int64_t pieces = (inner + map_grain - 1) / map_grain;
        parallel_for(rows * pieces, [&](std::int64_t task) {
            const std::int64_t begin = task % pieces * map_grain;
            body(task / pieces, begin, std::min(begin + map_grain, inner));
        });
    } else {
        parallel_ranges(rows, map_grain / inner, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                body(row, std::int64_t{0}, inner);
        });
    }
}

}  // namespace cpu

/// out = Node(inputs); `out` may be any strided view, inputs broadcast to its shape.
/// An input may be the output itself.
template <class Node, class T, class S>
void map(Cpu, Node, const View<T>& out, const Bound<Node, T, S>& bound) {
    constexpr int inputs = Node::inputs;
    using V = Pack<compute_t<T>>;
    View<const T> views[inputs + 1];
    for (int i = 0; i < inputs; ++i)
        views[i] = bound.inputs[i];
    views[inputs] = out;
    const Loop<inputs + 1> loop = make_loop(out.shape, views);
    const std::int64_t out_stride = loop.inner_stride(inputs);
    count_launch();
    cpu::for_each_piece(loop, [&](std::int64_t row, std::int64_t begin, std::int64_t end) LAFS_FLATTEN {
        cpu::RowOperands<Node, T> operands(loop, bound, row);
        T* to = out.data + loop.offset(inputs, row);
        Sweep<Node, V> sweep;
        for (std::int64_t at = begin; at < end; at += V::width) {
            const std::int64_t count = std::min<std::int64_t>(V::width, end - at);
            operands.load_at(at, count);
            sweep.forward(operands.values, bound.scalars);
            if (out_stride == 1 && count == V::width)
                store(to + at, sweep.value);
            else
                store(to + at * out_stride, sweep.value, out_stride, count);
        }
    });
}

namespace cpu {

/// One pass of `map_gradients`: how each input's gradient is written, and the buffers of partial sums.
template <class Node, class T, class S>
struct GradientPass {
    static constexpr int inputs = Node::inputs;
    using C = compute_t<T>;
    using V = Pack<C>;
    const Bound<Node, T, S>& bound;
    const Loop<inputs + 1>& loop;  // operand `inputs` is the output's gradient
    const T* grad;
    GradientTarget<T> targets[inputs];
    C* partials[inputs];  // of this chunk; null for an input of the output's shape

    LAFS_FLATTEN void run_row(std::int64_t row, std::int64_t begin, std::int64_t end) const {
        RowOperands<Node, T> operands(loop, bound, row);
        const T* from = grad + loop.offset(inputs, row);
        const std::int64_t grad_stride = loop.inner_stride(inputs);
        V row_sums[inputs];
        std::int64_t offsets[inputs];
        unroll<inputs>([&](auto i) {
            row_sums[i] = V(0);
            offsets[i] = loop.offset(i, row);
        });
        Sweep<Node, V> sweep;
        for (std::int64_t at = begin; at < end; at += V::width) {
            const std::int64_t count = std::min<std::int64_t>(V::width, end - at);
            operands.load_at(at, count);
            sweep.forward(operands.values, bound.scalars);
            V gradients[inputs];
            unroll<inputs>([&](auto i) { gradients[i] = V(0); });
            const V adjoint = count == V::width && grad_stride == 1
                                  ? load(from + at)
                                  : load(from + at * grad_stride, grad_stride, count);
            sweep.backward(adjoint, gradients);
            unroll<inputs>([&](auto i) {
                if (targets[i])
                    write(i, offsets[i] + at * operands.stride[i], count, operands.stride[i], gradients[i],
                          row_sums[i]);
            });
        }
        for (int i = 0; i < inputs; ++i)
            if (targets[i] && partials[i] && operands.stride[i] == 0)
                partials[i][offsets[i]] += row_sums[i].sum();
    }

    void write(int i, std::int64_t offset, std::int64_t count, std::int64_t stride, const V& gradient,
               V& row_sum) const {
        if (partials[i] && stride == 0) {
            row_sum = row_sum + keep(gradient, count, C(0));
        } else if (partials[i]) {
            add(partials[i] + offset, count, gradient);
        } else if (targets[i].accumulate) {
            add(targets[i].data + offset, count, gradient);
        } else if (count == V::width) {
            store(targets[i].data + offset, gradient);
        } else {
            store(targets[i].data + offset, gradient, 1, count);
        }
    }

    template <class To>
    static void add(To* to, std::int64_t count, const V& gradient) {
        if (count == V::width)
            store(to, load(to) + gradient);
        else
            store(to, load(to, 1, count) + gradient, 1, count);
    }
};

/// target (+)= the sum over chunks, in order, of partial[chunk * size + i].
template <class T, class C>
void sum_partials(const GradientTarget<T>& target, const C* partials, std::int64_t chunks,
                  std::int64_t size) {
    parallel_ranges(size, 4096, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            C sum = target.accumulate ? static_cast<C>(target.data[i]) : C(0);
            for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
                sum += partials[chunk * size + i];
            target.data[i] = static_cast<T>(sum);
        }
    });
}

}  // namespace cpu

/// Gradients of all inputs of a map, given the gradient of its (contiguous) output. The inputs and
/// the targets are contiguous in the inputs' own shapes. Two targets may be the same memory (a tensor that is
/// an operand twice) if the second accumulates.
template <class Node, class T, class S>
void map_gradients(Cpu, Node, const View<const T>& grad, const Bound<Node, T, S>& bound,
                   const GradientTarget<T> (&targets)[Node::inputs]) {
    constexpr int inputs = Node::inputs;
    using C = compute_t<T>;
    View<const T> views[inputs + 1];
    for (int i = 0; i < inputs; ++i)
        views[i] = bound.inputs[i];
    views[inputs] = grad;
    const Loop<inputs + 1> loop = make_loop(grad.shape, views);
    const std::int64_t rows = loop.rows(), inner = loop.inner(), total = rows * inner;

    std::int64_t largest = 0;  // elements of the largest broadcast input
    for (int i = 0; i < inputs; ++i)
        if (targets[i] && bound.inputs[i].shape.size() != total)
            largest = std::max(largest, bound.inputs[i].shape.size());
    count_launch();
    cpu::GradientPass<Node, T, S> pass{bound, loop, grad.data, {}, {}};
    std::copy(std::begin(targets), std::end(targets), pass.targets);
    if (largest == 0) {
        cpu::for_each_piece(loop, [&](std::int64_t row, std::int64_t begin, std::int64_t end) {
            pass.run_row(row, begin, end);
        });
        return;
    }

    // Chunks of whole rows, or of pieces of the only row; their number depends on shapes alone, and the
    // partial sums take at most about the memory of the output.
    const std::int64_t units = total == 0 ? 0 : rows > 1 ? rows : inner;
    const std::int64_t room = std::max<std::int64_t>(1, std::max<std::int64_t>(total, 1 << 16) / largest);
    const std::int64_t wanted =
        std::min<std::int64_t>({64, room, (total + cpu::map_grain - 1) / cpu::map_grain});
    const std::int64_t per_chunk =
        std::max<std::int64_t>(1, (units + wanted - 1) / std::max<std::int64_t>(1, wanted));
    const std::int64_t chunks = (units + per_chunk - 1) / per_chunk;
    Tensor<C> buffers[inputs];
    for (int i = 0; i < inputs; ++i)
        if (targets[i] && bound.inputs[i].shape.size() != total)
            buffers[i] = Tensor<C>::zeros({chunks, bound.inputs[i].shape.size()});
    parallel_for(chunks, [&](std::int64_t chunk) {
        auto own = pass;
        for (int i = 0; i < inputs; ++i)
            own.partials[i] =
                buffers[i].defined() ? buffers[i].data() + chunk * buffers[i].shape(1) : nullptr;
        const std::int64_t begin = chunk * per_chunk, end = std::min(begin + per_chunk, units);
        if (rows == 1)
            own.run_row(0, begin, end);
        else
            for (std::int64_t row = begin; row < end; ++row)
                own.run_row(row, 0, inner);
    });
    for (int i = 0; i < inputs; ++i)
        if (buffers[i].defined())
            cpu::sum_partials(targets[i], buffers[i].data(), chunks, buffers[i].shape(1));
}

}  // namespace lafs::inline LAFS_ABI
