// What YuNet's networks of 2023 and later give, as faces.
//
// For each stride s of 8, 16 and 32 the image, padded to multiples of 32, has (height / s) x (width / s) anchors, row
// by row. Each has a class score c and an objectness o, a box (4) and five points (10), in units of s from its place:
//
//   score = sqrt(c o), c and o clipped to 0 .. 1      centre = (column + b0, row + b1) s      size = exp(b2), exp(b3) times s
//   point k = (column + p2k, row + p2k+1) s
//
// Source: FaceDetectorYN of OpenCV 4.8 and later, whose numbers these are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A face as a detector finds it, in pixels of the image it looked at.
struct FoundFace {
    double score = 0;
    double left = 0, top = 0, width = 0, height = 0;
    FivePoints points = {};
};

/// The four outputs of one stride: scores (anchors), boxes (anchors, 4), points (anchors, 10).
struct YunetOutputs {
    std::span<const float> classes, objects, boxes, points;
};

/// Adds the faces of one stride that score at least `least`. `width` and `height` are those of the padded image.
/// Throws for outputs of other sizes than it has anchors.
inline void add_yunet_faces(const YunetOutputs& outputs, int stride, int width, int height, double least,
                            std::vector<FoundFace>& faces) {
    const auto columns = static_cast<std::size_t>(width / stride);
    const std::size_t anchors = columns * static_cast<std::size_t>(height / stride);
    require(outputs.classes.size() == anchors && outputs.objects.size() == anchors &&
                outputs.boxes.size() == 4 * anchors && outputs.points.size() == 10 * anchors,
            "face detector", "got ", outputs.classes.size(), " scores, ", outputs.objects.size(),
            " objects, ", outputs.boxes.size(), " numbers of boxes and ", outputs.points.size(),
            " of points at stride ", stride, ", expected those of ", anchors,
            " anchors, 1, 1, 4 and 10 for each");
    for (std::size_t i = 0; i < anchors; ++i) {
        const float product =
            std::clamp(outputs.classes[i], 0.0f, 1.0f) * std::clamp(outputs.objects[i], 0.0f, 1.0f);
        const double score = std::sqrt(product);
        if (!(score >= least))
            continue;
        const std::size_t down = i / columns;
        const double s = stride, column = static_cast<double>(i % columns), row = static_cast<double>(down);
        const auto place = [&](float x, float y) {
            return Point{(column + static_cast<double>(x)) * s, (row + static_cast<double>(y)) * s};
        };
        const float *box = &outputs.boxes[4 * i], *points = &outputs.points[10 * i];
        const Point centre = place(box[0], box[1]);
        FoundFace face{score, 0, 0, std::exp(static_cast<double>(box[2])) * s,
                       std::exp(static_cast<double>(box[3])) * s};
        face.left = centre.x - face.width / 2;
        face.top = centre.y - face.height / 2;
        for (std::size_t k = 0; k < 5; ++k)
            face.points[k] = place(points[2 * k], points[2 * k + 1]);
        faces.push_back(face);
    }
}

/// The faces by falling score, without those whose box, in whole pixels, overlaps that of a better one by more than
/// `most` (intersection over union).
inline std::vector<FoundFace> without_overlaps(std::vector<FoundFace> faces, double most) {
    std::stable_sort(faces.begin(), faces.end(),
                     [](const FoundFace& a, const FoundFace& b) { return a.score > b.score; });
    const auto shared = [](double a, double a_size, double b, double b_size) {
        a = std::trunc(a), b = std::trunc(b);
        return std::max(std::min(a + std::trunc(a_size), b + std::trunc(b_size)) - std::max(a, b), 0.0);
    };
    const auto area = [](const FoundFace& face) { return std::trunc(face.width) * std::trunc(face.height); };
    const auto overlap = [&](const FoundFace& a, const FoundFace& b) {
        const double both =
            shared(a.left, a.width, b.left, b.width) * shared(a.top, a.height, b.top, b.height);
        return both / std::max(area(a) + area(b) - both, 1.0);
    };
    std::vector<FoundFace> kept;
    for (const FoundFace& face : faces)
        if (std::none_of(kept.begin(), kept.end(),
                         [&](const FoundFace& better) { return overlap(better, face) > most; }))
            kept.push_back(face);
    return kept;
}

}  // namespace lafs::inline LAFS_ABI
