// Copies between modules: what is refused, and that it is refused before anything is changed; element types; to
// and from every device.
#include <lafs/nn/copy_parameters.hpp>
#include <limits>
#include <string>

#include "device_values.hpp"
#include "temporary_folder.hpp"

using namespace lafs_test;
using lafs::Shape, lafs::Tensor, lafs::Variable;

namespace {

/// Two parameters, a buffer and a count.
template <class T, class D = Device>
struct Small : lafs::Module<T, D> {
    explicit Small(double value, Shape shape = {2, 3}, std::string name = "weight")
        : weight(Tensor<T, D>::full(shape, static_cast<T>(value)), true),
          bias(Tensor<T, D>::full({2}, static_cast<T>(value)), true),
          mean(Tensor<T, D>::full({2}, static_cast<T>(value))),
          first(std::move(name)) {}
    void visit(lafs::Visitor<T, D>& visitor) override {
        visitor.parameter(first, weight);
        visitor.parameter("bias", bias);
        visitor.buffer("mean", mean);
        visitor.counter("seen", seen);
    }
    Variable<T, D> weight, bias;
    Tensor<T, D> mean;
    std::int64_t seen = 0;
    std::string first;
};

template <class T>
void set_element(const DeviceVariable<T>& x, std::int64_t at, T value) {
    const DeviceTensor<T> elements = x.value().reshape({x.value().size()});
    elements.slice(at, at + 1).copy_from(DeviceTensor<T>::full({1}, value));
}

}  // namespace

TEST_CASE("copying parameters refuses modules of another architecture, and changes nothing", "[nn]") {
    Small<float> to(1), wider(3, {2, 4}), renamed(4, {2, 3}, "gain");
    CHECK(message_of([&] { lafs::copy_parameters(wider, to); }) ==
          "[copy parameters] weight: got shape (2, 4), expected (2, 3)");
    CHECK(message_of([&] { lafs::copy_parameters(renamed, to); }) ==
          "[copy parameters] got the tensor gain, expected weight");
    CHECK(to.weight.value().to_vector()[0] == 1.0f);
    CHECK(to.bias.value().to_vector()[0] == 1.0f);
}

TEST_CASE("parameters, buffers and counts are copied, not shared", "[nn]") {
    Small<float> from(2), to(1);
    from.seen = 7;
    lafs::copy_parameters(from, to);
    CHECK(to.weight.value().to_vector()[5] == 2.0f);
    CHECK(to.bias.value().to_vector()[1] == 2.0f);
    CHECK(to.mean.to_vector()[1] == 2.0f);
    CHECK(to.seen == 7);
    set_element(to.weight, 0, 9.0f);
    CHECK(from.weight.value().to_vector()[0] == 2.0f);
}

TEST_CASE("parameters are copied between element types", "[nn]") {
    // 1 + 2^-9 lies between the bfloat16 numbers 1 and 1 + 2^-7.
    Small<double> from(1 + 1.0 / 512, {300, 100});
    set_element(from.weight, 29999, std::numeric_limits<double>::infinity());
    Small<lafs::bfloat16> narrow(0, {300, 100});
    lafs::copy_parameters(from, narrow);
    CHECK(static_cast<float>(narrow.weight.value().to_vector()[0]) == 1.0f);
    CHECK(static_cast<float>(narrow.weight.value().to_vector()[29999]) ==
          std::numeric_limits<float>::infinity());
    CHECK(static_cast<float>(narrow.mean.to_vector()[1]) == 1.0f);
    set_element(narrow.weight, 16385, lafs::bfloat16(-1.5f));
    Small<float> back(0, {300, 100});
    lafs::copy_parameters(narrow, back);
    CHECK(back.weight.value().to_vector()[16385] == -1.5f);
    CHECK(back.weight.value().to_vector()[16384] == 1.0f);
}

TEST_CASE("parameters are copied between devices and element types", "[nn]") {
    const Shape shape{70, 10};
    Small<float, lafs::Cpu> from(0, shape), back(0, shape);
    for (int i = 0; i < 700; ++i)
        from.weight.value().data()[i] = static_cast<float>(i) / 8;
    from.seen = 5;
    Small<lafs::bfloat16> narrow(0, shape);
    Small<double> wide(0, shape);
    lafs::copy_parameters(from, narrow);
    lafs::copy_parameters(narrow, wide);
    lafs::copy_parameters(wide, back);
    for (int i = 0; i < 700; ++i)
        CHECK(back.weight.value().data()[i] == static_cast<float>(lafs::bfloat16(static_cast<float>(i) / 8)));
    CHECK(back.seen == 5);
}
