// Row programs on the CPU: one task runs some rows, one row at a time, on packs.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/primitives/row.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

/// The executor of a row on one core (see primitives/row.hpp). C is the compute type.
template <class C>
struct RowLanes {
    using V = Pack<C>;

    /// Position in the row, and how many lanes are inside it.
    struct At {
        std::int64_t position, count;

        template <class T>
        V operator()(const T* row) const {
            return count == V::width ? load(row + position) : load(row + position, 1, count);
        }
        template <class T>
        void store(T* row, const V& value) const {
            if (count == V::width)
                lafs::store(row + position, value);
            else
                lafs::store(row + position, value, 1, count);
        }
        template <class T>
        void put(const GradientTarget<T>& row, const V& value) const {
            store(row.data, row.accumulate ? (*this)(row.data) + value : value);
        }
        /// 1 in the lane of the row's element `index`, else 0.
        V is(std::int64_t index) const {
            V here(0);
            if (index >= position && index < position + V::width)
                here.lanes[index - position] = 1;
            return here;
        }
    };

    V value(C number) const { return V(number); }

    void meet() const {}

    template <class F>
    void once(const F& f) const {
        f();
    }

    template <class F>
    void each(std::int64_t n, const F& f) const {
        for (std::int64_t i = 0; i < n; i += V::width)
            f(At{i, std::min<std::int64_t>(V::width, n - i)});
    }

    /// Lanes are summed in four interleaved packs (latency), then across.
    template <class F>
    C sum(std::int64_t n, const F& f) const {
        V sums[4] = {V(0), V(0), V(0), V(0)};
        std::int64_t i = 0;
        for (; i + 4 * V::width <= n; i += 4 * V::width)
            unroll<4>([&](auto k) { sums[k] = sums[k] + f(At{i + k * V::width, V::width}); });
        for (; i + V::width <= n; i += V::width)
            sums[0] = sums[0] + f(At{i, V::width});
        if (i < n)
            sums[1] = sums[1] + keep(f(At{i, n - i}), n - i, C(0));
        return ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum();
    }

    template <class F>
    C max(std::int64_t n, const F& f) const {
        V largest(-std::numeric_limits<C>::infinity());
        each(n, [&](At at) { largest = maximum(largest, f(at)); });
        return largest.max();
    }
};

/// Rows of one task: about `map_grain` elements.
inline std::int64_t rows_per_task(std::int64_t n) {
    return std::max<std::int64_t>(1, map_grain / std::max<std::int64_t>(1, n));
}

}  // namespace cpu

/// Runs `body(lanes, row)` for every row; a program's rows are independent.
template <class T, class Body>
void for_each_row(std::int64_t rows, std::int64_t n, const Body& body) {
    count_launch();
    const cpu::RowLanes<compute_t<T>> lanes;
    parallel_ranges(rows, cpu::rows_per_task(n), [&](std::int64_t begin, std::int64_t end) LAFS_FLATTEN {
        for (std::int64_t row = begin; row < end; ++row)
            body(lanes, row);
    });
}

/// y = Program(x) over `rows` contiguous rows of n elements.
template <class Program, class T>
void row_forward(Cpu, Program, std::int64_t rows, std::int64_t n, const T* x, T* y) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        Program::forward(lanes, n, x + row * n, y + row * n);
    });
}

/// Gradient of x for programs whose backward needs y and g only (softmax, log-softmax).
template <class Program, class T>
void row_backward(Cpu, Program, std::int64_t rows, std::int64_t n, const T* y, const T* g,
                  const GradientTarget<T>& dx) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        Program::backward(lanes, n, y + row * n, g + row * n, row_of(dx, row * n));
    });
}

/// Gradient of x for NormalizeRow.
template <class T>
void normalize_backward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* y, const T* g,
                        const GradientTarget<T>& dx) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        NormalizeRow::backward(lanes, n, x + row * n, y + row * n, g + row * n, row_of(dx, row * n));
    });
}

/// Layer norm of `rows` rows; `mean` and `inverse_deviation` receive one number a row.
template <class T, class C>
void layer_norm_forward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* bias,
                        C epsilon, T* y, C* mean, C* inverse_deviation) {
    for_each_row<T>(rows, n, [=](const auto& lanes, std::int64_t row) {
        LayerNormRow::forward(lanes, n, x + row * n, gain, bias, epsilon, y + row * n, mean + row,
                              inverse_deviation + row);
    });
}

/// Gradients of layer norm; those of gain and bias are summed over fixed chunks of rows, then in order.
template <class T, class C>
void layer_norm_backward(Cpu, std::int64_t rows, std::int64_t n, const T* x, const T* gain, const T* g,
                         const C* mean, const C* inverse_deviation, const GradientTarget<T>& dx,
                         const GradientTarget<T>& dgain, const GradientTarget<T>& dbias) {
    const std::int64_t per_chunk = std::max(cpu::rows_per_task(n), (rows + 63) / 64);
    const std::int64_t chunks = (rows + per_chunk - 1) / per_chunk;
    const auto gain_sums = Tensor<C>::zeros({dgain ? chunks : 0, n}),
               bias_sums = Tensor<C>::zeros({dbias ? chunks : 0, n});
    const cpu::RowLanes<compute_t<T>> lanes;
    count_launch();
    parallel_for(chunks, [&](std::int64_t chunk) LAFS_FLATTEN {
        for (std::int64_t row = chunk * per_chunk; row < std::min(rows, (chunk + 1) * per_chunk); ++row)
            LayerNormRow::backward(lanes, n, x + row * n, gain, g + row * n, mean[row],
                                   inverse_deviation[row], row_of(dx, row * n),
                                   dgain ? gain_sums.data() + chunk * n : nullptr,
                                   dbias ? bias_sums.data() + chunk * n : nullptr);
    });
    if (dgain)
        cpu::sum_partials(dgain, gain_sums.data(), chunks, n);
    if (dbias)
        cpu::sum_partials(dbias, bias_sums.data(), chunks, n);
}

}  // namespace lafs::inline LAFS_ABI
