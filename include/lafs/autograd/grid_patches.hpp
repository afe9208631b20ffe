// Patches on a regular grid, the tokens of plain fViT.
#pragma once

#include <lafs/autograd/operands.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// One channel of images (B, C, H, W) as (image, grid row, grid column, row, column): the order of the
/// tokens.
template <class T>
View<T> grid_of_channel(T* images, const Shape& shape, std::int64_t side, std::int64_t channel) {
    const std::int64_t height = shape[2], width = shape[3], plane = height * width;
    View<T> view(images + channel * plane, Shape{shape[0], height / side, width / side, side, side});
    const std::int64_t strides[] = {shape[1] * plane, side * width, side, width, 1};
    std::copy(std::begin(strides), std::end(strides), view.stride);
    return view;
}
/// The same values in tokens (B, n, side * side * C).
template <class T>
View<T> tokens_of_channel(T* tokens, const Shape& shape, std::int64_t side, std::int64_t channel) {
    const std::int64_t channels = shape[1];
    View<T> view(tokens, Shape{shape[0], shape[2] / side, shape[3] / side, side, side});
    view.data += channel;
    for (std::int64_t& stride : view.stride)
        stride *= channels;
    return view;
}
}  // namespace detail

/// Cuts images (B, C, H, W) into blocks -> (B, (H / side) * (W / side), side * side * C), each flattened
/// (row, column, channel). Throws when the side does not divide the image.
template <class T, class D>
Variable<T, D> grid_patches(const Variable<T, D>& images, std::int64_t side = 8) {
    const Shape shape = images.shape();
    require(shape.rank() == 4 && side > 0 && shape[2] % side == 0 && shape[3] % side == 0, "grid_patches",
            "got images ", shape, " and patches of side ", side,
            ", expected (B, C, H, W) with H and W multiples of the side");
    const auto tokens =
        Tensor<T, D>::empty({shape[0], (shape[2] / side) * (shape[3] / side), side * side * shape[1]});
    for (std::int64_t c = 0; c < shape[1]; ++c)
        assign(detail::tokens_of_channel(tokens.data(), shape, side, c),
               on<D>(detail::grid_of_channel(images.data(), shape, side, c)));
    return record(tokens, {images}, [=](const Tensor<T, D>& g) {
        const GradientTarget<T> target = images.gradient_target();
        for (std::int64_t c = 0; c < shape[1]; ++c)
            put(detail::grid_of_channel(target.data, shape, side, c),
                on<D>(detail::tokens_of_channel(g.data(), shape, side, c)), target.accumulate);
    });
}

/// The same for an expression or a tensor (autograd/operands.hpp).
template <class X, class... Options>
requires VariableOperands<X>
auto grid_patches(const X& x, const Options&... options) {
    return detail::over_variables([&](const auto& v) { return grid_patches(v, options...); }, x);
}

}  // namespace lafs::inline LAFS_ABI
