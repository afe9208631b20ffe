// Products of rows with the row of a class table that their label names: the cosine's formula, and contract.
//
// x (rows, n), table (classes, n), labels (rows) within 0 .. classes - 1, g and values (rows). A backend
// overloads, for its device:
//   label_cosines(device, rows, n, x, table, labels, cosines)
//       cosines[b] = the cosine of x[b] and table[labels[b]]
//   read_at_labels(device, rows, n, x, labels, values)          values[b] = x[b, labels[b]]
//   write_at_labels(device, rows, n, x, labels, values)         x[b, labels[b]] = values[b]
//   add_label_products(device, rows, n, factor, g, x, table, labels, dx, dtable)
//       dx[b] += factor g[b] table[labels[b]] and dtable[labels[b]] += factor g[b] x[b], unless null; rows
//       that share a label are added in order
// `factor` is a number of the host.
#pragma once

#include <cmath>
#include <lafs/core/abi.hpp>

namespace lafs::inline LAFS_ABI {

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
