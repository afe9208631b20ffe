// Verification of a model on pairs of images: embeddings of image and mirror are added, then the ten-fold
// protocol.
#pragma once

#include <lafs/autograd/variable.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/source_pairs.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/train/face_batches.hpp>
#include <map>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Pairs over a list of distinct images; each image is embedded once.
struct PairSet {
    std::vector<std::filesystem::path> files;  ///< of pairs from a list; empty for a source's own images
    std::shared_ptr<const FaceSource> source;  ///< of pairs of a source's images
    std::vector<std::int64_t> images;          ///< indices into `source`
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    std::vector<std::uint8_t> same;
    std::size_t folds = 10;

    std::size_t image_count() const { return source ? images.size() : files.size(); }
    Image image(std::size_t i) const { return source ? source->image(images[i]) : load_image(files[i]); }
};

/// Pairs of image files from a list.
inline PairSet pair_set(const PairList& list) {
    PairSet set;
    set.folds = list.folds > 1 ? static_cast<std::size_t>(list.folds) : 10;
    std::map<std::filesystem::path, std::size_t> known;
    const auto number = [&](const std::filesystem::path& file) {
        const auto [at, added] = known.emplace(file, set.files.size());
        if (added)
            set.files.push_back(file);
        return at->second;
    };
    for (const Pair& pair : list.pairs) {
        const std::size_t a = number(pair.a);
        set.pairs.emplace_back(a, number(pair.b));
        set.same.push_back(pair.same);
    }
    return set;
}

/// Pairs drawn from a source.
inline PairSet pair_set(std::shared_ptr<const FaceSource> source, std::int64_t pairs, int folds,
                        std::uint64_t seed) {
    PairSet set;
    set.folds = static_cast<std::size_t>(folds);
    std::map<std::int64_t, std::size_t> known;
    const auto number = [&](std::int64_t index) {
        const auto [at, added] = known.emplace(index, set.images.size());
        if (added)
            set.images.push_back(index);
        return at->second;
    };
    for (const IndexPair& pair : make_pairs(*source, pairs, folds, seed)) {
        const std::size_t a = number(pair.a);
        set.pairs.emplace_back(a, number(pair.b));
        set.same.push_back(pair.same);
    }
    set.source = std::move(source);
    return set;
}

/// Embeds one batch of images (B, 3, H, W) and their mirrors and adds the two: (B, D) values.
/// `embed` maps (B, 3, H, W) to (B, D).
template <class T, class D, class Embed>
std::vector<T> embed_with_mirror(const Tensor<T, D>& images, const Embed& embed) {
    const NoGrad no_grad;
    std::vector<T> values = embed(images).to_vector();
    auto mirrored = images.to_vector();
    const auto width = static_cast<std::ptrdiff_t>(images.shape(3));
    for (auto row = mirrored.begin(); row != mirrored.end(); row += width)
        std::reverse(row, row + width);
    const std::vector<T> mirror = embed(Tensor<T, D>::from(images.shape(), mirrored)).to_vector();
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] += mirror[i];
    return values;
}

/// Verifies a model on a set of pairs; results do not depend on `batch`. Throws when an embedding is not
/// finite.
template <class Embed>
VerificationResult verify_pairs(const PairSet& set, const Embed& embed, std::int64_t batch = 32) {
    const auto count = static_cast<std::int64_t>(set.image_count());
    std::vector<float> embeddings;
    for (std::int64_t begin = 0; begin < count; begin += batch) {
        const std::int64_t size = std::min(batch, count - begin);
        auto images = Tensor<float>::empty({size, 3, face_size, face_size});
        parallel_for(size, [&](std::int64_t i) {
            to_planes(resize(set.image(static_cast<std::size_t>(begin + i)), face_size, face_size),
                      images.slice(i, i + 1).span());
        });
        const auto values = embed_with_mirror(images, embed);
        embeddings.insert(embeddings.end(), values.begin(), values.end());
    }
    const std::size_t dim = embeddings.size() / set.image_count();
    std::vector<float> rows;
    rows.reserve(2 * set.pairs.size() * dim);
    for (const auto& [a, b] : set.pairs)
        for (const std::size_t image : {a, b})
            rows.insert(rows.end(), embeddings.begin() + static_cast<std::ptrdiff_t>(image * dim),
                        embeddings.begin() + static_cast<std::ptrdiff_t>((image + 1) * dim));
    VerificationOptions options;
    options.folds = set.folds;
    return verify(std::span<const float>(rows), dim, set.same, options);
}

}  // namespace lafs::inline LAFS_ABI
