// Small pictures that tests of image operations start from.
#pragma once

#include <cstdint>
#include <lafs/core/random.hpp>
#include <lafs/data/image.hpp>

namespace lafs_test {

/// 5 x 4 pixels whose bytes a formula gives, so that other programs can make the same.
inline lafs::Image pattern_image() {
    lafs::Image image(5, 4);
    for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 5; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(x * 37 + y * 59 + c * 83 + x * y * 11);
    return image;
}

/// Random bytes, always the same.
inline lafs::Image noise_image(int width, int height) {
    lafs::Image image(width, height);
    lafs::RandomSequence random(5, 0);
    for (auto& byte : image.pixels)
        byte = static_cast<std::uint8_t>(random.bits());
    return image;
}

}  // namespace lafs_test
