// What a training task keeps beside its weights: the optimiser's state, and the float averages of a 16-bit
// teacher.
#pragma once

#include <algorithm>
#include <lafs/io/weights.hpp>
#include <lafs/optim/optimizer.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

template <class T, class D>
using NamedTensors = std::vector<std::pair<std::string, Tensor<T, D>>>;

template <class T, class D>
void add_tensors(SafetensorsWriter& writer, const std::string& prefix, const NamedTensors<T, D>& tensors) {
    for (const auto& [name, tensor] : tensors) {
        const auto sizes = tensor.shape().sizes();
        writer.add(prefix + name, std::vector<std::int64_t>(sizes.begin(), sizes.end()), tensor.to_vector());
    }
}

/// Throws unless the file has every one of these tensors in its shape.
template <class T, class D>
void check_tensors(const SafetensorsFile& file, const std::string& prefix,
                   const NamedTensors<T, D>& tensors) {
    for (const auto& [name, tensor] : tensors) {
        const auto& saved = file.info(prefix + name).shape;
        require(std::ranges::equal(saved, tensor.shape().sizes()), "saved state", "\"", prefix, name,
                "\" of ", file.path().string(), ": got shape ", shape_text(saved), ", expected ",
                tensor.shape());
    }
}

template <class T, class D>
void load_tensors(const SafetensorsFile& file, const std::string& prefix, const NamedTensors<T, D>& tensors) {
    for (const auto& [name, tensor] : tensors)
        tensor.copy_from(Tensor<T, D>::from(tensor.shape(), file.read<T>(prefix + name)));
}

}  // namespace detail

/// Adds an optimiser's tensors and counts under "optimizer.".
template <class T, class D>
void add_optimizer(SafetensorsWriter& writer, Optimizer<T, D>& optimizer) {
    const auto state = optimizer.state();
    detail::add_tensors(writer, "optimizer.", state.tensors);
    for (const auto& [name, count] : state.counters)
        writer.add("optimizer." + name, {}, std::vector<std::int64_t>{*count});
}

/// Restores what `add_optimizer` wrote. Throws, before anything is changed, when a name is missing or a
/// shape differs.
template <class T, class D>
void load_optimizer(const SafetensorsFile& file, Optimizer<T, D>& optimizer) {
    const auto state = optimizer.state();
    detail::check_tensors(file, "optimizer.", state.tensors);
    std::vector<std::int64_t> counts;
    for (const auto& [name, count] : state.counters) {
        const auto saved = file.read<std::int64_t>("optimizer." + name);
        require(saved.size() == 1 && saved[0] >= 0, "saved state", "\"optimizer.", name, "\" of ",
                file.path().string(), " is not a count of steps");
        counts.push_back(saved[0]);
    }
    detail::load_tensors(file, "optimizer.", state.tensors);
    for (std::size_t i = 0; i < counts.size(); ++i)
        *state.counters[i].second = counts[i];
}

/// Adds the float averages of a 16-bit teacher under "teacher_average."; nothing for float and double.
template <class T, class D>
void add_averages(SafetensorsWriter& writer, const EmaTeacher<T, D>& teacher) {
    detail::add_tensors(writer, "teacher_average.", teacher.averages());
}

/// Restores what `add_averages` wrote. Throws when a name is missing or a shape differs.
template <class T, class D>
void load_averages(const SafetensorsFile& file, const EmaTeacher<T, D>& teacher) {
    detail::check_tensors(file, "teacher_average.", teacher.averages());
    detail::load_tensors(file, "teacher_average.", teacher.averages());
}

}  // namespace lafs::inline LAFS_ABI
