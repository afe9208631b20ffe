// Patches around landmarks, the tokens of Part fViT (Sun & Tzimiropoulos, arXiv 2212.00057), differentiable
// in the image and in the landmarks: this is how the landmark CNN learns without landmark labels.
#pragma once

#include <lafs/autograd/operands.hpp>
#include <lafs/backend/cpu/landmark_patches.hpp>

namespace lafs::inline LAFS_ABI {

/// Samples images (B, C, H, W) around landmarks (B, n, 2), (x, y) in pixels -> (B, n, side * side * C).
/// Landmarks are of the compute type: float for images of 16-bit elements.
///
/// Value (i, j, c) of a token is the bilinear sample at x = lx + i - side / 2 - 0.5, y = ly + j - side / 2 -
/// 0.5, zero outside the image: the first index moves along x, and there is a shift of half a pixel, as in
/// the published implementation. Throws when the shapes do not fit.
template <class T, class D>
Variable<T, D> landmark_patches(const Variable<T, D>& images, const Variable<compute_t<T>, D>& landmarks,
                                std::int64_t side = 8) {
    const Shape &si = images.shape(), &sl = landmarks.shape();
    require(si.rank() == 4 && sl.rank() == 3 && sl[0] == si[0] && sl[2] == 2 && side > 0, "landmark_patches",
            "got images ", si, ", landmarks ", sl, " and patches of side ", side,
            ", expected (B, C, H, W), (B, n, 2) and a positive side");
    const PatchSizes sizes{si[0], si[1], si[2], si[3], sl[1], side};
    auto tokens = Tensor<T, D>::empty({sizes.batch, sizes.landmarks, sizes.token()});
    landmark_patches_forward(D{}, sizes, images.data(), landmarks.data(), tokens.data());
    return record(tokens, {images, landmarks}, [=](const Tensor<T, D>& g) {
        if (const GradientTarget<compute_t<T>> target = landmarks.gradient_target())
            landmark_patches_backward_landmarks(D{}, sizes, images.data(), landmarks.data(), g.data(),
                                                target);
        if (const GradientTarget<T> target = images.gradient_target())
            landmark_patches_backward_images(D{}, sizes, landmarks.data(), g.data(), target);
    });
}

/// The same for expressions and tensors (autograd/operands.hpp).
template <class X, class L>
requires VariableOperands<X, L>
auto landmark_patches(const X& images, const L& landmarks, std::int64_t side = 8) {
    return detail::over_variables([=](const auto& x, const auto& l) { return landmark_patches(x, l, side); },
                                  images, landmarks);
}

}  // namespace lafs::inline LAFS_ABI
