// Products of rows with the row of a class table that their label names: the cosine's formula, and contract.
//
// x (rows, n), table (classes, n), labels (rows) within the table or row, g and values (rows). A backend
// overloads, for its device:
//   label_cosines(D, rows, n, classes, x, table, labels, cosines)
//       cosines[b] = the cosine of x[b] and table[labels[b]]
//   read_at_labels(D, rows, n, x, labels, values)          values[b] = x[b, labels[b]]
//   write_at_labels(D, rows, n, x, labels, values)         x[b, labels[b]] = values[b]
//   add_at_labels(D, rows, n, x, labels, step, value)
//       x[b, labels[step b]] += value, for labels that are within 0 .. n - 1; `step` may be negative
//   add_label_products(D, rows, n, classes, factor, g, x, table, labels, dx, dtable)
//       dx[b] += factor g[b] table[labels[b]] and dtable[labels[b]] += factor g[b] x[b], unless null; rows
//       that share a label are added in order
// `factor` and `value` are numbers of the host. The losses find labels that are not within on the CPU; where
// looking would mean to wait for the device, a backend reads NaN for them, and writes NaN to the first element of
// the row instead, so that the loss shows it.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

/// Whether a label names one of some classes.
LAFS_HOST_DEVICE inline bool is_label(std::int64_t label, std::int64_t classes) {
    return label >= 0 && label < classes;
}

/// What a cosine is made of, element by element. In double: close to 1 the rounding of a float is an angle of
/// 3e-4.
struct CosineSums {
    double inner = 0, left_squares = 0, right_squares = 0;

    LAFS_HOST_DEVICE void add(double left, double right) {
        inner += left * right;
        left_squares += left * left;
        right_squares += right * right;
    }
    /// 0 where a row vanishes.
    LAFS_HOST_DEVICE double cosine() const {
        const double norms = std::sqrt(left_squares * right_squares);
        return norms > 0 ? inner / norms : 0.0;
    }
};

}  // namespace lafs::inline LAFS_ABI
