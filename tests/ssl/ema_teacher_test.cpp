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

TEST_CASE("a step of the teacher is one pass over all parameters", "[ssl]") {
    Small<float> student(1.0f, {17, 1000}), teacher(2.0f, {17, 1000});
    const lafs::EmaTeacher average(student, teacher);
    student.weight.value().data()[16999] = 3.0f;
    const auto before = lafs::kernel_launches().load();
    average.update(0.996);
    CHECK(lafs::kernel_launches().load() - before == 1);
    CHECK(teacher.weight.value().data()[0] == Approx(1.0f));
    CHECK(teacher.weight.value().data()[16999] == Approx(1.008f));
}

TEST_CASE("a teacher is a module of its own", "[ssl]") {
    Small<float> student(1.0f);
    CHECK_THROWS_AS(lafs::EmaTeacher(student, student), lafs::Error);
}

TEST_CASE("a guard that is not finite stops the average", "[ssl]") {
    const double number = GENERATE(1.0, std::nan(""), HUGE_VAL);
    Small<float> student(1.0f), teacher(2.0f);
    const lafs::EmaTeacher average(student, teacher);
    student.weight.value().data()[0] = 3.0f;
    average.update(0.5, Tensor<double>::full({}, number));
    CHECK(teacher.weight.value().data()[0] == (number == 1.0 ? 2.0f : 1.0f));
    CHECK_THROWS_AS(average.update(0.5, Tensor<double>::zeros({2})), lafs::Error);
}

TEST_CASE("the average of a bfloat16 module is kept in float", "[ssl]") {
    using lafs::bfloat16;
    struct Single : lafs::Module<bfloat16> {
        Variable<bfloat16> weight{Tensor<bfloat16>::full({3, 7}, bfloat16(1.0f)), true};
        void visit(lafs::Visitor<bfloat16, lafs::Cpu>& visitor) override {
            visitor.parameter("weight", weight);
        }
    } student, teacher;
    const lafs::EmaTeacher<bfloat16> average(student, teacher);
    for (int i = 0; i < 21; ++i)
        student.weight.value().data()[i] = bfloat16(1.25f);
    double expected = 1.0;
    for (int step = 0; step < 200;
         ++step) {  // the first moves by 0.001, an eighth of the distance of bfloat16
        average.update(0.996);
        expected = 0.996 * expected + 0.004 * 1.25;
    }
    const auto averages = average.averages();
    REQUIRE(averages.size() == 1);
    CHECK(averages[0].first == "weight");
    CHECK(averages[0].second.data()[20] == Approx(expected).epsilon(1e-5));
    const auto rounded = bfloat16(averages[0].second.data()[20]);
    CHECK(teacher.weight.value().data()[20].bits == rounded.bits);
    CHECK(static_cast<float>(rounded) > 1.1f);

    Small<float> wide(1.0f), wide_teacher(1.0f);
    CHECK(lafs::EmaTeacher(wide, wide_teacher).averages().empty());
}
