// Optimisers, norms, clipping and the teacher's average on the GPU, against plain loops in double.
#include <lafs/core/counter.hpp>
#include <lafs/cuda.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/sgd.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <limits>

#include "cuda/reference.hpp"
#include "optim/plain_steps.hpp"

namespace {

using lafs::bfloat16;
using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;
using lafs_test::Values;

template <class T>
using Parameters = lafs::NamedParameters<T, Cuda>;

/// One group of all parameters.
template <class T>
std::vector<lafs::ParameterGroup<T, Cuda>> group(const Parameters<T>& parameters) {
    return {{parameters, 1, 1}};
}

/// Values of a parameter (seed 0) or of its gradient in a step, exact in every type.
Tensor<double> values(const Shape& shape, std::uint64_t seed) {
    return lafs_test::exact<bfloat16>(lafs::uniform_tensor(shape, seed, -2.0, 2.0));
}

/// Parameters of these shapes.
template <class T>
Parameters<T> parameters_of(const std::vector<Shape>& shapes) {
    Parameters<T> parameters;
    for (const Shape& shape : shapes)
        parameters.emplace_back(std::to_string(parameters.size()),
                                Variable<T, Cuda>(lafs_test::on_gpu<T>(values(shape, 0)), true));
    return parameters;
}

/// Gradients of a step. Every second one begins one element behind the start of its memory, so that it is
/// not aligned.
template <class T>
void set_gradients(const Parameters<T>& parameters, std::uint64_t seed) {
    bool shifted = false;
    for (const auto& [name, parameter] : parameters) {
        const auto gradient = lafs_test::on_gpu<T>(values(parameter.shape(), seed));
        if (!shifted) {
            parameter.set_grad(gradient);
        } else {
            const auto longer = Tensor<T, Cuda>::empty({gradient.size() + 1});
            const auto behind = longer.slice(1, longer.size()).reshape(parameter.shape());
            behind.copy_from(gradient);
            parameter.set_grad(behind);
        }
        shifted = !shifted;
    }
}

/// Three steps of a GPU's optimiser and of plain forms on parameters of some shapes.
template <class Kind, class T, class Plain>
void check_steps(const std::vector<Shape>& shapes, const Plain& plain, double tolerance) {
    const auto run = [&] {
        const auto parameters = parameters_of<T>(shapes);
        Kind optimizer(group(parameters));
        for (std::uint64_t step = 1; step <= 3; ++step) {
            set_gradients(parameters, step);
            optimizer.step(0.01, 0.1);
        }
        std::vector<std::vector<T>> results;
        for (const auto& [name, parameter] : parameters)
            results.push_back(parameter.value().to_vector());
        return results;
    };
    const auto got = lafs_test::repeated(run);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        Values expected = values(shapes[i], 0).to_vector();
        Plain own = plain;
        for (std::uint64_t step = 1; step <= 3; ++step)
            own.step(expected, values(shapes[i], step).to_vector(), 0.01, 0.1);
        lafs_test::check_close(got[i], expected, tolerance);
    }
}

const std::vector<Shape> few_shapes = {{1, 1}, {3, 5}, {2, 2500}, {7, 4}, {1, 0}, {2, 2048}};

template <class T>
struct Single : lafs::Module<T, Cuda> {
    explicit Single(const Tensor<double>& from) : weight(lafs_test::on_gpu<T>(from), true) {}
    void visit(lafs::Visitor<T, Cuda>& visitor) override { visitor.parameter("weight", weight); }
    Variable<T, Cuda> weight;
};

}  // namespace

TEST_CASE("cuda optimiser steps agree with plain loops", "[cuda]") {
    using lafs_test::PlainAdamW, lafs_test::PlainLars, lafs_test::PlainSgd;
    check_steps<lafs::AdamW<float, Cuda>, float>(few_shapes, PlainAdamW{}, 1e-6);
    check_steps<lafs::AdamW<double, Cuda>, double>(few_shapes, PlainAdamW{}, 1e-13);
    check_steps<lafs::Sgd<float, Cuda>, float>(few_shapes, PlainSgd{false, {}}, 1e-6);
    check_steps<lafs::Lars<float, Cuda>, float>(few_shapes, PlainLars{}, 1e-6);
    check_steps<lafs::Lars<double, Cuda>, double>(few_shapes, PlainLars{}, 1e-13);
}

TEST_CASE("cuda: more tensors than fit one launch", "[cuda]") {
    check_steps<lafs::AdamW<float, Cuda>, float>(std::vector<Shape>(100, {1, 3}), lafs_test::PlainAdamW{},
                                                 1e-6);
}

TEST_CASE("cuda: a step is one launch for all parameters", "[cuda]") {
    const auto parameters = parameters_of<float>(few_shapes);
    lafs::AdamW<float, Cuda> optimizer(group(parameters));
    set_gradients(parameters, 1);
    const auto before = lafs::kernel_launches().load();
    optimizer.step(0.01, 0.1);
    CHECK(lafs::kernel_launches() - before == 1);
}

TEMPLATE_TEST_CASE("cuda norms and clipping", "[cuda]", float, double, bfloat16) {
    const std::vector<Shape> shapes = {{3}, {33001}, {0}, {41}, {2, 8192}};
    const auto parameters = parameters_of<TestType>(shapes);
    const bool each = GENERATE(true, false);
    set_gradients(parameters, 1);
    std::vector<double> norms;
    double total = 0;
    for (const Shape& shape : shapes) {
        double sum = 0;
        for (const double x : values(shape, 1).to_vector())
            sum += x * x;
        norms.push_back(std::sqrt(sum));
        total += sum;
    }
    total = std::sqrt(total);
    CHECK(lafs_test::repeated([&] { return gradient_norm(parameters).item(); }) ==
          Approx(total).epsilon(1e-13));
    const double largest = each ? 5.0 : 50.0;
    CHECK((each ? clip_each(parameters, largest) : clip_global(parameters, largest)).item() ==
          Approx(total).epsilon(1e-13));
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const double factor = std::min(1.0, largest / ((each ? norms[i] : total) + 1e-6));
        Values expected = values(shapes[i], 1).to_vector();
        for (double& x : expected)
            x *= factor;
        lafs_test::check_close(parameters[i].second.grad().to_vector(), expected,
                               sizeof(TestType) == 2 ? 4e-3 : 1e-6);
    }
}

TEST_CASE("cuda norms of very many gradients, and of none", "[cuda]") {
    Parameters<float> parameters;
    for (int i = 0; i < 500; ++i) {
        parameters.emplace_back(std::to_string(i),
                                Variable<float, Cuda>(Tensor<float, Cuda>::zeros({1}), true));
        if (i % 3 != 0)
            parameters.back().second.set_grad(Tensor<float, Cuda>::full({1}, 2.0f));
    }
    CHECK(gradient_norm(parameters).item() == Approx(std::sqrt(333 * 4.0)));
    CHECK(gradient_norm(Parameters<float>{}).item() == 0);
}

TEST_CASE("cuda: a norm that is not finite stops clipping, the step and the average", "[cuda]") {
    const auto parameters = parameters_of<float>({{2, 5}, {3}});
    const auto start = parameters[0].second.value().to_vector();
    lafs::AdamW<float, Cuda> optimizer(group(parameters));
    Single<float> student(values({4}, 1)), teacher(values({4}, 2));
    const lafs::EmaTeacher<float, Cuda> average(student, teacher);
    student.weight.value().copy_from(lafs_test::on_gpu<float>(values({4}, 3)));
    set_gradients(parameters, 1);
    const auto gradient = parameters[0].second.grad().to_vector();
    parameters[1].second.set_grad(Tensor<float, Cuda>::full({3}, std::numeric_limits<float>::infinity()));

    const auto norm = clip_each(parameters, 0.1);
    optimizer.step(0.01, 0.1, norm);
    average.update(0.5, norm);
    CHECK_FALSE(std::isfinite(norm.item()));
    CHECK(parameters[0].second.grad().to_vector() == gradient);
    CHECK(parameters[0].second.value().to_vector() == start);
    CHECK(optimizer.state().tensors[0].second.to_vector() == std::vector<float>(10, 0.0f));
    lafs_test::check_close(teacher.weight.value().to_vector(), values({4}, 1).to_vector(), 1e-7);

    parameters[1].second.zero_grad();
    optimizer.step(0.01, 0.1, gradient_norm(parameters));
    CHECK(parameters[0].second.value().to_vector() != start);
}

TEST_CASE("cuda: a teacher is the moving average of its student", "[cuda]") {
    const auto first = values({5000}, 1), second = values({5000}, 2);
    Single<float> student(first), teacher(second);
    const lafs::EmaTeacher<float, Cuda> average(student, teacher);
    student.weight.value().copy_from(lafs_test::on_gpu<float>(second));
    average.update(0.75);
    Values expected;
    for (std::int64_t i = 0; i < first.size(); ++i)
        expected.push_back(0.75 * first.data()[i] + 0.25 * second.data()[i]);
    lafs_test::check_close(teacher.weight.value().to_vector(), expected, 1e-7);
}

TEST_CASE("cuda: masters and averages of bfloat16 do not lose small steps", "[cuda]") {
    const Tensor<double> start = Tensor<double>::full({2, 9}, 1.0);
    Single<bfloat16> student(start), teacher(start);
    const lafs::EmaTeacher<bfloat16, Cuda> average(student, teacher);
    lafs::Sgd<bfloat16, Cuda> optimizer(group(Parameters<bfloat16>(student.parameters())), {0.0, false});
    student.weight.set_grad(lafs_test::on_gpu<bfloat16>(Tensor<double>::full({2, 9}, -1.0)));
    double p = 1, m = 1;
    for (int step = 0; step < 30; ++step) {  // a step of 0.001 is an eighth of what bfloat16 resolves at 1
        optimizer.step(0.001, 0.0);
        average.update(0.9);
        p += 0.001;
        m = 0.9 * m + 0.1 * static_cast<float>(bfloat16(static_cast<float>(p)));
    }
    const auto state = optimizer.state();
    REQUIRE(state.tensors[1].first == "weight.master");
    const auto master = state.tensors[1].second.to_vector(), mean = average.averages()[0].second.to_vector();
    lafs_test::check_close(master, Values(18, p), 1e-6);
    lafs_test::check_close(mean, Values(18, m), 1e-6);
    const auto rounded = student.weight.value().to_vector(),
               rounded_mean = teacher.weight.value().to_vector();
    for (std::size_t i = 0; i < 18; ++i) {
        CHECK(rounded[i].bits == bfloat16(master[i]).bits);
        CHECK(rounded_mean[i].bits == bfloat16(mean[i]).bits);
    }
}

TEST_CASE("cuda: modules are copied between devices and element types", "[cuda]") {
    struct Host : lafs::Module<float> {
        Variable<float> weight{Tensor<float>::zeros({700}), true};
        void visit(lafs::Visitor<float, lafs::Cpu>& visitor) override { visitor.parameter("weight", weight); }
    } from, back;
    for (int i = 0; i < 700; ++i)
        from.weight.value().data()[i] = static_cast<float>(i) / 8;
    Single<bfloat16> narrow(Tensor<double>::zeros({700}));
    Single<double> wide(Tensor<double>::zeros({700}));
    copy_parameters(from, narrow);
    copy_parameters(narrow, wide);
    copy_parameters(wide, back);
    for (int i = 0; i < 700; ++i)
        CHECK(back.weight.value().data()[i] == static_cast<float>(bfloat16(static_cast<float>(i) / 8)));
}
