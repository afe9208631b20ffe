// A recogniser on the device of --device, for the tools that embed.
#pragma once

#include <lafs/faces/face_embedder.hpp>

#include "on_device.hpp"

/// Throws where the device cannot be used (run_on), and as load_face_model.
inline lafs::FaceEmbedder open_embedder(const lafs::DeviceChoice& device,
                                        const std::filesystem::path& weights) {
    return run_on(device, weights, &lafs::face_embedder<lafs::Cpu>);
}
