// Optimiser steps and norms on the CPU.
//
// optimizer_step:   parameter, gradient and states are read and written once, whatever the optimiser.
// sums_of_squares:  of many tensors in one parallel loop, in double, in an order fixed by their sizes.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/optimizer_step.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

/// Applies an update (primitives/optimizer_step.hpp) to `size` elements of a parameter and its states.
template <class Update, class T>
void optimizer_step(Cpu, const Update& update, std::int64_t size, T* parameter, const T* gradient,
                    T* const (&states)[Update::states]) {
    using V = Pack<T>;
    constexpr int n = Update::states;
    count_launch();
    struct Arguments {
        Update update;
        T* states[n];
    } arguments{update, {}};
    std::copy(std::begin(states), std::end(states), arguments.states);
    parallel_ranges(size, cpu::map_grain, [=](std::int64_t begin, std::int64_t end) LAFS_FLATTEN {
        const Arguments own = arguments;
        V p, state[n];
        std::int64_t at = begin;
        for (; at + V::width <= end; at += V::width) {
            p = load(parameter + at);
            unroll<n>([&](auto i) { state[i] = load(own.states[i] + at); });
            own.update(p, load(gradient + at), state);
            store(parameter + at, p);
            unroll<n>([&](auto i) { store(own.states[i] + at, state[i]); });
        }
        if (const std::int64_t rest = end - at; rest > 0) {
            p = load(parameter + at, 1, rest);
            unroll<n>([&](auto i) { state[i] = load(own.states[i] + at, 1, rest); });
            own.update(p, load(gradient + at, 1, rest), state);
            store(parameter + at, p, 1, rest);
            unroll<n>([&](auto i) { store(own.states[i] + at, state[i], 1, rest); });
        }
    });
}

namespace cpu {

/// Elements of one partial sum of squares.
inline constexpr std::int64_t squares_chunk = 1 << 15;

/// The sum over elements [begin, end), in lanes of double.
template <class T>
LAFS_FLATTEN double sum_of_squares(const SquaresOf<T>& of, std::int64_t begin, std::int64_t end) {
    constexpr int lanes = 32;
    const T factor = static_cast<T>(of.factor);
    double sums[lanes] = {};
    const auto add = [&](auto value, std::int64_t at, int lane) {
        const double x = static_cast<double>(value(at));
        sums[lane] += x * x;
    };
    const auto run = [&](auto value) {
        std::int64_t at = begin;
        for (; at + lanes <= end; at += lanes)
            unroll<lanes>([&](auto lane) { add(value, at + lane, lane); });
        for (; at < end; ++at)
            add(value, at, 0);
    };
    if (of.y)
        run([x = of.x, y = of.y, factor](std::int64_t at) { return x[at] + factor * y[at]; });
    else
        run([x = of.x](std::int64_t at) { return x[at]; });
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane)
            sums[lane] += sums[lane + half];
    return sums[0];
}

}  // namespace cpu

/// sums[i] = the sum of the squares of operand i. Not finite when an element is not.
template <class T>
void sums_of_squares(Cpu, std::span<const SquaresOf<T>> operands, std::span<double> sums) {
    PoolVector<std::int64_t> first(operands.size() + 1, 0);  // partial sum that operand i begins with
    for (std::size_t i = 0; i < operands.size(); ++i)
        first[i + 1] = first[i] + (operands[i].size + cpu::squares_chunk - 1) / cpu::squares_chunk;
    PoolVector<double> partials(static_cast<std::size_t>(first.back()));
    count_launch();
    parallel_for(first.back(), [&](std::int64_t task) {
        const auto i =
            static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), task) - first.begin()) - 1;
        const std::int64_t begin = (task - first[i]) * cpu::squares_chunk;
        partials[static_cast<std::size_t>(task)] =
            cpu::sum_of_squares(operands[i], begin, std::min(begin + cpu::squares_chunk, operands[i].size));
    });
    for (std::size_t i = 0; i < operands.size(); ++i) {
        sums[i] = 0;
        for (std::int64_t task = first[i]; task < first[i + 1]; ++task)
            sums[i] += partials[static_cast<std::size_t>(task)];
    }
}

}  // namespace lafs::inline LAFS_ABI
