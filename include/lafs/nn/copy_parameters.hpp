// Parameters, buffers and counts of one module for another of the same architecture, on any device and in any
// element type: a model trained in float that infers in bfloat16, a model made on the host that moves to a
// GPU, a teacher that starts as its student.
#pragma once

#include <lafs/autograd/convert.hpp>
#include <lafs/nn/module.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Throws unless both lists have the same names and shapes in the same order.
template <class From, class To>
void check_same_parts(const std::vector<std::pair<std::string, From>>& from,
                      const std::vector<std::pair<std::string, To>>& to) {
    require(from.size() == to.size(), "copy parameters", "got a module with ", from.size(),
            " tensors, expected ", to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        require(from[i].first == to[i].first, "copy parameters", "got the tensor ", from[i].first,
                ", expected ", to[i].first);
        require(from[i].second.shape() == to[i].second.shape(), "copy parameters", from[i].first,
                ": got shape ", from[i].second.shape(), ", expected ", to[i].second.shape());
    }
}

/// Overwrites the elements with those of a tensor of the same shape, converted where they lie or where they
/// go to.
template <class T, class D, class U, class E>
void copy_elements(const Tensor<T, D>& from, const Tensor<U, E>& to) {
    if constexpr (std::is_same_v<D, E>)
        to.copy_from(cast<U>(from));
    else
        copy_elements(from.template to<E>(), to);
}

template <class T, class D>
std::vector<std::pair<std::string, std::int64_t*>> counters_of(Module<T, D>& of) {
    std::vector<std::pair<std::string, std::int64_t*>> found;
    FunctionVisitor<T, D> visitor;
    visitor.on_counter = [&](const std::string& name, std::int64_t& value) {
        found.emplace_back(name, &value);
    };
    of.visit_as(visitor, "");
    return found;
}

}  // namespace detail

/// Copies all parameters, buffers and counts from one module to another. Throws, before anything is changed,
/// unless both have the same names and shapes in the same order.
template <class T, class D, class U, class E>
void copy_parameters(Module<T, D>& from, Module<U, E>& to) {
    const auto source = from.parameters();
    const auto target = to.parameters();
    const auto source_buffers = from.buffers();
    const auto target_buffers = to.buffers();
    const auto source_counters = detail::counters_of(from), target_counters = detail::counters_of(to);
    detail::check_same_parts(source, target);
    detail::check_same_parts(source_buffers, target_buffers);
    require(source_counters.size() == target_counters.size(), "copy parameters", "got a module with ",
            source_counters.size(), " counts, expected ", target_counters.size());
    for (std::size_t i = 0; i < source.size(); ++i)
        detail::copy_elements(source[i].second.value(), target[i].second.value());
    for (std::size_t i = 0; i < source_buffers.size(); ++i)
        detail::copy_elements(source_buffers[i].second, target_buffers[i].second);
    for (std::size_t i = 0; i < source_counters.size(); ++i)
        *target_counters[i].second = *source_counters[i].second;
}

}  // namespace lafs::inline LAFS_ABI
