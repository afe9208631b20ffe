// Copies of modules share nothing and keep everything: values, modes, rates, counts; on every device.
#include <lafs/nn/batch_norm2d.hpp>
#include <lafs/nn/conv2d.hpp>
#include <lafs/nn/deep_copy.hpp>
#include <lafs/nn/dropout.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/sequential.hpp>
#include <optional>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

struct Net : Module<float, Device> {
    Conv2d<float, Device> conv{3, 4, 3};
    BatchNorm2d<float, Device> norm{4};
    std::vector<Linear<float, Device>> layers;
    std::optional<Linear<float, Device>> last;
    Dropout<float, Device> drop{0.5};

    Net() {
        layers.emplace_back(4, 5);
        layers.emplace_back(5, 5);
        last.emplace(5, 2);
    }
    void visit(Visitor<float, Device>& visitor) override {
        visitor.child("conv", conv);
        visitor.child("norm", norm);
        for (std::size_t i = 0; i < layers.size(); ++i)
            visitor.child("layers." + std::to_string(i), layers[i]);
        visitor.child("last", *last);
        visitor.child("drop", drop);
    }
};

/// Two layers that share a weight.
struct Tied : Module<float, Device> {
    Linear<float, Device> a{3, 3, false}, b{3, 3, false};
    Tied() { b.weight = a.weight; }
    void visit(Visitor<float, Device>& visitor) override {
        visitor.child("a", a);
        visitor.child("b", b);
    }
};

}  // namespace

TEST_CASE("a deep copy has the values and shares none of them", "[nn]") {
    manual_seed(1);
    Net net;
    net.drop.probability = 0.125;
    net.norm.batches = 7;
    net.norm.running.mean.copy_from(normal<float>({4}, 3));
    net.layers[1].requires_grad(false);
    net.last->eval();
    net.conv.weight.set_grad(normal<float>(net.conv.weight.shape(), 4));
    const std::uint64_t draws = default_generator().take();

    Net copy = deep_copy(net);
    CHECK(default_generator().take() == draws + 1);  // nothing was drawn
    CHECK(copy.drop.probability == 0.125);
    CHECK(copy.norm.batches == 7);
    CHECK(copy.training());
    CHECK(!copy.last->training());
    const auto from = net.parameters(), to = copy.parameters();
    REQUIRE(from.size() == to.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
        INFO(from[i].first);
        CHECK(from[i].first == to[i].first);
        CHECK(from[i].second.value().to_vector() == to[i].second.value().to_vector());
        CHECK(from[i].second.requires_grad() == to[i].second.requires_grad());
        CHECK(from[i].second.data() != to[i].second.data());
        CHECK(!to[i].second.grad().defined());
    }
    CHECK(!to[5].second.requires_grad());
    const auto buffers = net.buffers(), copied = copy.buffers();
    for (std::size_t i = 0; i < buffers.size(); ++i) {
        CHECK(buffers[i].second.to_vector() == copied[i].second.to_vector());
        CHECK(buffers[i].second.data() != copied[i].second.data());
    }
    // Neither follows the other.
    const auto before = copy.conv.weight.value().to_vector();
    net.conv.weight.value().zero();
    net.norm.batches = 8;
    net.eval();
    CHECK(copy.conv.weight.value().to_vector() == before);
    CHECK(copy.norm.batches == 7);
    CHECK(copy.training());
}

TEST_CASE("what shares a value in a module shares one in its copy", "[nn]") {
    Tied net;
    Tied copy = deep_copy(net);
    CHECK(copy.a.weight.data() == copy.b.weight.data());
    CHECK(copy.a.weight.data() != net.a.weight.data());
}

TEST_CASE("sequences are copied, functions and all", "[nn]") {
    Sequential net{Linear<float, Device>(3, 2), [](const DeviceVariable<float>& x) { return x * 2; }};
    auto copy = deep_copy(net);
    const DeviceVariable<float> x(normal<float>({2, 3}, 1));
    CHECK(copy.forward(x).value().to_vector() == net.forward(x).value().to_vector());
    CHECK(copy.get<0>().weight.data() != net.get<0>().weight.data());
}

TEST_CASE("a plain copy, which would share the parameters, throws", "[nn]") {
    Net net;
    CHECK_THROWS_AS(Net(net), Error);
    STATIC_REQUIRE(!std::is_copy_assignable_v<Net>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Linear<float, Device>>);  // vectors move, do not copy
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Net>);
}
