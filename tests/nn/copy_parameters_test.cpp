// Copies between modules: what is refused, and that it is refused before anything is changed; element types.
#include <lafs/nn/copy_parameters.hpp>
#include <limits>
#include <string>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;
using lafs_test::message_of;

namespace {

/// Two parameters, a buffer and a count.
template <class T>
struct Small : lafs::Module<T> {
    explicit Small(double value, Shape shape = {2, 3}, std::string name = "weight")
        : weight(Tensor<T>::full(shape, static_cast<T>(value)), true),
          bias(Tensor<T>::full({2}, static_cast<T>(value)), true),
          mean(Tensor<T>::full({2}, static_cast<T>(value))),
          first(std::move(name)) {}
    void visit(lafs::Visitor<T, lafs::Cpu>& visitor) override {
        visitor.parameter(first, weight);
        visitor.parameter("bias", bias);
        visitor.buffer("mean", mean);
        visitor.counter("seen", seen);
    }
    Variable<T> weight, bias;
    Tensor<T> mean;
    std::int64_t seen = 0;
    std::string first;
};

}  // namespace

TEST_CASE("copying parameters refuses modules of another architecture, and changes nothing", "[nn]") {
    Small<float> to(1), wider(3, {2, 4}), renamed(4, {2, 3}, "gain");
    CHECK(message_of([&] { lafs::copy_parameters(wider, to); }) ==
          "[copy parameters] weight: got shape (2, 4), expected (2, 3)");
    CHECK(message_of([&] { lafs::copy_parameters(renamed, to); }) ==
          "[copy parameters] got the tensor gain, expected weight");
    CHECK(to.weight.value().data()[0] == 1.0f);
    CHECK(to.bias.value().data()[0] == 1.0f);
}

TEST_CASE("parameters, buffers and counts are copied, not shared", "[nn]") {
    Small<float> from(2), to(1);
    from.seen = 7;
    lafs::copy_parameters(from, to);
    CHECK(to.weight.value().data()[5] == 2.0f);
    CHECK(to.bias.value().data()[1] == 2.0f);
    CHECK(to.mean.data()[1] == 2.0f);
    CHECK(to.seen == 7);
    to.weight.value().data()[0] = 9.0f;
    CHECK(from.weight.value().data()[0] == 2.0f);
}

TEST_CASE("parameters are copied between element types", "[nn]") {
    // 1 + 2^-9 lies between the bfloat16 numbers 1 and 1 + 2^-7.
    Small<double> from(1 + 1.0 / 512, {300, 100});
    from.weight.value().data()[29999] = std::numeric_limits<double>::infinity();
    Small<lafs::bfloat16> narrow(0, {300, 100});
    lafs::copy_parameters(from, narrow);
    CHECK(static_cast<float>(narrow.weight.value().data()[0]) == 1.0f);
    CHECK(static_cast<float>(narrow.weight.value().data()[29999]) == std::numeric_limits<float>::infinity());
    CHECK(static_cast<float>(narrow.mean.data()[1]) == 1.0f);
    narrow.weight.value().data()[16385] = lafs::bfloat16(-1.5f);
    Small<float> back(0, {300, 100});
    lafs::copy_parameters(narrow, back);
    CHECK(back.weight.value().data()[16385] == -1.5f);
    CHECK(back.weight.value().data()[16384] == 1.0f);
}
