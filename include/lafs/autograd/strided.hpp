// Copies between strided views: what slices, permutations, patches and concatenations are made of.
#pragma once

#include <lafs/autograd/expression.hpp>

namespace lafs::inline LAFS_ABI {

/// to (+)= from, element by element, for views of one shape with any strides.
template <class T, class D>
void put_view(D device, const View<T>& to, const View<const T>& from, bool accumulate) {
    using Sum = Apply<Add, In<0>, In<1>>;
    if (accumulate)
        map(device, Sum{}, to, Bound<Sum, T, compute_t<T>>{{from, to}, {}});
    else
        map(device, In<0>{}, to, Bound<In<0>, T, compute_t<T>>{{from}, {}});
}

}  // namespace lafs::inline LAFS_ABI
