// IJB-B / IJB-C 1:1: features of templates, and scores of pairs of templates.
//
//   f_i = (image_i + mirror_i) * detector score_i
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
#include <lafs/core/list.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The published protocol; the switches are those of the InsightFace scripts.
struct IjbOptions {
    /// Each row of features is image followed by mirror, and the halves are added.
    bool mirrored = true;
    /// Each image counts by the detector's score.
    bool use_detector_score = true;
    /// Image features are L2-normalised before they are pooled. As published they are not (`use_norm_score =
    /// True`, in InsightFace's arcface_torch, too): their length counts as quality.
    bool normalise_images = false;
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

/// Features of templates from the features of one image at a time, so that a set of any size takes the memory
/// of its templates. Images come by ascending template, and by ascending medium within a template.
class TemplateAccumulator {
public:
    /// width: values of an image's features: dim, or 2 dim with mirrors. Throws for a width that is odd then.
    explicit TemplateAccumulator(std::size_t width, const IjbOptions& options = {})
        : options_(options),
          image_(options.mirrored ? width / 2 : width),
          medium_(image_.size()),
          template_(image_.size()) {
        require(width > 0 && (!options.mirrored || width % 2 == 0), "template_features", "got rows of ",
                width, " values, expected ",
                options.mirrored ? "a positive even number: image and mirror" : "some");
        result_.dim = image_.size();
    }

    /// Adds one image. `image` names it in errors; the detector's score is not looked at when the options
    /// leave it out. Throws for values that are not finite, features of length 0 and images out of order.
    template <List X>
    void add(const X& list, std::int64_t template_number, std::int64_t medium, double detector_score,
             std::size_t image) {
        const auto features = span_of(list);
        const std::size_t dim = image_.size();
        require(features.size() == (options_.mirrored ? 2 * dim : dim), "template_features", "got ",
                features.size(), " values for image ", image, ", expected ",
                options_.mirrored ? 2 * dim : dim);
        start(template_number, medium, image);
        for (std::size_t k = 0; k < dim; ++k) {
            image_[k] = static_cast<double>(features[k]);
            if (options_.mirrored)
                image_[k] += static_cast<double>(features[dim + k]);
            require(std::isfinite(image_[k]), "template_features", "got ", image_[k], " for image ", image,
                    ", expected finite features");
        }
        if (options_.normalise_images)
            normalise_rows("template_features", image_, dim, image);
        if (options_.use_detector_score) {
            require(std::isfinite(detector_score), "template_features", "got detector score ", detector_score,
                    " for image ", image, ", expected a finite number");
            for (double& value : image_)
                value *= detector_score;
        }
        for (std::size_t k = 0; k < dim; ++k)
            medium_[k] += image_[k];
        ++medium_images_;
    }

    /// The features of all templates; the object is used up. Throws for a template of length 0.
    TemplateFeatures finish() && {
        finish_template();
        return std::move(result_);
    }

private:
    void start(std::int64_t template_number, std::int64_t medium, std::size_t image) {
        if (medium_images_ > 0 && template_number == template_number_ && medium == medium_number_)
            return;
        const bool first = medium_images_ == 0;
        require(first || template_number > template_number_ ||
                    (template_number == template_number_ && medium > medium_number_),
                "template_features", "got image ", image, " of template ", template_number, ", medium ",
                medium, " after template ", template_number_, ", medium ", medium_number_,
                ", expected ascending order");
        if (!first && template_number == template_number_)
            finish_medium();
        else
            finish_template();
        template_number_ = template_number;
        medium_number_ = medium;
    }

    void finish_medium() {
        for (std::size_t k = 0; k < medium_.size(); ++k)
            template_[k] += medium_[k] / static_cast<double>(medium_images_);
        std::fill(medium_.begin(), medium_.end(), 0.0);
        medium_images_ = 0;
    }

    void finish_template() {
        if (medium_images_ == 0)
            return;
        finish_medium();
        const double norm = std::sqrt(interleaved_square_sum(template_));
        require(norm > 0.0 && std::isfinite(norm), "template_features", "template ", template_number_,
                " has L2 norm ", norm, ", expected a vector that can be normalised");
        result_.templates.push_back(template_number_);
        for (const double value : template_)
            result_.features.push_back(value / norm);
        std::fill(template_.begin(), template_.end(), 0.0);
    }

    IjbOptions options_;
    std::vector<double> image_, medium_, template_;  // (dim): one image, and sums that are not finished
    std::size_t medium_images_ = 0;
    std::int64_t template_number_ = 0, medium_number_ = 0;
    TemplateFeatures result_;
};

/// Features of templates from features of all images, in any order.
/// features: (images, width), width = dim, or 2 dim with mirrors; the other lists have one entry per image.
/// Throws for lengths that differ, values that are not finite, and features or templates of zero length.
template <List X>
TemplateFeatures template_features(const X& list, std::size_t width, std::span<const std::int64_t> templates,
                                   std::span<const std::int64_t> media,
                                   std::span<const double> detector_scores, const IjbOptions& options = {}) {
    const auto features = span_of(list);
    const std::size_t rows = checked_rows("template_features", features, width);
    require(templates.size() == rows && media.size() == rows, "template_features", "got ", rows, " images, ",
            templates.size(), " template numbers and ", media.size(),
            " medium numbers, expected as many of each");
    require(!options.use_detector_score || detector_scores.size() == rows, "template_features", "got ", rows,
            " images and ", detector_scores.size(), " detector scores, expected as many");
    std::vector<std::size_t> order(rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return templates[a] != templates[b] ? templates[a] < templates[b] : media[a] < media[b];
    });
    TemplateAccumulator sums(width, options);
    for (const std::size_t row : order)
        sums.add(features.subspan(row * width, width), templates[row], media[row],
                 options.use_detector_score ? detector_scores[row] : 1.0, row);
    return std::move(sums).finish();
}

/// Dot product of the templates of each pair. Throws for lengths that differ and for unknown templates.
inline std::vector<double> pair_scores(const TemplateFeatures& features, std::span<const std::int64_t> first,
                                       std::span<const std::int64_t> second) {
    require(first.size() == second.size(), "pair_scores", "got ", first.size(), " first and ", second.size(),
            " second templates, expected as many");
    std::vector<double> scores(first.size());
    constexpr std::int64_t grain = 4096;
    parallel_ranges(static_cast<std::int64_t>(scores.size()), grain,
                    [&](std::int64_t begin, std::int64_t end) {
                        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
                            scores[i] = pairwise_dot(features.of(first[i]), features.of(second[i]));
                    });
    return scores;
}

}  // namespace lafs::inline LAFS_ABI
