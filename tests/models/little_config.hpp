// A transformer small enough for gradient checks.
#pragma once

#include <lafs/models/vit.hpp>

namespace lafs_test {

inline lafs::VitConfig little_config() {
    lafs::VitConfig config = lafs::VitConfig::sized(12, 2, 2, 10);
    config.head_width = 5;
    config.tokens = 9;
    config.patch = 2;
    config.image_size = 6;
    return config;
}

}  // namespace lafs_test
