// IJB-B and IJB-C with a model: images are aligned by five points, embedded in batches, gathered to templates
// as they come, then compared 1:1 and searched 1:N. Memory: one batch, the templates, the pairs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/ijb_lists.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/eval/calibration.hpp>
#include <lafs/eval/identification.hpp>
#include <lafs/eval/ijb.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/faces/embed_images.hpp>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// The published protocol; the switches give the rows of published tables that leave something out.
struct IjbEvaluation {
    IjbOptions protocol = {};
    std::int64_t batch = 32;
    std::vector<double> far = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1};
    IdentificationOptions identification = {};
    std::optional<double> calibrate_far = {};
    std::function<void(std::size_t image)> progress = {};  ///< called after each image
};

/// What one set gave.
struct IjbResult {
    IjbOptions protocol;  ///< how images became templates
    std::size_t images = 0, templates = 0, genuine_pairs = 0, impostor_pairs = 0;
    std::vector<TarAtFar> tar_at_far;
    RocCurve curve;
    std::optional<Identification> identification;  ///< where the set has galleries and probes
    std::optional<Calibration> calibration;
};

/// The aligned face of an image of a set. Throws, naming the file, when it cannot be read or its points
/// lie elsewhere or determine no
/// alignment.
inline Image ijb_face(const IjbSet& set, std::size_t i) {
    const Image image = load_image(set.path(i));
    try {
        Point middle;
        for (const Point& p : set.faces[i].points)
            middle = {middle.x + p.x / 5, middle.y + p.y / 5};
        // Single points of faces that are cut off lie outside in the published lists, whole faces never.
        require(middle.x >= 0 && middle.y >= 0 && middle.x < image.width && middle.y < image.height,
                "face points", "the middle of its points, ", middle.x, ", ", middle.y,
                ", lies outside the image of ", image.width, " x ", image.height,
                " pixels, expected points of this image at this size");
        return align_face(image, set.faces[i].points);
    } catch (const Error& error) {
        fail("ijb", set.path(i), ": ", error.what());
    }
}

/// Features of all templates of a set. `embed` maps (B, 3, 112, 112) to (B, D). The same for every size of
/// batch and number of threads.
template <class Embed>
TemplateFeatures embed_templates(const IjbSet& set, const Embed& embed, const IjbEvaluation& options = {}) {
    IjbOptions protocol = options.protocol;
    protocol.mirrored = false;  // mirrors are added before
    std::optional<TemplateAccumulator> sums;
    embed_images(
        set.images.size(), {options.batch, options.protocol.mirrored},
        [&](std::size_t i) { return ijb_face(set, i); }, embed,
        [&](std::size_t i, std::span<const float> row) {
            if (!sums)
                sums.emplace(row.size(), protocol);
            sums->add(row, set.images[i].template_number, set.images[i].medium, set.faces[i].score, i);
            if (options.progress)
                options.progress(i);
        });
    require(sums.has_value(), "ijb", "got a set without images");
    return std::move(*sums).finish();
}

/// The figures of a set from the features of its templates.
inline IjbResult evaluate_templates(const IjbSet& set, const TemplateFeatures& features,
                                    const IjbEvaluation& options = {}) {
    IjbResult result;
    result.protocol = options.protocol;
    result.images = set.images.size();
    result.templates = features.templates.size();
    for (const std::uint8_t same : set.pairs.same)
        (same ? result.genuine_pairs : result.impostor_pairs) += 1;
    {
        const std::vector<double> scores = pair_scores(features, set.pairs.first, set.pairs.second);
        result.curve = roc_curve(scores, set.pairs.same);
        if (options.calibrate_far)
            result.calibration = calibrate(scores, set.pairs.same, *options.calibrate_far);
    }
    for (const double far : options.far)
        result.tar_at_far.push_back({far, tar_at_far(result.curve, far)});
    if (!set.galleries.empty()) {
        std::vector<IdentificationList> galleries;
        for (const TemplateSubjects& gallery : set.galleries)
            galleries.push_back({gallery.name, gallery.templates, gallery.subjects});
        result.identification =
            identify(features, galleries, {"probes", set.probes.templates, set.probes.subjects},
                     options.identification);
    }
    return result;
}

/// Embeds the templates, then evaluates them.
template <class Embed>
IjbResult evaluate_ijb(const IjbSet& set, const Embed& embed, const IjbEvaluation& options = {}) {
    return evaluate_templates(set, embed_templates(set, embed, options), options);
}

}  // namespace lafs::inline LAFS_ABI
