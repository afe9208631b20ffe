// Variables as text: their values, as core/format.hpp prints tensors.
#pragma once

#include <lafs/autograd/variable.hpp>
#include <lafs/core/format.hpp>

namespace lafs::inline LAFS_ABI {

template <class T, class D>
std::string to_string(const Variable<T, D>& variable) {
    return variable.defined() ? to_string(variable.value()) : "undefined";
}

template <class T, class D>
std::ostream& operator<<(std::ostream& out, const Variable<T, D>& variable) {
    return out << to_string(variable);
}

}  // namespace lafs::inline LAFS_ABI
