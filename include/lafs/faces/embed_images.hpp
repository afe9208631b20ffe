// Embeddings of many images, one batch after the other: memory is that of a batch, whatever the number of
// images, and each row is the same for every size of batch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/autograd/variable.hpp>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/data/image_ops.hpp>
#include <span>
#include <vector>

namespace lafs::inline LAFS_ABI {

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

/// How images are embedded.
struct EmbedOptions {
    std::int64_t batch = 32;  ///< images at a time
    bool mirrored = true;     ///< add the embedding of the mirror image
};

/// Embeds images 0 .. count - 1: load(i) gives an image, at any size, and is called from several threads;
/// embed maps (B, 3, 112, 112) to (B, D); row(i, span of D values) is called in order. Throws for a batch
/// below 1, and what these throw.
template <class Load, class Embed, class Row>
void embed_images(std::size_t count, const EmbedOptions& options, const Load& load, const Embed& embed,
                  const Row& row) {
    require(options.batch >= 1, "embed_images", "got a batch of ", options.batch, ", expected 1 or more");
    const NoGrad no_grad;
    const auto batch = static_cast<std::size_t>(options.batch);
    for (std::size_t begin = 0; begin < count; begin += batch) {
        const auto size = static_cast<std::int64_t>(std::min(batch, count - begin));
        auto images = Tensor<float>::empty({size, 3, face_size, face_size});
        parallel_for(size, [&](std::int64_t i) {
            to_planes(resize(load(begin + static_cast<std::size_t>(i)), face_size, face_size),
                      images.slice(i, i + 1).span());
        });
        const std::vector<float> values =
            options.mirrored ? embed_with_mirror(images, embed) : embed(images).to_vector();
        const std::size_t dim = values.size() / static_cast<std::size_t>(size);
        for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i)
            row(begin + i, std::span<const float>(values).subspan(i * dim, dim));
    }
}

}  // namespace lafs::inline LAFS_ABI
