// Evaluation for the length of a scope.
#pragma once

#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// While one lives, the module and all below are in evaluation mode and the thread records nothing;
/// afterwards every module is back in its own mode.
template <class T, class D>
class EvaluationScope {
public:
    explicit EvaluationScope(Module<T, D>& model) {
        FunctionVisitor<T, D> visitor;
        visitor.on_module = [this](Module<T, D>& part) { modes_.emplace_back(&part, part.training()); };
        model.visit_as(visitor, "");
        model.eval();
    }
    ~EvaluationScope() {
        for (const auto& [part, training] : modes_)  // parents first: a part's own mode comes last
            part->train(training);
    }
    EvaluationScope(const EvaluationScope&) = delete;
    EvaluationScope& operator=(const EvaluationScope&) = delete;

private:
    NoGrad nothing_recorded_;
    std::vector<std::pair<Module<T, D>*, bool>> modes_;
};

}  // namespace lafs::inline LAFS_ABI
