// What a training task keeps beside its weights: the optimiser's state.
#pragma once

#include <lafs/io/weights.hpp>
#include <lafs/optim/optimizer.hpp>
#include <string>

namespace lafs::inline LAFS_ABI {

/// Adds an optimiser's tensors and counts under "optimizer.".
template <class T, class D>
void add_optimizer(SafetensorsWriter& writer, Optimizer<T, D>& optimizer) {
    const auto state = optimizer.state();
    for (const auto& [name, tensor] : state.tensors) {
        const auto sizes = tensor.shape().sizes();
        writer.add("optimizer." + name, std::vector<std::int64_t>(sizes.begin(), sizes.end()),
                   tensor.to_vector());
    }
    for (const auto& [name, count] : state.counters)
        writer.add("optimizer." + name, {}, std::vector<std::int64_t>{*count});
}

/// Restores what `add_optimizer` wrote. Throws when a name is missing or a size differs.
template <class T, class D>
void load_optimizer(const SafetensorsFile& file, Optimizer<T, D>& optimizer) {
    const auto state = optimizer.state();
    for (const auto& [name, tensor] : state.tensors)
        tensor.copy_from(Tensor<T, D>::from(tensor.shape(), file.read<T>("optimizer." + name)));
    for (const auto& [name, count] : state.counters)
        *count = file.read<std::int64_t>("optimizer." + name).at(0);
}

}  // namespace lafs::inline LAFS_ABI
