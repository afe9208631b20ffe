// Verification of a model on pairs of images: embeddings of image and mirror are added,
// then the ten-fold protocol.
#pragma once

#include <lafs/data/colour_order.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/pairs.hpp>
#include <lafs/data/scaled_images.hpp>
#include <lafs/data/source_pairs.hpp>
#include <lafs/data/verification_bin.hpp>
#include <lafs/eval/verification.hpp>
#include <lafs/faces/embed_images.hpp>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Pairs over a list of distinct images; each image is embedded once.
struct PairSet {
    std::vector<std::filesystem::path> files;    ///< of pairs from a list; empty for other images
    std::shared_ptr<const FaceSource> source;    ///< of pairs of a source's images
    std::shared_ptr<const VerificationBin> bin;  ///< of pairs of a verification set's images
    std::vector<std::int64_t> images;            ///< indices into `source` or `bin`
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    std::vector<std::uint8_t> same;
    std::size_t folds = 10;
    ColourOrder order = ColourOrder::rgb;  ///< of what the files hold; images are RGB

    std::string name(std::size_t i) const {
        if (bin)
            return detail::text_of("image ", images[i]);
        return source ? source->name(images[i]) : files[i].string();
    }
    std::size_t image_count() const { return source || bin ? images.size() : files.size(); }
    Image image(std::size_t i) const { return to_rgb(stored_image(i), order); }

private:
    Image stored_image(std::size_t i) const {
        if (bin)
            return bin->image(static_cast<std::size_t>(images[i]));
        return source ? source->image(images[i]) : load_image(files[i]);
    }
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

/// Pairs of a verification set in one file, over the usual ten folds.
inline PairSet pair_set(VerificationBin bin) {
    PairSet set;
    std::vector<std::size_t> numbers(bin.images());  // of first copies
    for (std::size_t i = 0; i < bin.images(); ++i)
        if (bin.first_copy(i) == i) {
            numbers[i] = set.images.size();
            set.images.push_back(static_cast<std::int64_t>(i));
        }
    for (std::size_t i = 0; i < bin.pairs(); ++i) {
        set.pairs.emplace_back(numbers[bin.first_copy(2 * i)], numbers[bin.first_copy(2 * i + 1)]);
        set.same.push_back(bin.same(i));
    }
    set.bin = std::make_shared<const VerificationBin>(std::move(bin));
    return set;
}

/// Squared distances between the L2-normalised rows of (n, dim) embeddings that the pairs name.
inline std::vector<double> distances_of_pairs(std::span<const float> embeddings, std::size_t dim,
                                              std::span<const std::pair<std::size_t, std::size_t>> pairs) {
    std::vector<float> rows;
    rows.reserve(2 * pairs.size() * dim);
    for (const auto& [a, b] : pairs)
        for (const std::size_t image : {a, b}) {
            const std::span<const float> row = embeddings.subspan(image * dim, dim);
            rows.insert(rows.end(), row.begin(), row.end());
        }
    return pair_distances(std::span<const float>(rows), dim);
}

/// Squared distance of each pair between the L2-normalised embeddings that a model gives; each image is
/// embedded once. Results do not depend on the batch. Warns of images of another size. Throws when an embedding is not finite.
template <class Embed>
std::vector<double> embed_pair_distances(const PairSet& set, const Embed& embed,
                                         const EmbedOptions& options = {}) {
    std::vector<float> embeddings;
    std::vector<std::pair<int, int>> sizes(set.image_count());
    const auto load = [&](std::size_t i) {
        Image image = set.image(i);
        sizes[i] = {image.width, image.height};
        return image;
    };
    embed_images(set.image_count(), options, load, embed, [&](std::size_t, std::span<const float> row) {
        embeddings.insert(embeddings.end(), row.begin(), row.end());
    });
    ScaledImages scaled;
    for (std::size_t i = 0; i < sizes.size(); ++i)
        scaled.add(sizes[i].first, sizes[i].second, [&] { return set.name(i); });
    scaled.tell("the pairs");
    return distances_of_pairs(embeddings, embeddings.size() / set.image_count(), set.pairs);
}

/// Verifies a model on a set of pairs, over the set's folds.
template <class Embed>
VerificationResult verify_pairs(const PairSet& set, const Embed& embed, std::int64_t batch = 32) {
    VerificationOptions options;
    options.folds = set.folds;
    return verify_distances(embed_pair_distances(set, embed, {batch, true}), set.same, options);
}

}  // namespace lafs::inline LAFS_ABI
