// Batches of faces for supervised training: decoding, augmentation, normalisation.
//
// What happens to a face depends on (seed, step, place in the batch) alone, never on threads.
#pragma once

#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/augment.hpp>
#include <lafs/data/damaged.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/data/rand_augment.hpp>
#include <lafs/data/random_crop.hpp>
#include <lafs/data/source.hpp>
#include <lafs/train/sampler.hpp>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What is done to the faces of supervised training, in the published order: mirror, RandAugment, crop,
/// colours, erasing. Everything can be turned off.
struct FaceAugmentation {
    bool flip = true;          ///< mirror with probability one half
    double smallest_crop = 1;  ///< smallest share of the area that a random crop keeps; 1: no crop
    double erase = 0;          ///< probability of blackening a rectangle of 2 to 10 % of the area
    double rand_augment = 0;   ///< magnitude of RandAugment; 0: none
    double colour_jitter = 0;  ///< range of brightness, contrast, saturation and hue; 0: none
};

/// Throws for values outside their ranges.
inline void check_augmentation(const FaceAugmentation& augmentation) {
    const auto check = [](const char* name, double value, double largest) {
        require(value >= 0 && value <= largest, "augmentation", "got ", name, " ", value, ", expected 0 .. ",
                largest);
    };
    require(augmentation.smallest_crop > 0 && augmentation.smallest_crop <= 1, "augmentation",
            "got a smallest crop of ", augmentation.smallest_crop, ", expected above 0, at most 1");
    check("an erasing probability of", augmentation.erase, 1);
    check("RandAugment of magnitude", augmentation.rand_augment, largest_magnitude);
    check("a colour jitter of", augmentation.colour_jitter, 0.5);
}

/// One face, augmented, as (3, face_size, face_size) values.
inline void prepare_face(Image image, const FaceAugmentation& augmentation, RandomSequence& random,
                         std::span<float> out) {
    // Every number is drawn whether it is used or not, so that an option changes nothing but what it names.
    // The crop, whose range is an option and with it the number of tries, comes last.
    const bool mirror = random.uniform() < 0.5;
    const bool erased = random.uniform() < augmentation.erase;
    const auto hole = random_box(face_size, face_size, erasing_range, random);
    const double range = augmentation.colour_jitter;
    const JitterDraw jitter = draw_jitter({range, range, range, range}, random);
    const auto changes = draw_rand_augment({.magnitude = augmentation.rand_augment}, random);
    if (augmentation.flip && mirror)
        image = flip_horizontal(image);
    if (augmentation.rand_augment > 0)
        image = apply_rand_augment(std::move(image), changes);
    if (augmentation.smallest_crop < 1) {
        const BoxRange shares{augmentation.smallest_crop, 1.0, 3.0 / 4.0, 4.0 / 3.0};
        image = resized_crop(image, random_crop_box(image.width, image.height, shares, random), face_size,
                             face_size, Filter::bilinear);
    } else {
        image = resize(image, face_size, face_size);
    }
    if (range > 0)
        image = apply_jitter(std::move(image), jitter);
    if (erased && hole)
        image = erase(std::move(image), *hole);
    to_planes(image, out);
}

/// Faces of one forward and backward pass.
struct FaceBatch {
    ImageReads reads;
    std::int64_t number = 0;
    Tensor<float> images;         // (batch, 3, face_size, face_size)
    Tensor<std::int64_t> labels;  // (batch)
};

/// Makes the batches of a run, numbered through (see Loader): the faces of a step of the sampler come in
/// `pieces` batches of about the same size.
class FaceBatches {
public:
    using Batch = FaceBatch;

    FaceBatches(std::shared_ptr<const FaceSource> source, EpochSampler sampler,
                const FaceAugmentation& augmentation, std::uint64_t seed, std::int64_t pieces,
                bool skip_damaged)
        : source_(std::move(source)),
          sampler_(std::move(sampler)),
          augmentation_(augmentation),
          seed_(seed),
          pieces_(pieces),
          skip_damaged_(skip_damaged) {
        check_augmentation(augmentation);
        require(pieces >= 1 && pieces <= sampler_.batch(), "face batches", "got ", pieces, " pieces of ",
                sampler_.batch(), " faces, expected 1 face or more in each");
    }

    FaceBatch begin(std::int64_t number) {
        const auto indices = sampler_.indices(number / pieces_);
        const auto size = static_cast<std::int64_t>(indices.size()), piece = number % pieces_;
        const std::int64_t first = size * piece / pieces_, last = size * (piece + 1) / pieces_;
        return {ImageReads({indices.begin() + first, indices.begin() + last}), number,
                Tensor<float>::empty({last - first, 3, face_size, face_size}),
                Tensor<std::int64_t>::empty({last - first})};
    }

    std::int64_t parts(const FaceBatch& batch) const { return batch.reads.size(); }

    void fill(FaceBatch& batch, std::int64_t place) const {
        RandomSequence random(seed_, static_cast<std::uint64_t>(batch.number * parts(batch) + place));
        prepare_face(batch.reads.read(*source_, place, skip_damaged_), augmentation_, random,
                     batch.images.slice(place, place + 1).span());
        batch.labels.data()[place] = source_->label(batch.reads.index(place));
    }

private:
    std::shared_ptr<const FaceSource> source_;
    EpochSampler sampler_;
    FaceAugmentation augmentation_;
    std::uint64_t seed_;
    std::int64_t pieces_;
    bool skip_damaged_;
};

/// The faces `indices` as they are, scaled to the network's size: (batch, 3, face_size, face_size).
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
