// Steps over many tensors and their norms on the CPU: each one parallel loop over the chunks of all tensors.
// The contract and the formulas are in primitives/optimizer_step.hpp.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/optimizer_step.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

template <class T>
Pack<T> separate_sum(const Pack<T>& a, const Pack<T>& b) {
    auto x = a.vector(), y = b.vector();
#if defined(__x86_64__)
    asm("" : "+x"(x), "+x"(y));
#elif defined(__aarch64__)
    asm("" : "+w"(x), "+w"(y));
#endif
    return Pack<T>(typename Pack<T>::Lanes(x + y));
}

namespace cpu {

/// Chunks are numbered through all items, in order: the first of item i, and their number at the end.
template <class Item>
PoolVector<std::int64_t> first_chunks(std::span<const Item> items, std::int64_t chunk) {
    PoolVector<std::int64_t> first(items.size() + 1, 0);
    for (std::size_t i = 0; i < items.size(); ++i)
        first[i + 1] = first[i] + chunks_of(items[i].size, chunk);
    return first;
}

/// Calls body(item, begin, end, number) for every chunk of every item, in parallel.
template <class Item, class Body>
void for_each_chunk(std::span<const Item> items, const PoolVector<std::int64_t>& first, std::int64_t chunk,
                    const Body& body) {
    parallel_for(first.back(), [&](std::int64_t number) {
        const auto i =
            static_cast<std::size_t>(std::upper_bound(first.begin(), first.end(), number) - first.begin()) -
            1;
        const std::int64_t begin = (number - first[i]) * chunk;
        body(items[i], begin, std::min(begin + chunk, items[i].size), number);
    });
}

/// Elements [begin, end) of one tensor: parameter, gradient and states are read and written once.
template <bool has_master, class Update, class Step>
LAFS_FLATTEN void update_elements(Update update, Step step, std::int64_t begin, std::int64_t end) {
    using V = Pack<typename Step::C>;
    constexpr int n = Update::states;
    const auto run = [&](std::int64_t at, auto... part) {  // a whole pack, or the stride and length of a part
        V p, state[n > 0 ? n : 1];
        if constexpr (has_master)
            p = load(step.master + at, part...);
        else
            p = load(step.parameter + at, part...);
        unroll<n>([&](auto i) { state[i] = load(step.states[i] + at, part...); });
        update(p, load(step.gradient + at, part...), state);
        if constexpr (has_master)
            store(step.master + at, p, part...);
        store(step.parameter + at, p, part...);
        unroll<n>([&](auto i) { store(step.states[i] + at, state[i], part...); });
    };
    std::int64_t at = begin;
    for (; at + V::width <= end; at += V::width)
        run(at);
    if (at < end)
        run(at, std::int64_t{1}, end - at);
}

/// Elements of one partial sum of squares.
inline constexpr std::int64_t squares_chunk = 1 << 15;

/// The sum over elements [begin, end), in lanes of double.
template <class T>
LAFS_FLATTEN double sum_of_squares(const SquaresOf<T>& of, std::int64_t begin, std::int64_t end) {
    using C = compute_t<T>;
    constexpr int lanes = 32;
    const C factor = static_cast<C>(of.factor);
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
    if (of.x && of.y)
        run([x = of.x, y = of.y, factor](std::int64_t at) { return static_cast<C>(x[at]) + factor * y[at]; });
    else if (of.x)
        run([x = of.x](std::int64_t at) { return x[at]; });
    else
        run([y = of.y, factor](std::int64_t at) { return factor * y[at]; });
    for (int half = lanes / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; ++lane)
            sums[lane] += sums[lane + half];
    return sums[0];
}

}  // namespace cpu

template <class Update, class T>
void optimizer_step(Cpu, std::span<const StepOf<Update, T>> steps, const double* guard = nullptr) {
    if (steps.empty() || is_stopped(guard))
        return;
    count_launch();
    const auto first = cpu::first_chunks(steps, cpu::map_grain);
    cpu::for_each_chunk(
        steps, first, cpu::map_grain,
        [](const StepOf<Update, T>& step, std::int64_t begin, std::int64_t end, std::int64_t) {
            const auto update = resolved(step.update);
            if (is_idle(update))
                return;
            if constexpr (!std::is_same_v<T, compute_t<T>>)
                if (step.master)
                    return cpu::update_elements<true>(update, step, begin, end);
            cpu::update_elements<false>(update, step, begin, end);
        });
}

template <class T>
void sums_of_squares(Cpu, std::span<const SquaresOf<T>> operands, double* sums, double* norm = nullptr) {
    const auto first = cpu::first_chunks(operands, cpu::squares_chunk);
    PoolVector<double> partials(static_cast<std::size_t>(first.back()));
    count_launch();
    cpu::for_each_chunk(
        operands, first, cpu::squares_chunk,
        [&](const SquaresOf<T>& of, std::int64_t begin, std::int64_t end, std::int64_t number) {
            partials[static_cast<std::size_t>(number)] = cpu::sum_of_squares(of, begin, end);
        });
    double total = 0;
    for (std::size_t i = 0; i < operands.size(); ++i) {
        sums[i] = 0;
        for (std::int64_t number = first[i]; number < first[i + 1]; ++number)
            sums[i] += partials[static_cast<std::size_t>(number)];
        total += sums[i];
    }
    if (norm)
        *norm = std::sqrt(total);
}

}  // namespace lafs::inline LAFS_ABI
