// Products of rows with the row of a class table that their label names, on the CPU (contract:
// primitives/label_product.hpp).
#pragma once

#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/label_product.hpp>

namespace lafs::inline LAFS_ABI {

template <class T>
void label_cosines(Cpu, std::int64_t rows, std::int64_t n, std::int64_t /*classes*/, const T* x,
                   const T* table, const std::int64_t* labels, T* cosines) {
    count_launch();
    parallel_ranges(rows, cpu::rows_per_task(n), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) {
            const T *left = x + b * n, *right = table + labels[b] * n;
            CosineSums sums;
            for (std::int64_t i = 0; i < n; ++i)
                sums.add(left[i], right[i]);
            cosines[b] = static_cast<T>(sums.cosine());
        }
    });
}

template <class T>
void read_at_labels(Cpu, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                    T* values) {
    for (std::int64_t b = 0; b < rows; ++b)
        values[b] = x[b * n + labels[b]];
}

template <class T>
void write_at_labels(Cpu, std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                     const T* values) {
    for (std::int64_t b = 0; b < rows; ++b)
        x[b * n + labels[b]] = values[b];
}

template <class T>
void add_at_labels(Cpu, std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                   std::int64_t step, T value) {
    for (std::int64_t b = 0; b < rows; ++b)
        if (const std::int64_t label = labels[b * step]; is_label(label, n))
            x[b * n + label] += value;
}

template <class T>
void add_label_products(Cpu, std::int64_t rows, std::int64_t n, std::int64_t /*classes*/, T factor,
                        const T* g, const T* x, const T* table, const std::int64_t* labels, T* dx,
                        T* dtable) {
    count_launch();
    for (std::int64_t b = 0; b < rows; ++b) {
        const T scale = factor * g[b];
        const std::int64_t row = labels[b] * n;
        for (std::int64_t i = 0; dx && i < n; ++i)
            dx[b * n + i] += scale * table[row + i];
        for (std::int64_t i = 0; dtable && i < n; ++i)
            dtable[row + i] += scale * x[b * n + i];
    }
}

}  // namespace lafs::inline LAFS_ABI
