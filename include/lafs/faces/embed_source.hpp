// The embeddings of a set of faces, row by row in its order: what lafs_embed does.
//
// Batches are embedded one after the other and handed on, so that memory does not grow with the set. Rows do
// not depend on the size of batches or on threads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/damaged.hpp>
#include <lafs/data/face_source.hpp>
#include <lafs/data/image.hpp>
#include <lafs/data/scaled_images.hpp>
#include <lafs/eval/feature_rows.hpp>
#include <lafs/faces/embed_images.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How a set is embedded.
struct EmbedSourceOptions {
    EmbedOptions embed = {.batch = 32, .mirrored = false};
    bool normalise = false;     ///< rows of length 1
    bool skip_damaged = false;  ///< images that cannot be read get no row; otherwise they throw
};

/// What came of a set.
struct EmbeddedSet {
    std::int64_t dim = 0;
    std::vector<std::int64_t> images;   ///< of the source, for each row
    std::vector<DamagedImage> damaged;  ///< left out
    ScaledImages scaled;                ///< images of another size than face_size, which were scaled to it
};

namespace detail {

/// The readable ones of images begin .. begin + size - 1; notes them and the others.
inline std::vector<Image> load_readable(const FaceSource& source, std::int64_t begin, std::int64_t size,
                                        bool skip_damaged, EmbeddedSet& result) {
    std::vector<std::optional<Image>> images(static_cast<std::size_t>(size));
    std::vector<std::string> errors(images.size());
    parallel_for(size, [&](std::int64_t i) {
        const auto at = static_cast<std::size_t>(i);
        try {
            images[at] = source.image(begin + i);
        } catch (const Error& error) {
            errors[at] = error.what();
        }
    });
    std::vector<Image> readable;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const std::int64_t index = begin + static_cast<std::int64_t>(i);
        if (images[i]) {
            result.scaled.add(images[i]->width, images[i]->height, [&] { return source.name(index); });
            result.images.push_back(index);
            readable.push_back(std::move(*images[i]));
            continue;
        }
        require(skip_damaged, "embed", "image ", index, ", ", source.name(index),
                ", cannot be read: ", errors[i], "; --skip-damaged leaves such images out");
        result.damaged.push_back({index, source.name(index), std::move(errors[i])});
    }
    return readable;
}

/// Rows of length 1, normalised in double.
inline void normalise_floats(std::vector<float>& rows, std::size_t dim, std::size_t first_row) {
    std::vector<double> wide(rows.begin(), rows.end());
    normalise_rows("embed", wide, dim, first_row);
    std::transform(wide.begin(), wide.end(), rows.begin(), [](double v) { return static_cast<float>(v); });
}

}  // namespace detail

/// Embeds every image. `embed` maps (B, 3, face_size, face_size) to (B, dim); `take(rows)` is given the rows
/// of one batch after the other, a std::span<const float> of (n, dim) values, n being 0 where all images of a
/// batch are damaged. Warns of images of another size. Throws for damaged images unless they are skipped, for embeddings that are not finite,
/// and for a set without a single readable image.
template <class Embed, class Take>
EmbeddedSet embed_source(const FaceSource& source, const Embed& embed, const EmbedSourceOptions& options,
                         const Take& take) {
    const std::int64_t batch = options.embed.batch;
    require(batch >= 1, "embed", "got a batch of ", batch, ", expected at least 1");
    EmbeddedSet result;
    for (std::int64_t begin = 0; begin < source.size(); begin += batch) {
        const std::size_t first_row = result.images.size();
        const std::vector<Image> images = detail::load_readable(
            source, begin, std::min(batch, source.size() - begin), options.skip_damaged, result);
        std::vector<float> rows;
        embed_images(
            images.size(), options.embed, [&](std::size_t i) { return images[i]; }, embed,
            [&](std::size_t i, std::span<const float> row) {
                require(std::all_of(row.begin(), row.end(), [](float v) { return std::isfinite(v); }),
                        "embed", "the embedding of ", source.name(result.images[first_row + i]),
                        " holds NaN or infinity, expected finite numbers");
                rows.insert(rows.end(), row.begin(), row.end());
                result.dim = static_cast<std::int64_t>(row.size());
            });
        if (options.normalise && !rows.empty())
            detail::normalise_floats(rows, static_cast<std::size_t>(result.dim), first_row);
        take(std::span<const float>(rows));
    }
    require(!result.images.empty(), "embed", "none of ", source.size(),
            " images can be read; the first: ", result.damaged.empty() ? "" : result.damaged.front().error);
    result.scaled.tell("the set");
    return result;
}

}  // namespace lafs::inline LAFS_ABI
