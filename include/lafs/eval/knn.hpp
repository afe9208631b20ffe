// Identity by nearest neighbours: how often the images that lie nearest to an image show the same person.
//
// Every row in turn is asked, and all others answer (leave-one-out). Its k nearest by cosine vote with their labels;
// the label with the most votes wins, of equal ones that of the nearer neighbour. Rows whose label no other row has
// cannot be found: they answer, but are not asked. (DINO, arXiv 2104.14294, watches its features with such a vote.)
// Of equally near rows the first counts as nearer. Sums are in double, in a fixed order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How many rows were asked, and the share of them that got their own label.
struct KnnAccuracy {
    std::size_t asked = 0;
    double accuracy = 0;
};

namespace detail {

/// The label that wins the vote of neighbours, the nearest first.
inline std::int64_t vote(std::span<const std::int64_t> neighbours) {
    std::int64_t winner = neighbours.front();
    std::ptrdiff_t most = 0;
    for (const std::int64_t label : neighbours)  // the first of equals stays
        if (const auto votes = std::count(neighbours.begin(), neighbours.end(), label); votes > most) {
            most = votes;
            winner = label;
        }
    return winner;
}

}  // namespace detail

/// rows (n, dim), of any length but 0, with n labels. Throws for fewer than two rows, k below 1, rows that cannot be
/// normalised, and labels of which none occurs twice.
inline KnnAccuracy knn_accuracy(std::span<const float> rows, std::size_t dim,
                                std::span<const std::int64_t> labels, std::int64_t k) {
    const std::size_t count = checked_rows("knn", rows, dim);
    require(count == labels.size() && count >= 2, "knn", "got ", count, " rows and ", labels.size(),
            " labels, expected a label for each row, and two rows or more");
    require(k >= 1, "knn", "got ", k, " neighbours, expected at least 1");
    std::vector<double> unit(rows.begin(), rows.end());
    normalise_rows("knn", unit, dim);
    std::map<std::int64_t, std::size_t> images;
    for (const std::int64_t label : labels)
        ++images[label];
    const std::size_t voters = std::min(static_cast<std::size_t>(k), count - 1);
    std::vector<std::uint8_t> asked(count), right(count);
    parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t task) {
        const auto row = static_cast<std::size_t>(task);
        if (images.at(labels[row]) < 2)
            return;
        std::vector<std::pair<double, std::size_t>> others;  // (-cosine, row): the least is the nearest
        others.reserve(count - 1);
        for (std::size_t other = 0; other < count; ++other)
            if (other != row)
                others.emplace_back(
                    -detail::pairwise_dot(unit.data() + row * dim, unit.data() + other * dim, dim), other);
        std::partial_sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(voters), others.end());
        std::vector<std::int64_t> nearest;
        for (std::size_t i = 0; i < voters; ++i)
            nearest.push_back(labels[others[i].second]);
        asked[row] = 1;
        right[row] = detail::vote(nearest) == labels[row];
    });
    KnnAccuracy result;
    std::size_t hits = 0;
    for (std::size_t row = 0; row < count; ++row) {
        result.asked += asked[row];
        hits += right[row];
    }
    require(result.asked > 0, "knn", "got ", count, " rows of ", images.size(),
            " labels, each with one row, expected two rows of one label");
    result.accuracy = static_cast<double>(hits) / static_cast<double>(result.asked);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
