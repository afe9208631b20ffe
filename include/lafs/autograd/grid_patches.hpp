// Patches on a regular grid, the tokens of plain fViT.
#pragma once

#include <lafs/autograd/strided.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// Image b as (grid rows, grid columns, row, column, channel).
template <class T>
View<T> grid_view(T* images, const Shape& shape, std::int64_t side, std::int64_t b) {
    const std::int64_t channels = shape[1], height = shape[2], width = shape[3];
    View<T> view(images + b * channels * height * width,
                 Shape{height / side, width / side, side, side, channels});
    const std::int64_t strides[] = {side * width, side, width, 1, height * width};
    std::copy(std::begin(strides), std::end(strides), view.stride);
    return view;
}
}  // namespace detail

/// Cuts images (B, C, H, W) into blocks -> (B, (H / side) * (W / side), side * side * C), each flattened
/// (row, column, channel). Throws when the side does not divide the image.
template <class T, class D>
Variable<T, D> grid_patches(const Variable<T, D>& images, std::int64_t side = 8) {
    const Shape& s = images.shape();
    require(s.rank() == 4 && side > 0 && s[2] % side == 0 && s[3] % side == 0, "grid_patches", "got images ",
            s, " and patches of side ", side, ", expected (B, C, H, W) with H and W multiples of the side");
    const Shape shape = s;
    auto tokens = Tensor<T, D>::empty({s[0], (s[2] / side) * (s[3] / side), side * side * s[1]});
    const std::int64_t per_image = s.size_between(1, 4);
    for (std::int64_t b = 0; b < s[0]; ++b) {
        const auto from = detail::grid_view(static_cast<const T*>(images.value().data()), s, side, b);
        put_view(D{}, View<T>(tokens.data() + b * per_image, from.shape), from, false);
    }
    return record(tokens, {images}, [=](const Tensor<T, D>& g) {
        const GradientTarget<T> target = images.gradient_target();
        for (std::int64_t b = 0; b < shape[0]; ++b) {
            const auto to = detail::grid_view(target.data, shape, side, b);
            put_view(D{}, to, View<const T>(g.data() + b * per_image, to.shape), target.accumulate);
        }
    });
}

}  // namespace lafs::inline LAFS_ABI
