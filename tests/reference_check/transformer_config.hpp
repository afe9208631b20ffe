// The transformer of a reference file, from its metadata and weights.
#pragma once

#include <lafs/models/vit.hpp>

#include "tensors.hpp"

namespace lafs_reference {

inline lafs::VitConfig transformer_config(const lafs::SafetensorsFile& file,
                                          const std::string& prefix = "weights.") {
    auto config = lafs::VitConfig::sized(integer_of(file, "dim"), integer_of(file, "depth"),
                                         integer_of(file, "heads"), integer_of(file, "mlp_dim"));
    const auto size = [&](const std::string& name, std::size_t axis) {
        return file.info(prefix + name).shape.at(axis);
    };
    config.tokens = size("pos_embedding", 1) - 1;
    config.head_width = size("transformer.layers.0.0.fn.fn.to_out.0.weight", 1) / config.heads;
    const std::int64_t token = size("patch_to_embedding.weight", 1);
    while ((config.patch + 1) * (config.patch + 1) * config.channels <= token)
        ++config.patch;
    while (config.token_size() > token)
        --config.patch;
    lafs::require(config.token_size() == token, "reference", "tokens of ", token,
                  " values are no square patches of ", config.channels, " channels");
    return config;
}

}  // namespace lafs_reference
