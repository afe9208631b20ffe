// Run-time shapes of fixed capacity: up to five axes, trivially copyable, usable in kernels.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <lafs/core/error.hpp>
#include <ostream>
#include <span>

namespace lafs::inline LAFS_ABI {

/// The largest number of axes of a tensor.
inline constexpr int max_rank = 5;

/// Sizes of up to `max_rank` axes, outermost first. Rank 0 is a scalar of size 1.
class Shape {
public:
    Shape() = default;

    /// Throws when there are too many axes, a size is negative, or the product overflows.
    Shape(std::initializer_list<std::int64_t> sizes)
        : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}

    explicit Shape(std::span<const std::int64_t> sizes) {
        require(sizes.size() <= max_rank, "shape", "got ", sizes.size(), " axes, expected at most ",
                max_rank);
        rank_ = static_cast<int>(sizes.size());
        std::int64_t product = 1;
        for (int axis = 0; axis < rank_; ++axis) {
            const std::int64_t size = sizes[static_cast<std::size_t>(axis)];
            require(size >= 0, "shape", "axis ", axis, " has size ", size, ", expected at least 0");
            require(size == 0 || product <= (std::int64_t{1} << 62) / size, "shape",
                    "the number of elements overflows at axis ", axis, " of size ", size);
            product *= size;
            size_[axis] = size;
        }
    }

    LAFS_HOST_DEVICE int rank() const { return rank_; }

    /// Size of an axis; negative axes count from the last (-1). Not checked: use `axis()` for input.
    LAFS_HOST_DEVICE std::int64_t operator[](int axis) const { return size_[axis < 0 ? axis + rank_ : axis]; }

    /// Turns a possibly negative axis into 0..rank-1, or throws.
    int axis(int index) const {
        require(index >= -rank_ && index < rank_, "shape", "axis ", index, " of ", *this, ", expected ",
                -rank_, " .. ", rank_ - 1);
        return index < 0 ? index + rank_ : index;
    }

    /// Number of elements.
    LAFS_HOST_DEVICE std::int64_t size() const {
        std::int64_t product = 1;
        for (int axis = 0; axis < rank_; ++axis)
            product *= size_[axis];
        return product;
    }

    /// Number of elements of the axes [begin, end).
    std::int64_t size_between(int begin, int end) const {
        std::int64_t product = 1;
        for (int axis = begin; axis < end; ++axis)
            product *= size_[axis];
        return product;
    }

    /// The same shape with one axis of another size.
    Shape with(int index, std::int64_t size) const {
        Shape result = *this;
        result.size_[axis(index)] = size;
        return result;
    }

    /// The same shape without one axis.
    Shape without(int index) const {
        const int removed = axis(index);
        Shape result;
        for (int i = 0; i < rank_; ++i)
            if (i != removed)
                result.size_[result.rank_++] = size_[i];
        return result;
    }

    std::span<const std::int64_t> sizes() const { return {size_, static_cast<std::size_t>(rank_)}; }

    friend bool operator==(const Shape& a, const Shape& b) {
        if (a.rank_ != b.rank_)
            return false;
        for (int i = 0; i < a.rank_; ++i)
            if (a.size_[i] != b.size_[i])
                return false;
        return true;
    }

    friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
        out << '(';
        for (int i = 0; i < shape.rank_; ++i)
            out << (i ? ", " : "") << shape.size_[i];
        return out << (shape.rank_ == 1 ? ",)" : ")");
    }

private:
    std::int64_t size_[max_rank] = {};
    int rank_ = 0;
};

/// The shape two operands broadcast to (NumPy's rule: aligned at the last axis, sizes equal or 1).
inline Shape broadcast(const Shape& a, const Shape& b) {
    const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
    std::int64_t sizes[max_rank];
    for (int i = 1; i <= rank; ++i) {
        const std::int64_t x = i <= a.rank() ? a[-i] : 1, y = i <= b.rank() ? b[-i] : 1;
        require(x == y || x == 1 || y == 1, "broadcast", a, " and ", b, ": axis ", -i, " has sizes ", x,
                " and ", y, ", expected equal sizes or 1");
        sizes[rank - i] = x == 1 ? y : x;
    }
    return Shape(std::span<const std::int64_t>(sizes, static_cast<std::size_t>(rank)));
}

}  // namespace lafs::inline LAFS_ABI
