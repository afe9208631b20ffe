// Layers in a row: the same as one after the other by hand, names as in PyTorch; on every device.
#include <lafs/autograd/reshape.hpp>
#include <lafs/nn/activation.hpp>
#include <lafs/nn/dropout.hpp>
#include <lafs/nn/linear.hpp>
#include <lafs/nn/sequential.hpp>

#include "device_values.hpp"

using namespace lafs;
using namespace lafs_test;

namespace {

std::vector<std::string> names_of(Module<double, Device>& module) {
    std::vector<std::string> names;
    for (const auto& [name, parameter] : module.parameters())
        names.push_back(name);
    return names;
}

}  // namespace

TEST_CASE("a sequence runs its layers in order", "[nn]") {
    manual_seed(1);
    Sequential net{Linear<double, Device>(6, 5), ReLU<double, Device>(), [](const Var& x) { return x * 2; },
                   Linear<double, Device>(5, 3)};
    STATIC_REQUIRE(net.size() == 4);
    const Var x(normal({4, 6}, 1), true);
    const Var hidden = relu(linear(x, net.get<0>().weight, net.get<0>().bias));
    const Var doubled = hidden + hidden;
    const auto expected = linear(doubled, net.get<3>().weight, net.get<3>().bias);
    CHECK(net.forward(x).value().to_vector() == expected.value().to_vector());
    CHECK(names_of(net) == std::vector<std::string>{"0.weight", "0.bias", "3.weight", "3.bias"});
    check_derivative([&](const Inputs& in) { return net.forward(in[0]); },
                     {x, net.get<0>().weight, net.get<3>().weight, net.get<3>().bias});
}

TEST_CASE("sequences nest, begin with functions, and pass modes on", "[nn]") {
    manual_seed(1);
    Sequential net{[](const Var& x) {
                       return reshape(x, {x.shape(0), -1});
                   },
                   Sequential{Linear<double, Device>(6, 4), Dropout<double, Device>(0.5)},
                   Linear<double, Device>(4, 2, false)};
    CHECK(names_of(net) == std::vector<std::string>{"1.0.weight", "1.0.bias", "2.weight"});
    const Var x(normal({3, 2, 3}, 1));
    net.eval();
    CHECK(!net.get<1>().get<1>().training());
    CHECK(net.forward(x).value().to_vector() == net.forward(x).value().to_vector());
    net.train();
    CHECK(net.forward(x).value().to_vector() != net.forward(x).value().to_vector());
    CHECK(net.forward(x).shape() == Shape{3, 2});
    auto moved = std::move(net);  // as any module
    CHECK(names_of(moved).size() == 3);
}
