// A recogniser as a function, whatever its device: images of the host in, embeddings on the host out.
#pragma once

#include <filesystem>
#include <functional>
#include <lafs/faces/face_model.hpp>
#include <memory>

namespace lafs::inline LAFS_ABI {

/// Images (B, 3, side, side) -> embeddings (B, width), in evaluation mode.
using FaceEmbedder = std::function<Tensor<float>(const Tensor<float>&)>;

/// The recogniser of a file of weights, on device D. Throws as load_face_model. A template, so that only programs that
/// embed compile the networks.
template <class D = Cpu>
FaceEmbedder face_embedder(const std::filesystem::path& weights) {
    const auto model = std::make_shared<const FaceModel<float, D>>(load_face_model<float, D>(weights));
    return [model](const Tensor<float>& images) { return model->embed_host(images); };
}

}  // namespace lafs::inline LAFS_ABI
