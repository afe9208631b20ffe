// The teacher of self-distillation: an exponential moving average of the student (DINO, arXiv 2104.14294).
//
// teacher <- m * teacher + (1 - m) * student, for parameters only, as published: buffers are copied once, at
// the start.
#pragma once

#include <lafs/autograd/expression.hpp>
#include <lafs/core/error.hpp>
#include <lafs/nn/module.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

namespace detail {

/// Throws unless both lists have the same names and shapes in the same order.
template <class Part>
void check_same_parts(const std::vector<std::pair<std::string, Part>>& from,
                      const std::vector<std::pair<std::string, Part>>& to) {
    require(from.size() == to.size(), "copy parameters", "got a module with ", from.size(),
            " tensors, expected ", to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        require(from[i].first == to[i].first, "copy parameters", "got the tensor ", from[i].first,
                ", expected ", to[i].first);
        require(from[i].second.shape() == to[i].second.shape(), "copy parameters", from[i].first,
                ": got shape ", from[i].second.shape(), ", expected ", to[i].second.shape());
    }
}

}  // namespace detail

/// Copies all parameters and buffers from one module to another. Throws, before anything is changed, unless
/// both have the same names and shapes in the same order.
template <class T, class D>
void copy_parameters(Module<T, D>& from, Module<T, D>& to) {
    const auto source = from.parameters(), target = to.parameters();
    const auto source_buffers = from.buffers(), target_buffers = to.buffers();
    detail::check_same_parts(source, target);
    detail::check_same_parts(source_buffers, target_buffers);
    for (std::size_t i = 0; i < source.size(); ++i)
        target[i].second.value().copy_from(source[i].second.value());
    for (std::size_t i = 0; i < source_buffers.size(); ++i)
        target_buffers[i].second.copy_from(source_buffers[i].second);
}

/// Keeps a teacher as the moving average of a student of the same architecture. Holds handles of the
/// parameters, so both modules may move, but must keep these variables.
template <class T, class D = Cpu>
class EmaTeacher {
public:
    /// Copies the student to the teacher and freezes the teacher. Throws when their names or shapes differ.
    EmaTeacher(Module<T, D>& student, Module<T, D>& teacher) {
        copy_parameters(student, teacher);
        teacher.requires_grad(false);
        const auto students = student.parameters(), teachers = teacher.parameters();
        for (std::size_t i = 0; i < students.size(); ++i) {
            require(students[i].second.value().data() != teachers[i].second.value().data() ||
                        students[i].second.value().size() == 0,
                    "teacher", students[i].first, " is shared by student and teacher, expected two modules");
            pairs_.emplace_back(students[i].second, teachers[i].second);
        }
    }

    /// One step of the average, momentum in 0 .. 1 (throws outside): one pass over each parameter, no tape.
    void update(double momentum) const {
        require(momentum >= 0 && momentum <= 1, "teacher", "got the momentum ", momentum,
                ", expected 0 .. 1");
        using Number = compute_t<T>;
        using Node = Apply<Add, Apply<Multiply, Scalar<0>, In<0>>, Apply<Multiply, Scalar<1>, In<1>>>;
        for (const auto& [student, teacher] : pairs_) {
            const View<T> average = teacher.value().view();
            map(D{}, Node{}, average,
                Bound<Node, T, Number>{{average, student.value().view()},
                                       {static_cast<Number>(momentum), static_cast<Number>(1.0 - momentum)}});
        }
    }

private:
    std::vector<std::pair<Variable<T, D>, Variable<T, D>>> pairs_;  // student, teacher
};

}  // namespace lafs::inline LAFS_ABI
