// Parts of tensors along several axes at once, as NumPy's x[:, 1:3, ::2].
//
//   slice(x.view(), {{}, {1, 3}, {0, Range::all, 2}})
#pragma once

#include <cstdint>
#include <lafs/core/tensor.hpp>
#include <span>

namespace lafs::inline LAFS_ABI {

/// Indices begin, begin + step, ... before end; `{}` are all of an axis. Negative ones count from the end of the
/// axis.
struct Range {
    static constexpr std::int64_t all = INT64_MAX;  ///< as `end`: to the end of the axis
    std::int64_t begin = 0, end = all, step = 1;
};

/// The elements of a view in the given ranges of its first axes, without a copy. Throws for more ranges than
/// axes, a range that reaches outside of its axis or ends before it begins, and a step below 1.
template <class T>
View<T> slice(const View<T>& view, std::span<const Range> ranges) {
    require(ranges.size() <= static_cast<std::size_t>(view.shape.rank()), "slice", "got ", ranges.size(),
            " ranges for ", view.shape);
    View<T> result = view;
    int axis = 0;
    for (const Range& range : ranges) {
        const std::int64_t size = view.shape[axis];
        const auto place = [size](std::int64_t index) { return index < 0 ? index + size : index; };
        const std::int64_t begin = place(range.begin),
                           end = range.end == Range::all ? size : place(range.end);
        require(begin >= 0 && begin <= end && end <= size && range.step >= 1, "slice", "got [", range.begin,
                ", ", end, ") in steps of ", range.step, " of axis ", axis, " of ", view.shape);
        result.data += begin * view.stride[axis];
        result.shape = result.shape.with(axis, (end - begin + range.step - 1) / range.step);
        result.stride[axis] *= range.step;
        ++axis;
    }
    return result;
}
template <class T>
View<T> slice(const View<T>& view, std::initializer_list<Range> ranges) {
    return slice(view, std::span<const Range>(ranges.begin(), ranges.size()));
}

}  // namespace lafs::inline LAFS_ABI
