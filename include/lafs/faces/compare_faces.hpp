// Whether two photographs show the same person: what lafs_compare does.
//
// The numbers are those of verification: embeddings of image and mirror are added and L2-normalised; d is
// their squared distance, the cosine 1 - d / 2. A pair is called "same" when d < threshold.
#pragma once

#include <array>
#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/data/alignment.hpp>
#include <lafs/data/face_points.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/faces/embed_images.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A face as the network wants it, and what the user should know of how it was made.
struct PreparedFace {
    Image image;       ///< face_size x face_size
    std::string note;  ///< empty when nothing is to be said
};

/// A photograph's face: aligned by `points` where they are given; as it is when it has face_size x face_size
/// pixels; by what `detect` finds (Image -> std::vector<FivePoints>; the chosen one of several); else scaled,
/// with a note that says so. `name` names the photograph. Throws when the detector finds no face, and for points
/// outside the photograph.
template <class Detect>
PreparedFace prepare_photograph(const Image& photograph, const std::string& name,
                                const std::optional<FivePoints>& points, const Detect& detect,
                                FaceChoice choice) {
    if (points) {
        check_points_inside(*points, photograph.width, photograph.height, name);
        return {align_face(photograph, *points), {}};
    }
    if (photograph.width == face_size && photograph.height == face_size)
        return {photograph, {}};
    if (detect) {
        const std::vector<FivePoints> faces = detect(photograph);
        require(!faces.empty(), "compare", "no face was found in ", name);
        const std::string note =
            faces.size() == 1 ? ""
                              : name + " shows " + std::to_string(faces.size()) + " faces; one was chosen";
        return {
            align_face(photograph, faces[choose_face(faces, photograph.width, photograph.height, choice)]),
            note};
    }
    return {resize(photograph, face_size, face_size),
            name + " is " + std::to_string(photograph.width) + " x " + std::to_string(photograph.height) +
                " pixels, not 112 x 112, and was scaled: the result is only good for faces aligned as in "
                "training "
                "(give the points of the face, or a detector)"};
}

/// How alike two faces are.
struct FaceComparison {
    double cosine = 0, squared_distance = 0;
};

/// Compares two faces of face_size x face_size. `embed` maps (B, 3, face_size, face_size) to (B, D). Throws
/// for embeddings that are not finite or zero.
template <class Embed>
FaceComparison compare_faces(const Image& a, const Image& b, const Embed& embed) {
    const std::array<const Image*, 2> images{&a, &b};
    std::vector<float> rows;
    embed_images(
        images.size(), {1, true}, [&](std::size_t i) { return *images[i]; }, embed,
        [&](std::size_t, std::span<const float> row) { rows.insert(rows.end(), row.begin(), row.end()); });
    const double distance = pair_distances(std::span<const float>(rows), rows.size() / 2).at(0);
    return {1.0 - 0.5 * distance, distance};
}

}  // namespace lafs::inline LAFS_ABI
