// Supervised contrastive loss (Khosla et al., arXiv 2004.11362, equation 2, L_out):
//
//   L_i = -1 / |P(i)|  sum over p in P(i) of  log( exp(z_i z_p / t) / sum over a != i of exp(z_i z_a / t) )
//
// with rows z of length 1, t the temperature and P(i) the other rows with the label of row i. The loss is the
// mean of L_i over the anchors: the rows that have such another. (The equation has the sum; the mean is what
// the authors' program trains, and does not grow with the batch.)
#pragma once

#include <algorithm>
#include <cmath>
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/losses/cross_entropy.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// What a batch's labels make of it. `shares` (B, B) are the soft labels: 1 / |P(i)| at the positives of row i,
/// scaled so that the mean over all rows is that over the anchors. `mask` (B, B) takes a row out of its own sum.
template <class T, class D>
struct ContrastiveTargets {
    Tensor<T, D> shares, mask;

    explicit ContrastiveTargets(const Tensor<std::int64_t, Cpu>& labels) {
        const std::int64_t rows = labels.size();
        const std::span<const std::int64_t> of = labels.span();
        const auto same = Tensor<T, Cpu>::zeros({rows, rows}), own = Tensor<T, Cpu>::zeros({rows, rows});
        std::vector<std::int64_t> positives(of.size(), -1);  // less the row itself
        std::int64_t anchors = 0;
        for (std::size_t i = 0; i < of.size(); ++i) {
            positives[i] += std::count(of.begin(), of.end(), of[i]);
            anchors += positives[i] > 0;
        }
        require(anchors > 0, "supervised_contrastive_loss", "got ", rows,
                " rows with a label each of its own, expected two of one label");
        for (std::size_t i = 0; i < of.size(); ++i) {
            const std::int64_t row = static_cast<std::int64_t>(i) * rows;
            own.data()[row + static_cast<std::int64_t>(i)] =
                T(-1e30);  // exp of it is 0, times 0 it is no NaN
            if (positives[i] == 0)
                continue;
            const T share =
                static_cast<T>(static_cast<double>(rows) / static_cast<double>(anchors * positives[i]));
            for (std::size_t j = 0; j < of.size(); ++j)
                if (j != i && of[j] == of[i])
                    same.data()[row + static_cast<std::int64_t>(j)] = share;
        }
        shares = same.template to<D>();
        mask = own.template to<D>();
    }
};

}  // namespace detail

/// embeddings (B, n), of any length (they are normalised here), and labels (B) -> scalar. The host looks at the
/// labels: where they lie on another device it waits for them. Throws when the shapes do not fit, when the
/// temperature is not positive, and when no row has another with its label.
template <std::floating_point T, class D>
Variable<T, D> supervised_contrastive_loss(const Variable<T, D>& embeddings,
                                           const Tensor<std::int64_t, D>& labels, double temperature = 0.1) {
    require(embeddings.shape().rank() == 2 && labels.shape() == Shape{embeddings.shape(0)},
            "supervised_contrastive_loss", "got embeddings ", embeddings.shape(), " and labels ",
            labels.shape(), ", expected (B, n) and (B,)");
    require(temperature > 0 && std::isfinite(temperature), "supervised_contrastive_loss", "got temperature ",
            temperature, ", expected a number above 0");
    const detail::ContrastiveTargets<T, D> targets(labels.template to<Cpu>());
    const Variable<T, D> z = l2_normalize(embeddings);
    const Variable<T, D> logits =
        matmul(z, z, Transpose::no, Transpose::yes) * (1 / temperature) + targets.mask;
    return cross_entropy(logits, targets.shares);
}

}  // namespace lafs::inline LAFS_ABI
