// Evaluation for the length of a scope, in one thread.
#pragma once

#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// While one lives, modules compute in evaluation mode in this thread, whatever their own mode is, and the
/// thread records nothing. The model is not touched, so that many threads may evaluate the same one at a time;
/// naming it says what the scope is for, all modules follow.
template <class T, class D>
class EvaluationScope {
public:
    explicit EvaluationScope(const Module<T, D>&) : before_(std::exchange(detail::evaluating(), true)) {}
    ~EvaluationScope() { detail::evaluating() = before_; }
    EvaluationScope(const EvaluationScope&) = delete;
    EvaluationScope& operator=(const EvaluationScope&) = delete;

private:
    NoGrad nothing_recorded_;
    bool before_;
};

}  // namespace lafs::inline LAFS_ABI
