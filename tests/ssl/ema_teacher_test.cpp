// The teacher: its start, steps against the formula, the guard, averages of 16-bit modules; on every device.
#include <cmath>
#include <lafs/core/counter.hpp>
#include <lafs/nn/module.hpp>
#include <lafs/ssl/ema_teacher.hpp>
#include <string>

#include "device_values.hpp"

using namespace lafs_test;
using lafs::Shape;

namespace {

/// Two parameters and a buffer.
template <class T>
struct Small : lafs::Module<T, Device> {
    explicit Small(T value, Shape shape = {2, 3}, std::string name = "weight")
        : weight(DeviceTensor<T>::full(shape, value), true),
          bias(DeviceTensor<T>::from({2}, {value, value + 1}), true),
          mean(DeviceTensor<T>::full({2}, value)),
          first(std::move(name)) {}
    void visit(lafs::Visitor<T, Device>& visitor) override {
        visitor.parameter(first, weight);
        visitor.parameter("bias", bias);
        visitor.buffer("mean", mean);
    }
    DeviceVariable<T> weight, bias;
    DeviceTensor<T> mean;
    std::string first;
};

}  // namespace

TEST_CASE("the teacher starts as the frozen student and follows as a moving average", "[ssl]") {
    Small<double> student(1.0), teacher(7.0);
    const lafs::EmaTeacher average(student, teacher);
    CHECK(teacher.weight.value().to_vector()[5] == 1.0);
    CHECK(teacher.bias.value().to_vector()[1] == 2.0);
    CHECK(teacher.mean.to_vector()[0] == 1.0);
    CHECK_FALSE(teacher.weight.requires_grad());
    CHECK(student.weight.requires_grad());

    const auto trained = DeviceTensor<double>::from({2, 3}, {0, 1, 2, 3, 4, 5});
    student.weight.value().copy_from(trained);
    student.mean.copy_from(DeviceTensor<double>::full({2}, 5.0));
    average.update(0.75);
    CHECK(teacher.weight.value().to_vector() == std::vector<double>{0.75, 1, 1.25, 1.5, 1.75, 2});
    CHECK(student.weight.value().to_vector() == trained.to_vector());
    average.update(0.5);
    CHECK(teacher.weight.value().to_vector()[4] == 0.5 * 1.75 + 0.5 * 4);
    CHECK(teacher.bias.value().to_vector()[0] == 1.0);
    CHECK(teacher.mean.to_vector()[0] == 1.0);  // buffers are not averaged
    average.update(1.0);
    CHECK(teacher.weight.value().to_vector()[4] == 2.875);
    average.update(0.0);
    CHECK(teacher.weight.value().to_vector()[4] == 4.0);
    CHECK_THROWS_AS(average.update(1.5), lafs::Error);
    CHECK_THROWS_AS(average.update(std::nan("")), lafs::Error);
}

TEST_CASE("a step of the teacher is one pass over all parameters", "[ssl]") {
    Small<float> student(1.0f, {17, 1000}), teacher(2.0f, {17, 1000});
    const lafs::EmaTeacher average(student, teacher);
    const auto trained = normal<float>({17, 1000}, 1);
    student.weight.value().copy_from(trained);
    const auto before = lafs::kernel_launches().load();
    average.update(0.996);
    CHECK(lafs::kernel_launches().load() - before == 1);
    std::vector<double> expected;
    for (const float x : trained.to_vector())
        expected.push_back(0.996 + 0.004 * static_cast<double>(x));
    check_close(teacher.weight.value().to_vector(), expected, 1e-7);
}

TEST_CASE("a teacher is a module of its own", "[ssl]") {
    Small<float> student(1.0f);
    CHECK_THROWS_AS(lafs::EmaTeacher(student, student), lafs::Error);
}

TEST_CASE("a guard that is not finite stops the average", "[ssl]") {
    const double number = GENERATE(1.0, std::nan(""), HUGE_VAL);
    Small<float> student(1.0f), teacher(2.0f);
    const lafs::EmaTeacher average(student, teacher);
    student.weight.value().copy_from(DeviceTensor<float>::full({2, 3}, 3.0f));
    average.update(0.5, DeviceTensor<double>::full({}, number));
    CHECK(teacher.weight.value().to_vector()[0] == (number == 1.0 ? 2.0f : 1.0f));
    CHECK_THROWS_AS(average.update(0.5, DeviceTensor<double>::zeros({2})), lafs::Error);
}

TEST_CASE("the average of a bfloat16 module is kept in float", "[ssl]") {
    using lafs::bfloat16;
    struct Single : lafs::Module<bfloat16, Device> {
        DeviceVariable<bfloat16> weight{DeviceTensor<bfloat16>::full({3, 7}, bfloat16(1.0f)), true};
        void visit(lafs::Visitor<bfloat16, Device>& visitor) override { visitor.parameter("weight", weight); }
    } student, teacher;
    const lafs::EmaTeacher<bfloat16, Device> average(student, teacher);
    student.weight.value().copy_from(DeviceTensor<bfloat16>::full({3, 7}, bfloat16(1.25f)));
    double expected = 1.0;
    // The first step moves by 0.001, an eighth of the distance of bfloat16.
    for (int step = 0; step < 200; ++step) {
        average.update(0.996);
        expected = 0.996 * expected + 0.004 * 1.25;
    }
    const auto averages = average.averages();
    REQUIRE(averages.size() == 1);
    CHECK(averages[0].first == "weight");
    const float last = averages[0].second.to_vector()[20];
    CHECK(last == Approx(expected).epsilon(1e-5));
    const auto rounded = bfloat16(last);
    CHECK(teacher.weight.value().to_vector()[20].bits == rounded.bits);
    CHECK(static_cast<float>(rounded) > 1.1f);

    Small<float> wide(1.0f), wide_teacher(1.0f);
    CHECK(lafs::EmaTeacher(wide, wide_teacher).averages().empty());
}
