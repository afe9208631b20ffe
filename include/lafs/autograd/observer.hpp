// Who looks on while functions run: the products of the calling thread report to its observer, if it has one, and
// so do modules (nn/module.hpp). Without one a report is the look at a pointer.
#pragma once

#include <cstdint>
#include <lafs/core/shape.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// What is seen of the functions that run in the thread while one is installed (`ObserverScope`).
class Observer {
public:
    virtual ~Observer() = default;
    /// A matrix product, convolution or attention of so many multiplications, each with an addition.
    virtual void product(std::int64_t multiply_adds) = 0;
    /// `forward` of the module at this address begins, and ends with an output.
    virtual void enter(const void* module) = 0;
    virtual void leave(const void* module, const Shape& output) = 0;
};

namespace detail {

inline Observer*& observer() {
    thread_local Observer* current = nullptr;
    return current;
}
inline void report_product(std::int64_t multiply_adds) {
    if (Observer* const current = observer())
        current->product(multiply_adds);
}

}  // namespace detail

/// Installs an observer in the calling thread, in place of any other, for its own length.
class ObserverScope {
public:
    explicit ObserverScope(Observer& observer) : before_(std::exchange(detail::observer(), &observer)) {}
    ~ObserverScope() { detail::observer() = before_; }
    ObserverScope(const ObserverScope&) = delete;
    ObserverScope& operator=(const ObserverScope&) = delete;

private:
    Observer* before_;
};

}  // namespace lafs::inline LAFS_ABI
