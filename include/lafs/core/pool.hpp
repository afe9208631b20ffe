// Pooled memory: freed blocks are kept by size class and handed out again, so that the steady state of a
// training step asks the system for nothing.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <lafs/core/device.hpp>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What a pool has done so far.
struct PoolStatistics {
    std::uint64_t system_allocations = 0;  ///< blocks asked from the device, ever
    std::uint64_t requests = 0;            ///< blocks handed out, ever
    std::uint64_t live_bytes = 0;          ///< bytes handed out now
    std::uint64_t peak_bytes = 0;          ///< the largest `live_bytes`
};

/// A thread-safe caching allocator. Blocks are 64-byte aligned; sizes are rounded up to four classes
/// per power of two (at most a quarter is wasted).
template <class Device>
class Pool {
public:
    /// Throws lafs::Error when the device has no memory left.
    void* allocate(std::size_t bytes) {
        const int index = class_of(bytes);
        const std::size_t rounded = class_size(index);
        std::lock_guard lock(mutex_);
        ++statistics_.requests;
        statistics_.live_bytes += rounded;
        if (statistics_.live_bytes > statistics_.peak_bytes)
            statistics_.peak_bytes = statistics_.live_bytes;
        auto& blocks = free_[static_cast<std::size_t>(index)];
        if (!blocks.empty()) {
            void* memory = blocks.back();
            blocks.pop_back();
            return memory;
        }
        return allocate_from_device(rounded);
    }

    /// Takes back a block; `bytes` is what it was allocated with.
    void release(void* memory, std::size_t bytes) noexcept {
        const int index = class_of(bytes);
        std::lock_guard lock(mutex_);
        statistics_.live_bytes -= class_size(index);
        free_[static_cast<std::size_t>(index)].push_back(memory);
    }

    /// Gives every unused block back to the device.
    void trim() {
        std::lock_guard lock(mutex_);
        release_unused();
    }

    PoolStatistics statistics() {
        std::lock_guard lock(mutex_);
        return statistics_;
    }

    /// Starts a new measurement of `peak_bytes`.
    void reset_peak() {
        std::lock_guard lock(mutex_);
        statistics_.peak_bytes = statistics_.live_bytes;
    }

private:
    static constexpr int smallest = 6;  // 64 bytes

    static int class_of(std::size_t bytes) {
        if (bytes <= (std::size_t{1} << smallest))
            return 0;
        const int power =
            static_cast<int>(std::bit_width(bytes - 1)) - 1;  // 2^power < bytes <= 2^(power + 1)
        const std::size_t quarter = std::size_t{1} << (power - 2);
        const auto step = static_cast<int>((bytes - 1 - (std::size_t{1} << power)) / quarter);
        return 4 * (power - smallest) + step + 1;
    }

    static std::size_t class_size(int index) {
        if (index == 0)
            return std::size_t{1} << smallest;
        const int power = (index - 1) / 4 + smallest, step = (index - 1) % 4 + 1;
        const std::size_t size =
            (std::size_t{1} << power) + static_cast<std::size_t>(step) * (std::size_t{1} << (power - 2));
        return (size + 63) / 64 * 64;
    }

    void release_unused() {
        for (auto& blocks : free_) {
            for (void* memory : blocks)
                DeviceMemory<Device>::release(memory);
            blocks.clear();
        }
    }

    void* allocate_from_device(std::size_t bytes) {
        void* memory = DeviceMemory<Device>::allocate(bytes);
        if (!memory) {  // the unused blocks may be what is missing
            release_unused();
            memory = DeviceMemory<Device>::allocate(bytes);
        }
        if (!memory) {
            statistics_.live_bytes -= bytes;
            fail("memory", "no room for ", bytes, " bytes on ", Device::name, " (", statistics_.live_bytes,
                 " in use)");
        }
        ++statistics_.system_allocations;
        return memory;
    }

    std::mutex mutex_;
    std::array<std::vector<void*>, 4 * 42> free_;
    PoolStatistics statistics_;
};

/// The process-wide pool of a device. Never destroyed: tensors may outlive static objects.
template <class Device>
Pool<Device>& pool() {
    static Pool<Device>* instance = new Pool<Device>;
    return *instance;
}

/// Base of small host objects that live in the pool (graph nodes, tensor handles).
struct Pooled {
    static void* operator new(std::size_t bytes) { return pool<Cpu>().allocate(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept {
        pool<Cpu>().release(memory, bytes);
    }
};

/// Standard allocator over the host pool, for containers used in a training step.
template <class T>
struct PoolAllocator {
    using value_type = T;
    PoolAllocator() = default;
    template <class U>
    PoolAllocator(const PoolAllocator<U>&) {}
    T* allocate(std::size_t count) { return static_cast<T*>(pool<Cpu>().allocate(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept { pool<Cpu>().release(memory, count * sizeof(T)); }
    friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

template <class T>
using PoolVector = std::vector<T, PoolAllocator<T>>;

/// Intrusive reference count over pooled objects: `T` derives from `Counted`.
struct Counted : Pooled {
    std::atomic<int> references{0};
};

/// Shared pointer to a `Counted` object; one word, no control block.
template <class T>
class Handle {
public:
    Handle() = default;
    explicit Handle(T* object) : object_(object) { retain(); }
    Handle(const Handle& other) : object_(other.object_) { retain(); }
    Handle(Handle&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    /// The same object, by a base of its type.
    template <class Derived>
    requires(std::is_convertible_v<Derived*, T*> &&
             !std::is_same_v<Derived, T>) explicit Handle(const Handle<Derived>& other)
        : Handle(static_cast<T*>(other.get())) {}
    Handle& operator=(Handle other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Handle() {
        if (object_ && object_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
            destroy(object_);
    }
    T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }
    friend bool operator==(const Handle& a, const Handle& b) { return a.object_ == b.object_; }

private:
    // Apart, or all that an object holds would be taken down in every function that lets go of a handle.
    [[gnu::noinline]] static void destroy(T* object) { delete object; }

    void retain() {
        if (object_)
            object_->references.fetch_add(1, std::memory_order_relaxed);
    }
    T* object_ = nullptr;
};

}  // namespace lafs::inline LAFS_ABI
