// The whole library in a file for nvcc: a network on the CPU beside the device.
#include <lafs/cuda.hpp>
#include <lafs/lafs.hpp>

float embed_and_scale(const lafs::Image& face);

float embed_and_scale(const lafs::Image& face) {
    lafs::FViT<float> model(lafs::VitConfig::tiny());
    auto images = lafs::Tensor<float>::empty({1, 3, 112, 112});
    lafs::to_planes(face, images.span());
    const lafs::Variable<float, lafs::Cuda> embedding(model.embed(images).to<lafs::Cuda>());
    const lafs::Variable<float, lafs::Cuda> scaled = gelu(embedding * 2);
    return mean(scaled).item();
}
