// Batches of views for self-supervised pre-training: the tokens that student and teacher see.
//
// LAFS: the frozen landmark CNN runs on the clean picture of a view, its landmarks are perturbed, and patches
// are taken from the augmented picture; a local view keeps a random subset. DINO: the grid of patches; a
// local view is a smaller picture with a smaller grid. Views come one after the other: (views x batch,
// tokens, values).
#pragma once

#include <lafs/autograd/convert.hpp>
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/models/landmark_cnn.hpp>
#include <lafs/nn/evaluation.hpp>
#include <lafs/ssl/landmark_augmentation.hpp>
#include <lafs/ssl/multi_crop.hpp>
#include <lafs/train/face_batches.hpp>
#include <memory>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How views become tokens.
struct ViewOptions {
    std::int64_t patch = 8;
    double perturbation = 5;         ///< deviation of the landmark noise in pixels
    std::int64_t local_tokens = 36;  ///< landmarks of a local view
};

/// Tokens of the global views (2 B, n, values) and of the local ones (L B, m, values; undefined without any).
template <class T = float, class D = Cpu>
struct ViewTokens {
    Tensor<T, D> global, local;
};

/// Pictures of the views of one kind, each (views * batch, 3, side, side), view by view.
struct ViewPictures {
    Tensor<float> clean, augmented;

    static ViewPictures empty(std::int64_t count, std::int64_t side) {
        const Shape shape{count, 3, side, side};
        return {Tensor<float>::empty(shape), Tensor<float>::empty(shape)};
    }

    /// Where those of view `view` of face `place` of a batch go.
    ViewPlanes planes(std::int64_t view, std::int64_t place, std::int64_t batch) const {
        const std::int64_t at = view * batch + place;
        return {clean.slice(at, at + 1).span(), augmented.slice(at, at + 1).span()};
    }
};

/// Pictures of all views of a batch of faces.
struct ViewBatch {
    ImageReads reads;
    std::int64_t step = 0;
    ViewPictures global, local;
};

/// Makes the pictures of the views of a run, step by step (see Loader).
class ViewBatches {
public:
    using Batch = ViewBatch;

    ViewBatches(std::shared_ptr<const FaceSource> source, EpochSampler sampler, const MultiCrop& crops,
                std::uint64_t seed, bool skip_damaged)
        : source_(std::move(source)),
          sampler_(std::move(sampler)),
          crops_(crops),
          seed_(seed),
          skip_damaged_(skip_damaged) {}

    ViewBatch begin(std::int64_t step) {
        const auto indices = sampler_.indices(step);
        const auto faces = static_cast<std::int64_t>(indices.size());
        const MultiCropOptions& crops = crops_.options();
        return {ImageReads({indices.begin(), indices.end()}), step,
                ViewPictures::empty(MultiCrop::global_views * faces, crops.size),
                ViewPictures::empty(crops.local_views * faces, crops.local_size)};
    }

    std::int64_t parts(const ViewBatch& batch) const { return batch.reads.size(); }

    void fill(ViewBatch& batch, std::int64_t place) const {
        RandomSequence random(seed_, static_cast<std::uint64_t>(batch.step * parts(batch) + place));
        std::vector<ViewPlanes> planes;
        for (std::int64_t view = 0; view < MultiCrop::global_views; ++view)
            planes.push_back(batch.global.planes(view, place, parts(batch)));
        for (std::int64_t view = 0; view < crops_.options().local_views; ++view)
            planes.push_back(batch.local.planes(view, place, parts(batch)));
        crops_.write_views(batch.reads.read(*source_, place, skip_damaged_), random, planes);
    }

private:
    std::shared_ptr<const FaceSource> source_;
    EpochSampler sampler_;
    MultiCrop crops_;
    std::uint64_t seed_;
    bool skip_damaged_;
};

namespace detail {

/// Landmarks of pictures (n, 3, h, w) in evaluation mode, a batch at a time: (n, N, 2).
template <class T, class D>
Tensor<T, D> find_landmarks(LandmarkCnn<T, D>& cnn, const Tensor<T, D>& pictures, std::int64_t batch) {
    const EvaluationScope<T, D> evaluation(cnn);
    auto result = Tensor<T, D>::empty({pictures.shape(0), cnn.config.landmarks, 2});
    for (std::int64_t begin = 0; begin < pictures.shape(0); begin += batch) {
        const std::int64_t end = std::min(begin + batch, pictures.shape(0));
        result.slice(begin, end).copy_from(cnn.landmarks(Variable<T, D>(pictures.slice(begin, end))).value());
    }
    return result;
}

}  // namespace detail

/// The tokens of a batch's views, a function of the pictures, the seed and the generator's next streams.
/// Pictures go to the device as they are; everything that follows happens there. `landmark_cnn` null: grid
/// patches (DINO).
template <class T, class D = Cpu>
ViewTokens<T, D> view_tokens(const ViewBatch& pictures, const ViewOptions& options,
                             LandmarkCnn<T, D>* landmark_cnn, std::uint64_t seed) {
    const NoGrad no_grad;
    const bool local_views = pictures.local.clean.shape(0) > 0;
    ViewTokens<T, D> tokens;
    if (!landmark_cnn) {
        const auto patches = [&](const ViewPictures& of) {
            return grid_patches(Variable<T, D>(from_host<T, D>(of.augmented)), options.patch).value();
        };
        tokens.global = patches(pictures.global);
        if (local_views)
            tokens.local = patches(pictures.local);
        return tokens;
    }
    const std::int64_t batch = std::max<std::int64_t>(pictures.reads.size(), 16);
    const auto points = [&](const ViewPictures& of) {
        const Tensor<T, D> found = detail::find_landmarks(*landmark_cnn, from_host<T, D>(of.clean), batch);
        return perturb_landmarks(found, options.perturbation, seed, default_generator().take());
    };
    const auto patches = [&](const ViewPictures& of, const Tensor<T, D>& at) {
        return landmark_patches(Variable<T, D>(from_host<T, D>(of.augmented)), Variable<T, D>(at),
                                options.patch)
            .value();
    };
    tokens.global = patches(pictures.global, points(pictures.global));
    if (local_views) {
        const Tensor<T, D> all = points(pictures.local);
        tokens.local = patches(pictures.local,
                               draw_landmarks(all, options.local_tokens, seed, default_generator().take()));
    }
    return tokens;
}

}  // namespace lafs::inline LAFS_ABI
