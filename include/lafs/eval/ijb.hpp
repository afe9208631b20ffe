// IJB-B / IJB-C 1:1: features of templates, and scores of pairs of templates.
//
//   f_i = (image_i + mirror_i) / |image_i + mirror_i| * detector score_i
//   template = sum over its media of (mean of f over the medium), L2-normalised;  score = dot product
//
// TAR at FAR is `tar_at_far(roc_curve(scores, same), far)` of eval/roc.hpp. The orders of the sums are fixed
// and are those of the published evaluation, see eval/feature_rows.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <numeric>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The published protocol; the switches are those of the InsightFace scripts.
struct IjbOptions {
    /// Each row of features is image followed by mirror, and the halves are added.
    bool mirrored = true;
    /// Each image counts by the detector's score.
    bool use_detector_score = true;
    /// Image features are L2-normalised; otherwise their norm counts as quality.
    bool normalise_images = true;
};

/// L2-normalised features of templates, by ascending template number.
struct TemplateFeatures {
    std::size_t dim = 0;
    std::vector<std::int64_t> templates;  ///< (count), ascending
    std::vector<double> features;         ///< (count, dim)

    /// The feature (dim) of a template. Throws when it is not there.
    std::span<const double> of(std::int64_t number) const {
        const auto found = std::lower_bound(templates.begin(), templates.end(), number);
        require(found != templates.end() && *found == number, "template_features", "template ", number,
                " has no images, expected one of the ", templates.size(), " templates with images");
        return std::span(features).subspan(static_cast<std::size_t>(found - templates.begin()) * dim, dim);
    }
};

namespace detail {

/// (rows, dim or 2 dim) -> (rows, dim), normalised and weighed as the options say.
template <class T>
std::vector<double> weighed_image_features(std::span<const T> features, std::size_t width,
                                           std::span<const double> detector_scores,
                                           const IjbOptions& options) {
    const std::size_t rows = features.size() / width;
    const std::size_t dim = options.mirrored ? width / 2 : width;
    std::vector<double> images(rows * dim);
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t k = 0; k < dim; ++k) {
            const T* source = features.data() + row * width + k;
            images[row * dim + k] = static_cast<double>(source[0]);
            if (options.mirrored)
                images[row * dim + k] += static_cast<double>(source[dim]);
        }
    if (options.normalise_images)
        normalise_rows("template_features", images, dim);
    if (options.use_detector_score)
        for (std::size_t i = 0; i < images.size(); ++i)
            images[i] *= detector_scores[i / dim];
    return images;
}

inline void check_ijb(std::size_t rows, std::size_t width, std::size_t templates, std::size_t media,
                      std::span<const double> detector_scores, const IjbOptions& options) {
    require(templates == rows && media == rows, "template_features", "got ", rows, " images, ", templates,
            " template numbers and ", media, " medium numbers, expected as many of each");
    require(!options.mirrored || width % 2 == 0, "template_features", "got rows of ", width,
            " values, expected an even number: image and mirror");
    if (!options.use_detector_score)
        return;
    require(detector_scores.size() == rows, "template_features", "got ", rows, " images and ",
            detector_scores.size(), " detector scores, expected as many");
    for (std::size_t i = 0; i < rows; ++i)
        require(std::isfinite(detector_scores[i]), "template_features", "got detector score ",
                detector_scores[i], " for image ", i, ", expected a finite number");
}

}  // namespace detail

/// Features of templates from features of images.
/// features: (images, width), width = dim, or 2 dim with mirrors; the other lists have one entry per image.
/// Throws for lengths that differ, values that are not finite, and features or templates of zero length.
template <class T>
TemplateFeatures template_features(std::span<const T> features, std::size_t width,
                                   std::span<const std::int64_t> templates,
                                   std::span<const std::int64_t> media,
                                   std::span<const double> detector_scores, const IjbOptions& options = {}) {
    const std::size_t rows = checked_rows("template_features", features, width);
    detail::check_ijb(rows, width, templates.size(), media.size(), detector_scores, options);
    const std::vector<double> images =
        detail::weighed_image_features(features, width, detector_scores, options);

    // Images by template, then by medium, in the order given within a medium.
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return templates[a] != templates[b] ? templates[a] < templates[b] : media[a] < media[b];
    });

    TemplateFeatures result;
    result.dim = images.size() / rows;
    const std::size_t dim = result.dim;
    std::vector<double> sum(dim), medium(dim);
    for (std::size_t k = 0; k < rows;) {
        const std::int64_t number = templates[order[k]];
        std::fill(sum.begin(), sum.end(), 0.0);
        while (k < rows && templates[order[k]] == number) {
            const std::size_t first = k;
            std::fill(medium.begin(), medium.end(), 0.0);
            for (; k < rows && templates[order[k]] == number && media[order[k]] == media[order[first]]; ++k)
                for (std::size_t d = 0; d < dim; ++d)
                    medium[d] += images[order[k] * dim + d];
            for (std::size_t d = 0; d < dim; ++d)
                sum[d] += medium[d] / static_cast<double>(k - first);
        }
        const double norm = std::sqrt(interleaved_square_sum(sum));
        require(norm > 0.0 && std::isfinite(norm), "template_features", "template ", number, " has L2 norm ",
                norm, ", expected a vector that can be normalised");
        result.templates.push_back(number);
        for (double value : sum)
            result.features.push_back(value / norm);
    }
    return result;
}

/// Dot product of the templates of each pair. Throws for lengths that differ and for unknown templates.
inline std::vector<double> pair_scores(const TemplateFeatures& features, std::span<const std::int64_t> first,
                                       std::span<const std::int64_t> second) {
    require(first.size() == second.size(), "pair_scores", "got ", first.size(), " first and ", second.size(),
            " second templates, expected as many");
    std::vector<double> scores(first.size());
    for (std::size_t i = 0; i < scores.size(); ++i)
        scores[i] = pairwise_dot(features.of(first[i]), features.of(second[i]));
    return scores;
}

}  // namespace lafs::inline LAFS_ABI
