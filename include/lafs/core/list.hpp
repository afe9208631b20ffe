// Lists of elements that lie side by side: vectors, arrays and spans alike as parameters of templates, which
// cannot deduce T of a std::span<const T> from a vector.
#pragma once

#include <lafs/core/abi.hpp>
#include <span>
#include <type_traits>
#include <utility>

namespace lafs::inline LAFS_ABI {

template <class X>
concept List = requires(const X& list) {
    std::span(list);
};

/// The elements of a list, which has to outlive the span.
template <List X>
auto span_of(const X& list) {
    using T = std::remove_const_t<typename decltype(std::span(list))::element_type>;
    return std::span<const T>(std::span(list));
}

/// The type of a list's elements.
template <List X>
using element_of_list =
    std::remove_const_t<typename decltype(span_of(std::declval<const X&>()))::element_type>;

}  // namespace lafs::inline LAFS_ABI
