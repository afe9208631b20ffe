// Tensors: owning, contiguous, row-major handles; and views: trivially copyable, strided, not owning.
//
// Copying a Tensor copies the handle, both name the same memory (as in NumPy and PyTorch); `clone` copies
// the elements. Reshapes and slices of the first axis share memory. Memory is pooled and 64-byte aligned.
//
// Memory counts the changes that are made through the library (`copy_from`, `zero`, `assign`, `accumulate`,
// steps of optimisers), so that autograd finds a value that was changed after it was used. What is written
// through `data()` and `span()` is not counted: call `note_change()` after it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <lafs/core/pool.hpp>
#include <lafs/core/shape.hpp>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How often memory was changed in place.
using ChangeCount = std::atomic<std::uint32_t>;

/// Where elements lie: pointer, sizes and strides in elements (0 repeats an axis). Owns nothing.
template <class T>
struct View {
    T* data = nullptr;
    Shape shape;
    std::int64_t stride[max_rank] = {};
    ChangeCount* changes = nullptr;  ///< of a tensor's memory; on the host, null for other memory

    View() = default;

    /// A contiguous, row-major view.
    View(T* memory, const Shape& sizes) : data(memory), shape(sizes) {
        std::int64_t step = 1;
        for (int axis = sizes.rank() - 1; axis >= 0; --axis) {
            stride[axis] = step;
            step *= sizes[axis];
        }
    }

    /// The same elements with the axes in another order: axis i of the result is axis order[i] of this.
    View permute(std::initializer_list<int> order) const {
        require(static_cast<int>(order.size()) == shape.rank(), "permute", "got ", order.size(), " axes for ",
                shape);
        View result = *this;
        unsigned used = 0;
        int axis = 0;
        for (const int from : order) {
            const int source = shape.axis(from);
            used |= 1u << source;
            result.shape = result.shape.with(axis, shape[source]);
            result.stride[axis++] = stride[source];
        }
        require(used + 1 == 1u << shape.rank(), "permute", "an axis of ", shape, " is named twice");
        return result;
    }

    /// Elements [begin, end) of one axis.
    View narrow(int axis_index, std::int64_t begin, std::int64_t end) const {
        const int axis = shape.axis(axis_index);
        require(begin >= 0 && begin <= end && end <= shape[axis], "narrow", "got [", begin, ", ", end,
                ") of axis ", axis, " of ", shape);
        View result = *this;
        result.data += begin * stride[axis];
        result.shape = shape.with(axis, end - begin);
        return result;
    }

    template <class U>
    requires(std::is_same_v<U, const T> && !std::is_const_v<T>) operator View<U>() const {
        View<U> result;
        result.data = data;
        result.shape = shape;
        for (int i = 0; i < max_rank; ++i)
            result.stride[i] = stride[i];
        result.changes = changes;
        return result;
    }

    /// To be called by what writes the elements.
    void note_change() const {
        if (changes)
            changes->fetch_add(1, std::memory_order_relaxed);
    }
};

/// A pooled block of device memory, shared by the tensors that name it.
template <class Device>
struct Storage : Counted {
    explicit Storage(std::size_t size) : bytes(size), memory(pool<Device>().allocate(size)) {}
    ~Storage() { pool<Device>().release(memory, bytes); }
    Storage(const Storage&) = delete;
    Storage& operator=(const Storage&) = delete;

    std::size_t bytes;
    void* memory;
    ChangeCount changes{0};
};

/// Owning, contiguous, row-major tensor of `T` on `Device`. See the top of the file for its semantics.
template <class T, class Device = Cpu>
class Tensor {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    using value_type = T;
    using device_type = Device;

    /// An undefined tensor, as one that was moved from: no memory and no elements. What needs elements throws.
    Tensor() = default;
    Tensor(const Tensor&) = default;
    Tensor& operator=(const Tensor&) = default;
    Tensor(Tensor&& other) noexcept
        : storage_(std::move(other.storage_)),
          offset_(std::exchange(other.offset_, 0)),
          shape_(std::exchange(other.shape_, Shape())) {}
    Tensor& operator=(Tensor&& other) noexcept {
        storage_ = std::move(other.storage_);
        offset_ = std::exchange(other.offset_, 0);
        shape_ = std::exchange(other.shape_, Shape());
        return *this;
    }
    ~Tensor() = default;

    /// Memory with arbitrary content.
    static Tensor empty(const Shape& shape) {
        Tensor result;
        result.storage_ =
            Handle<Storage<Device>>(new Storage<Device>(static_cast<std::size_t>(shape.size()) * sizeof(T)));
        result.shape_ = shape;
        return result;
    }

    static Tensor zeros(const Shape& shape) {
        Tensor result = empty(shape);
        result.zero();
        return result;
    }

    static Tensor full(const Shape& shape, T value) {
        Tensor result = empty(shape);
        DeviceMemory<Device>::fill(result.data(), static_cast<std::size_t>(shape.size()), value);
        return result;
    }

    /// Copies host values. Throws when their number is not the shape's.
    static Tensor from(const Shape& shape, std::span<const T> values) {
        require(static_cast<std::int64_t>(values.size()) == shape.size(), "tensor", "got ", values.size(),
                " values for shape ", shape, ", expected ", shape.size());
        Tensor result = empty(shape);
        DeviceMemory<Device>::from_host(result.data(), values.data(), values.size_bytes());
        return result;
    }
    static Tensor from(const Shape& shape, const std::vector<T>& values) {
        return from(shape, std::span<const T>(values));
    }
    static Tensor from(const Shape& shape, std::initializer_list<T> values) {
        return from(shape, std::span<const T>(values.begin(), values.size()));
    }

    bool defined() const { return static_cast<bool>(storage_); }
    const Shape& shape() const { return shape_; }
    /// Size of an axis; negative ones count from the last. Throws for an axis that is none.
    std::int64_t shape(int axis) const { return shape_[shape_.axis(axis)]; }
    std::int64_t size() const { return storage_ ? shape_.size() : 0; }
    int rank() const { return shape_.rank(); }

    /// Null when undefined.
    T* data() const { return storage_ ? static_cast<T*>(storage_->memory) + offset_ : nullptr; }
    View<T> view() const {
        require_defined("view");
        View<T> result(data(), shape_);
        result.changes = &storage_->changes;
        return result;
    }
    std::span<T> span() const requires(std::is_same_v<Device, Cpu>) {
        require_defined("span");
        return {data(), static_cast<std::size_t>(size())};
    }

    /// Tells autograd that the elements were changed through `data()` or `span()`.
    void note_change() const {
        require_defined("note_change");
        storage_->changes.fetch_add(1, std::memory_order_relaxed);
    }
    /// How often the memory, which other tensors may share, was changed; see the top of the file.
    std::uint32_t changes() const { return storage_ ? storage_->changes.load(std::memory_order_relaxed) : 0; }

    /// The element at one index for each axis, to be read or written; negative ones count from the end. Throws
    /// outside of the tensor.
    template <std::integral... Index>
    T& at(Index... index) const requires(std::is_same_v<Device, Cpu>) {
        require_defined("at");
        require(sizeof...(index) == static_cast<std::size_t>(rank()), "at", "got ", sizeof...(index),
                " indices for ", shape_);
        std::int64_t place = 0;
        int axis = 0;
        ((place = place * shape_[axis] + index_on(axis, static_cast<std::int64_t>(index)), ++axis), ...);
        return data()[place];
    }

    /// What stands at one index of the first axis, sharing memory: a row of a matrix. Throws outside.
    Tensor operator[](std::int64_t index) const {
        require(rank() > 0, "index", "got the index ", index, " of a tensor without axes");
        const std::int64_t place = index_on(0, index);
        Tensor result = slice(place, place + 1);
        result.shape_ = shape_.without(0);
        return result;
    }

    /// The same elements in another shape; one size may be -1 and is worked out.
    Tensor reshape(std::initializer_list<std::int64_t> sizes) const {
        require_defined("reshape");
        require(sizes.size() <= max_rank, "reshape", "got ", sizes.size(), " axes, expected at most ",
                max_rank);
        std::int64_t known = 1, resolved[max_rank], *free = nullptr;
        std::size_t rank = 0;
        for (const std::int64_t size : sizes) {
            resolved[rank] = size;
            if (size == -1 && !free)
                free = &resolved[rank];
            else
                known *= size;
            ++rank;
        }
        if (free)
            *free = known ? size() / known : 0;
        return reshape(Shape(std::span<const std::int64_t>(resolved, rank)));
    }
    Tensor reshape(const Shape& shape) const {
        require_defined("reshape");
        require(shape.size() == size(), "reshape", shape_, " to ", shape, ": ", size(),
                " elements, expected ", shape.size());
        Tensor result = *this;
        result.shape_ = shape;
        return result;
    }

    /// Elements [begin, end) of the first axis, sharing memory.
    Tensor slice(std::int64_t begin, std::int64_t end) const {
        require_defined("slice");
        require(rank() > 0 && begin >= 0 && begin <= end && end <= shape_[0], "slice", "got [", begin, ", ",
                end, ") of ", shape_);
        Tensor result = *this;
        result.offset_ += begin * (shape_.size_between(1, rank()));
        result.shape_ = shape_.with(0, end - begin);
        return result;
    }

    Tensor clone() const {
        require_defined("clone");
        Tensor result = empty(shape_);
        DeviceMemory<Device>::copy(result.data(), data(), bytes());
        return result;
    }

    /// Overwrites the elements with those of a tensor of the same shape.
    void copy_from(const Tensor& other) const {
        require_defined("copy");
        other.require_defined("copy");
        require(other.shape_ == shape_, "copy", "got ", other.shape_, ", expected ", shape_);
        DeviceMemory<Device>::copy(data(), other.data(), bytes());
        note_change();
    }

    void zero() const {
        require_defined("zero");
        DeviceMemory<Device>::zero(data(), bytes());
        note_change();
    }

    /// A copy on another device.
    template <class Other>
    Tensor<T, Other> to() const {
        require_defined("to");
        auto result = Tensor<T, Other>::empty(shape_);
        if constexpr (std::is_same_v<Device, Cpu>)
            DeviceMemory<Other>::from_host(result.data(), data(), bytes());
        else if constexpr (std::is_same_v<Other, Cpu>)
            DeviceMemory<Device>::to_host(result.data(), data(), bytes());
        else
            DeviceMemory<Device>::copy(result.data(), data(), bytes());
        return result;
    }

    std::vector<T> to_vector() const {
        require_defined("to_vector");
        std::vector<T> values(static_cast<std::size_t>(size()));
        if (!values.empty())
            DeviceMemory<Device>::to_host(values.data(), data(), bytes());
        return values;
    }

    /// The value of a tensor of one element. Throws otherwise.
    T item() const {
        require_defined("item");
        require(size() == 1, "item", "got shape ", shape_, ", expected one element");
        T value;
        DeviceMemory<Device>::to_host(&value, data(), sizeof(T));
        return value;
    }

private:
    void require_defined(const char* operation) const {
        require(defined(), operation,
                "got an undefined tensor (never given a value, or moved from), expected one with elements");
    }
    std::size_t bytes() const { return static_cast<std::size_t>(size()) * sizeof(T); }

    /// A possibly negative index on an axis as one from 0 on, or throws.
    std::int64_t index_on(int axis, std::int64_t index) const {
        const std::int64_t size = shape_[axis];
        require(index >= -size && index < size, "index", "got ", index, " on axis ", axis, " of ", shape_,
                ", expected ", -size, " .. ", size - 1);
        return index < 0 ? index + size : index;
    }

    Handle<Storage<Device>> storage_;
    std::int64_t offset_ = 0;
    Shape shape_;
};

/// The elements where the host can read them: the tensor itself on the CPU, else a copy.
template <class T, class Device>
Tensor<T> on_host(const Tensor<T, Device>& tensor) {
    if constexpr (std::is_same_v<Device, Cpu>)
        return tensor;
    else
        return tensor.template to<Cpu>();
}

}  // namespace lafs::inline LAFS_ABI
