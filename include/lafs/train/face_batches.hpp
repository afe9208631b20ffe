// Batches of faces for supervised training: decoding, augmentation, normalisation, in parallel.
//
// What happens to a face depends on (seed, step, place in the batch) alone, never on threads.
#pragma once

#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/augment.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/data/random_crop.hpp>
#include <lafs/data/source.hpp>
#include <span>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// What is done to the faces of supervised training (method.md, stage 3). Everything can be turned off.
struct FaceAugmentation {
    bool flip = true;          ///< mirror with probability one half
    double smallest_crop = 1;  ///< smallest share of the area that a random crop keeps; 1: no crop
    double erase = 0;          ///< probability of erasing a rectangle of 2 to 10 % of the area
};

/// Throws for values outside their ranges.
inline void check_augmentation(const FaceAugmentation& augmentation) {
    require(augmentation.smallest_crop > 0 && augmentation.smallest_crop <= 1, "augmentation",
            "got a smallest crop of ", augmentation.smallest_crop, ", expected above 0, at most 1");
    require(augmentation.erase >= 0 && augmentation.erase <= 1, "augmentation",
            "got an erasing probability of ", augmentation.erase, ", expected 0 .. 1");
}

/// One face, augmented, as (3, face_size, face_size) values.
inline void prepare_face(Image image, const FaceAugmentation& augmentation, RandomSequence& random,
                         std::span<float> out) {
    // Every number is drawn whether it is used or not, so that an option changes nothing but what it names.
    // The crop, whose range is an option and with it the number of tries, comes last.
    const bool mirror = random.uniform() < 0.5;
    const bool erased = random.uniform() < augmentation.erase;
    const auto hole = random_box(face_size, face_size, erasing_range, random);
    if (augmentation.smallest_crop < 1) {
        const BoxRange range{augmentation.smallest_crop, 1.0, 3.0 / 4.0, 4.0 / 3.0};
        image = resized_crop(image, random_crop_box(image.width, image.height, range, random), face_size,
                             face_size);
    } else {
        image = resize(image, face_size, face_size);
    }
    if (augmentation.flip && mirror)
        image = flip_horizontal(image);
    if (erased && hole)
        image = erase(std::move(image), *hole);
    to_planes(image, out);
}

/// Decodes and augments the faces `indices` of a source: (batch, 3, face_size, face_size). Errors name the
/// image.
inline Tensor<float> load_faces(const FaceSource& source, std::span<const std::int64_t> indices,
                                const FaceAugmentation& augmentation, std::uint64_t seed, std::int64_t step) {
    const auto batch = static_cast<std::int64_t>(indices.size());
    auto images = Tensor<float>::empty({batch, 3, face_size, face_size});
    parallel_for(batch, [&](std::int64_t i) {
        RandomSequence random(seed, static_cast<std::uint64_t>(step * batch + i));
        prepare_face(source.image(indices[static_cast<std::size_t>(i)]), augmentation, random,
                     images.slice(i, i + 1).span());
    });
    return images;
}

/// The same faces as they are, scaled to the network's size.
inline Tensor<float> load_faces(const FaceSource& source, std::span<const std::int64_t> indices) {
    const auto batch = static_cast<std::int64_t>(indices.size());
    auto images = Tensor<float>::empty({batch, 3, face_size, face_size});
    parallel_for(batch, [&](std::int64_t i) {
        to_planes(resize(source.image(indices[static_cast<std::size_t>(i)]), face_size, face_size),
                  images.slice(i, i + 1).span());
    });
    return images;
}

}  // namespace lafs::inline LAFS_ABI
