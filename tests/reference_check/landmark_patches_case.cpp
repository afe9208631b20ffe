// 01: patches around landmarks, their gradients, and the same tokens as a mosaic cut on the grid.
#include <lafs/autograd/grid_patches.hpp>
#include <lafs/autograd/landmark_patches.hpp>

#include "cases.hpp"
#include "tensors.hpp"

namespace lafs_reference {

void check_landmark_patches(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    const std::int64_t side = integer_of(file, "patch");
    const lafs::Variable<float> images(tensor_of(file, "images"), true),
        landmarks(tensor_of(file, "landmarks"), true);
    const auto tokens = lafs::landmark_patches(images, landmarks, side);
    compare(report, file, "tokens", tokens.value(), 3e-5);
    tokens.backward(tensor_of(file, "grad_tokens"));
    compare(report, file, "grad_images", images.grad(), 1e-4);
    compare(report, file, "grad_landmarks", landmarks.grad(), 1e-4);

    const lafs::Variable<float> others(tensor_of(file, "images36")), few(tensor_of(file, "landmarks36"));
    compare(report, file, "tokens36", lafs::landmark_patches(others, few, side).value(), 3e-5);

    const lafs::Variable<float> mosaic(tensor_of(file, "mosaic"));
    compare(report, file, "tokens", lafs::grid_patches(mosaic, side).value(), 3e-5);
}

}  // namespace lafs_reference
