// Products of rows with the row of a class table that their label names, on the GPU (contract:
// primitives/label_product.hpp).
//
// A warp forms a cosine. Of the rows that share a label, the block of the first adds all to the table's row, in
// order: no two blocks write the same element, and no atomics are needed.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/primitives/label_product.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

template <class T>
__global__ void label_cosines_kernel(std::int64_t rows, std::int64_t n, std::int64_t classes, const T* x,
                                     const T* table, const std::int64_t* labels, T* cosines) {
    each_element(rows * warp_threads, [=](std::int64_t thread) {  // a warp stays together
        const std::int64_t b = thread / warp_threads, label = labels[b];
        const bool within = is_label(label, classes);
        CosineSums sums;
        if (within)
            for (std::int64_t i = thread % warp_threads; i < n; i += warp_threads)
                sums.add(static_cast<double>(x[b * n + i]), static_cast<double>(table[label * n + i]));
        const auto add = [](double p, double q) { return p + q; };
        sums.inner = across_warp(sums.inner, add);
        sums.left_squares = across_warp(sums.left_squares, add);
        sums.right_squares = across_warp(sums.right_squares, add);
        if (thread % warp_threads == 0)
            cosines[b] = within ? static_cast<T>(sums.cosine()) : not_a_number<T>;
    });
}

template <class T>
__global__ void read_at_labels_kernel(std::int64_t rows, std::int64_t n, const T* x,
                                      const std::int64_t* labels, T* values) {
    each_element(rows, [=](std::int64_t b) {
        values[b] = is_label(labels[b], n) ? x[b * n + labels[b]] : not_a_number<T>;
    });
}

template <class T>
__global__ void write_at_labels_kernel(std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                                       const T* values) {
    each_element(rows, [=](std::int64_t b) {
        if (is_label(labels[b], n))
            x[b * n + labels[b]] = values[b];
        else
            x[b * n] = not_a_number<T>;
    });
}

template <class T>
__global__ void add_at_labels_kernel(std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                                     std::int64_t step, T value) {
    each_element(rows, [=](std::int64_t b) {
        if (const std::int64_t label = labels[b * step]; is_label(label, n))
            x[b * n + label] += value;
    });
}

template <class T>
__global__ void label_row_products_kernel(std::int64_t rows, std::int64_t n, std::int64_t classes, T factor,
                                          const T* g, const T* table, const std::int64_t* labels, T* dx) {
    each_element(rows * n, [=](std::int64_t i) {
        const std::int64_t b = i / n;
        if (is_label(labels[b], classes))
            dx[i] += factor * g[b] * table[labels[b] * n + i % n];
    });
}

/// A block for each row b: where b is the first with its label.
template <class T>
__global__ void label_table_products_kernel(std::int64_t rows, std::int64_t n, std::int64_t classes, T factor,
                                            const T* g, const T* x, const std::int64_t* labels, T* dtable) {
    const std::int64_t first = blockIdx.x, label = labels[first];
    if (!is_label(label, classes))
        return;
    for (std::int64_t b = 0; b < first; ++b)
        if (labels[b] == label)
            return;
    for (std::int64_t b = first; b < rows; ++b) {
        if (labels[b] != label)
            continue;
        const T scale = factor * g[b];
        for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x)
            dtable[label * n + i] += scale * x[b * n + i];
    }
}

}  // namespace cuda

template <class T>
void label_cosines(Cuda, std::int64_t rows, std::int64_t n, std::int64_t classes, const T* x, const T* table,
                   const std::int64_t* labels, T* cosines) {
    cuda::launch_elements(cuda::label_cosines_kernel<T>, rows * cuda::warp_threads, rows, n, classes, x,
                          table, labels, cosines);
}

template <class T>
void read_at_labels(Cuda, std::int64_t rows, std::int64_t n, const T* x, const std::int64_t* labels,
                    T* values) {
    cuda::launch_elements(cuda::read_at_labels_kernel<T>, rows, rows, n, x, labels, values);
}

template <class T>
void write_at_labels(Cuda, std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                     const T* values) {
    cuda::launch_elements(cuda::write_at_labels_kernel<T>, rows, rows, n, x, labels, values);
}

template <class T>
void add_at_labels(Cuda, std::int64_t rows, std::int64_t n, T* x, const std::int64_t* labels,
                   std::int64_t step, T value) {
    cuda::launch_elements(cuda::add_at_labels_kernel<T>, rows, rows, n, x, labels, step, value);
}

template <class T>
void add_label_products(Cuda, std::int64_t rows, std::int64_t n, std::int64_t classes, T factor, const T* g,
                        const T* x, const T* table, const std::int64_t* labels, T* dx, T* dtable) {
    if (dx)
        cuda::launch_elements(cuda::label_row_products_kernel<T>, rows * n, rows, n, classes, factor, g,
                              table, labels, dx);
    if (dtable && rows > 0)
        cuda::launch(cuda::label_table_products_kernel<T>, dim3(static_cast<unsigned>(rows)),
                     dim3(cuda::element_threads), cuda::stream(), rows, n, classes, factor, g, x, labels,
                     dtable);
}

}  // namespace lafs::inline LAFS_ABI
