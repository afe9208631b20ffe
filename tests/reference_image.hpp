// Reads the images of ../shared/reference/14_augmentations.safetensors, whose names hold the parameters.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <lafs/data/image.hpp>
#include <lafs/io/safetensors.hpp>
#include <string>

namespace lafs_test {

/// The (height, width, 3) bytes of a tensor.
inline lafs::Image reference_image(const lafs::SafetensorsFile& file, const std::string& name) {
    const auto& shape = file.info(name).shape;
    lafs::Image image(static_cast<int>(shape[1]), static_cast<int>(shape[0]));
    image.pixels = file.read<std::uint8_t>(name);
    return image;
}

/// The number after "key" in a name: "left=" in "crop(top=9,left=14)", or "(" in "hue(0.07)".
inline double parameter(const std::string& name, const std::string& key) {
    return std::atof(name.c_str() + name.find(key) + key.size());
}

}  // namespace lafs_test
