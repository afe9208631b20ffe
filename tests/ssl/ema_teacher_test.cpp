#include <cmath>
#include <lafs/core/counter.hpp>
#include <lafs/nn/module.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <string>

#include "catch.hpp"

using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;

namespace {

/// Two parameters and a buffer.
template <class T>
struct Small : lafs::Module<T> {
    explicit Small(T value, Shape shape = {2, 3}, std::string name = "weight")
        : weight(Tensor<T>::full(shape, value), true),
          bias(Tensor<T>::from({2}, {value, value + 1}), true),
          mean(Tensor<T>::full({2}, value)),
          first(std::move(name)) {}
    void visit(lafs::Visitor<T, lafs::Cpu>& visitor) override {
        visitor.parameter(first, weight);
        visitor.parameter("bias", bias);
        visitor.buffer("mean", mean);
    }
    Variable<T> weight, bias;
    Tensor<T> mean;
    std::string first;
};

std::string message(auto function) {
    try {
        function();
    } catch (const lafs::Error& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the teacher starts as the frozen student and follows as a moving average", "[ssl]") {
    Small<double> student(1.0), teacher(7.0);
    const lafs::EmaTeacher average(student, teacher);
    CHECK(teacher.weight.value().data()[5] == 1.0);
    CHECK(teacher.bias.value().data()[1] == 2.0);
    CHECK(teacher.mean.data()[0] == 1.0);
    CHECK_FALSE(teacher.weight.requires_grad());
    CHECK(student.weight.requires_grad());

    for (int i = 0; i < 6; ++i)
        student.weight.value().data()[i] = i;
    student.mean.data()[0] = 5.0;
    average.update(0.75);
    for (int i = 0; i < 6; ++i) {
        CHECK(teacher.weight.value().data()[i] == 0.75 + 0.25 * i);
        CHECK(student.weight.value().data()[i] == i);
    }
    average.update(0.5);
    CHECK(teacher.weight.value().data()[4] == 0.5 * 1.75 + 0.5 * 4);
    CHECK(teacher.bias.value().data()[0] == 1.0);
    CHECK(teacher.mean.data()[0] == 1.0);  // buffers are not averaged
    average.update(1.0);
    CHECK(teacher.weight.value().data()[4] == 2.875);
    average.update(0.0);
    CHECK(teacher.weight.value().data()[4] == 4.0);
    CHECK_THROWS_AS(average.update(1.5), lafs::Error);
    CHECK_THROWS_AS(average.update(std::nan("")), lafs::Error);
}

TEST_CASE("a step of the teacher is one pass over each parameter", "[ssl]") {
    Small<float> student(1.0f, {17, 1000}), teacher(2.0f, {17, 1000});
    const lafs::EmaTeacher average(student, teacher);
    student.weight.value().data()[16999] = 3.0f;
    const auto before = lafs::kernel_launches().load();
    average.update(0.996);
    CHECK(lafs::kernel_launches().load() - before == 2);
    CHECK(teacher.weight.value().data()[0] == Approx(1.0f));
    CHECK(teacher.weight.value().data()[16999] == Approx(1.008f));
}

TEST_CASE("copying parameters refuses modules of another architecture, and changes nothing", "[ssl]") {
    Small<float> student(1.0f), teacher(2.0f), wider(3.0f, {2, 4}), renamed(4.0f, {2, 3}, "gain");
    CHECK(message([&] { lafs::copy_parameters(wider, student); }).find("weight") != std::string::npos);
    CHECK(message([&] { lafs::copy_parameters(wider, student); }).find("(2, 4)") != std::string::npos);
    CHECK(message([&] { lafs::copy_parameters(renamed, student); }).find("gain") != std::string::npos);
    CHECK(student.weight.value().data()[0] == 1.0f);
    CHECK(student.bias.value().data()[0] == 1.0f);
    CHECK_THROWS_AS(lafs::EmaTeacher(student, student), lafs::Error);
    lafs::copy_parameters(teacher, student);
    CHECK(student.weight.value().data()[0] == 2.0f);
    student.weight.value().data()[0] = 9.0f;  // copies, not handles
    CHECK(teacher.weight.value().data()[0] == 2.0f);
}
