// The teacher of self-distillation: an exponential moving average of the student (DINO, arXiv 2104.14294).
//
// teacher <- m * teacher + (1 - m) * student, for parameters only, as published: buffers are copied once, at
// the start.
//
// With m = 0.996 a step moves the average by a 250th of its distance to the student, which 16-bit types would
// mostly round away. The average of a 16-bit module is therefore kept in float, and the teacher's parameters
// are its rounded copies.
#pragma once

#include <lafs/backend/cpu/optimizer_step.hpp>
#include <lafs/nn/copy_parameters.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Keeps a teacher as the moving average of a student of the same architecture. Holds handles of the
/// parameters, so both modules may move, but must keep these variables.
template <class T, class D = Cpu>
class EmaTeacher {
public:
    using Number = compute_t<T>;
    static constexpr bool has_masters = !std::is_same_v<T, Number>;

    /// Copies the student to the teacher and freezes the teacher. Throws when their names or shapes differ.
    EmaTeacher(Module<T, D>& student, Module<T, D>& teacher) {
        copy_parameters(student, teacher);
        teacher.requires_grad(false);
        const auto students = student.parameters(), teachers = teacher.parameters();
        for (std::size_t i = 0; i < students.size(); ++i) {
            const auto& [name, parameter] = students[i];
            require(parameter.data() != teachers[i].second.data() || parameter.value().size() == 0, "teacher",
                    name, " is shared by student and teacher, expected two modules");
            pairs_.push_back({name, parameter, teachers[i].second, {}});
            if constexpr (has_masters) {
                pairs_.back().master = Tensor<Number, D>::empty(parameter.shape());
                detail::copy_elements(parameter.value(), pairs_.back().master);
            }
        }
    }

    /// One step of the average, momentum in 0 .. 1 (throws outside): one pass over all parameters, no tape.
    /// Nothing is changed where `guard`, a number on the device, is not finite (see Optimizer::step).
    void update(double momentum, const Tensor<double, D>& guard = {}) const {
        require(momentum >= 0 && momentum <= 1, "teacher", "got the momentum ", momentum,
                ", expected 0 .. 1");
        require(!guard.defined() || guard.size() == 1, "teacher", "got a guard of shape ", guard.shape(),
                ", expected one number");
        using Update = AverageUpdate<Number>;
        PoolVector<StepOf<Update, T>> steps(pairs_.size());
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            const Tensor<T, D>& teacher = pairs_[i].teacher.value();
            steps[i] = {Update(momentum),         teacher.size(),          teacher.data(),
                        pairs_[i].student.data(), pairs_[i].master.data(), {}};
        }
        optimizer_step(D{}, std::span<const StepOf<Update, T>>(steps), guard.data());
        for (const Pair& pair : pairs_)
            pair.teacher.value().note_change();
    }

    /// The averages in float by the parameters' names, to be saved beside a 16-bit teacher, or overwritten by
    /// what was saved; none for float and double, whose teachers are the averages.
    std::vector<std::pair<std::string, Tensor<Number, D>>> averages() const {
        std::vector<std::pair<std::string, Tensor<Number, D>>> found;
        if (has_masters)
            for (const Pair& pair : pairs_)
                found.emplace_back(pair.name, pair.master);
        return found;
    }

private:
    struct Pair {
        std::string name;
        Variable<T, D> student, teacher;
        Tensor<Number, D> master;
    };
    std::vector<Pair> pairs_;
};

}  // namespace lafs::inline LAFS_ABI
