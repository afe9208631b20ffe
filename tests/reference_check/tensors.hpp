// Tensors and numbers of a reference file, and comparisons with them.
#pragma once

#include <lafs/io/weights.hpp>

#include "case.hpp"

namespace lafs_reference {

/// A tensor of the file.
inline lafs::Tensor<float> tensor_of(const lafs::SafetensorsFile& file, const std::string& name) {
    const auto& sizes = file.info(name).shape;
    return lafs::Tensor<float>::from(lafs::Shape(std::span<const std::int64_t>(sizes)),
                                     file.read<float>(name));
}

/// An integer of the file's metadata.
inline std::int64_t integer_of(const lafs::SafetensorsFile& file, const std::string& key) {
    return std::stoll(file.metadata(key));
}

/// Compares a tensor with the one of the same name in the file.
inline void compare(Report& report, const lafs::SafetensorsFile& file, const std::string& name,
                    const lafs::Tensor<float>& got, double allowed, double floor = 0.0) {
    report.compare(name, std::span<const float>(got.span()), std::span<const float>(file.read<float>(name)),
                   allowed, floor);
}

}  // namespace lafs_reference
