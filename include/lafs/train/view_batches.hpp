// Batches of views for self-supervised pre-training: the tokens that student and teacher see.
//
// LAFS: the frozen landmark CNN runs on the clean picture of a view, its landmarks are perturbed, and patches
// are taken from the augmented picture; a local view keeps a random subset. DINO: the grid of patches; a
// local view is shrunk to a smaller grid. Views come one after the other: (views x batch, tokens, values).
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
    MultiCropOptions crops;
    std::int64_t patch = 8;
    double perturbation = 5;         ///< deviation of the landmark noise in pixels
    std::int64_t local_tokens = 36;  ///< landmarks of a local view; for the grid, a square number of patches
};

/// Tokens of the global views (2 B, n, values) and of the local ones (L B, m, values; undefined without any).
template <class T = float, class D = Cpu>
struct ViewTokens {
    Tensor<T, D> global, local;
};

/// Pictures of all views of a batch of faces, each (views * batch, 3, size, size), view by view.
struct ViewBatch {
    ImageReads reads;
    std::int64_t step = 0;
    Tensor<float> clean, augmented;
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
        const Shape shape{crops_.view_count() * static_cast<std::int64_t>(indices.size()), 3,
                          crops_.options().size, crops_.options().size};
        return {ImageReads({indices.begin(), indices.end()}), step, Tensor<float>::empty(shape),
                Tensor<float>::empty(shape)};
    }

    std::int64_t parts(const ViewBatch& batch) const { return batch.reads.size(); }

    void fill(ViewBatch& batch, std::int64_t place) const {
        RandomSequence random(seed_, static_cast<std::uint64_t>(batch.step * parts(batch) + place));
        std::vector<ViewPlanes> planes;
        for (std::int64_t view = 0; view < crops_.view_count(); ++view) {
            const std::int64_t at = view * parts(batch) + place;
            planes.push_back(
                {batch.clean.slice(at, at + 1).span(), batch.augmented.slice(at, at + 1).span()});
        }
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

/// Pictures (n, 3, s, s) shrunk to (n, 3, side, side) by the mean over the area of each new pixel; on the
/// host, where pictures come from.
inline Tensor<float> shrink(const Tensor<float>& pictures, std::int64_t side) {
    const std::int64_t planes = pictures.shape(0) * 3, from = pictures.shape(2);
    require(side <= from, "views", "got local views of side ", side, ", expected at most ", from);
    auto result = Tensor<float>::empty({pictures.shape(0), 3, side, side});
    parallel_for(planes, [&](std::int64_t plane) {
        const float* in = pictures.data() + plane * from * from;
        float* out = result.data() + plane * side * side;
        for (std::int64_t y = 0; y < side; ++y)
            for (std::int64_t x = 0; x < side; ++x) {
                const std::int64_t y0 = y * from / side, y1 = std::max(y0 + 1, (y + 1) * from / side);
                const std::int64_t x0 = x * from / side, x1 = std::max(x0 + 1, (x + 1) * from / side);
                float sum = 0;
                for (std::int64_t v = y0; v < y1; ++v)
                    for (std::int64_t u = x0; u < x1; ++u)
                        sum += in[v * from + u];
                out[y * side + x] = sum / static_cast<float>((y1 - y0) * (x1 - x0));
            }
    });
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
    const std::int64_t batch = pictures.reads.size();
    const std::int64_t split = MultiCrop::global_views * batch, all = pictures.augmented.shape(0);
    const Tensor<float> global = pictures.augmented.slice(0, split),
                        local = pictures.augmented.slice(split, all);
    ViewTokens<T, D> tokens;
    if (!landmark_cnn) {
        const auto patches = [&](const Tensor<float>& images) {
            return grid_patches(Variable<T, D>(from_host<T, D>(images)), options.patch).value();
        };
        tokens.global = patches(global);
        const auto side =
            static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(options.local_tokens))));
        if (all > split)
            tokens.local = patches(detail::shrink(local, side * options.patch));
        return tokens;
    }
    const Tensor<T, D> found = detail::find_landmarks(*landmark_cnn, from_host<T, D>(pictures.clean),
                                                      std::max<std::int64_t>(batch, 16));
    const Tensor<T, D> points =
        perturb_landmarks(found, options.perturbation, seed, default_generator().take());
    const auto patches = [&](const Tensor<float>& images, const Tensor<T, D>& at) {
        return landmark_patches(Variable<T, D>(from_host<T, D>(images)), Variable<T, D>(at), options.patch)
            .value();
    };
    tokens.global = patches(global, points.slice(0, split));
    const std::uint64_t stream = default_generator().take();
    if (all > split)
        tokens.local =
            patches(local, draw_landmarks(points.slice(split, all), options.local_tokens, seed, stream));
    return tokens;
}

}  // namespace lafs::inline LAFS_ABI
