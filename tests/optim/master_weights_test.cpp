// Training in 16-bit types: masters and states are float, and follow training in float bit for bit.
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/optim/sgd.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <map>
#include <string>

#include "catch.hpp"

using namespace lafs;

namespace {

/// A tensor of values that T holds exactly, where T has few bits.
template <class T>
Tensor<T> tensor_of(const Shape& shape, std::uint64_t seed) {
    const auto values = uniform_tensor<float>(shape, seed, -1.0, 1.0);
    auto result = Tensor<T>::empty(shape);
    for (std::int64_t i = 0; i < values.size(); ++i)
        result.data()[i] = static_cast<T>(std::round(values.data()[i] * 64) / 64);
    return result;
}

template <class T, template <class, class> class Kind>
struct Run {
    Variable<T> weight{tensor_of<T>({3, 6007}, 1), true}, bias{tensor_of<T>({5}, 2), true};
    Kind<T, Cpu> optimizer{
        std::vector<ParameterGroup<T>>{{{{"weight", weight}}, 0.5, 1}, {{{"bias", bias}}, 1, 0}}};

    void steps(int count) {
        for (int i = 0; i < count; ++i) {
            weight.set_grad(tensor_of<T>({3, 6007}, static_cast<std::uint64_t>(10 + i)));
            bias.set_grad(tensor_of<T>({5}, static_cast<std::uint64_t>(20 + i)));
            optimizer.step(0.003, 0.1);
        }
    }
};

/// Masters and states of a run in T against the parameters and states of the same run in float.
template <class T, template <class, class> class Kind>
void check_masters() {
    Run<T, Kind> narrow;
    Run<float, Kind> wide;
    narrow.steps(5);
    wide.steps(5);
    std::map<std::string, Tensor<float>> expected;
    for (const auto& [name, tensor] : wide.optimizer.state().tensors)
        expected[name] = tensor;
    for (const auto& [name, parameter] : wide.optimizer.parameters())
        expected[name + ".master"] = parameter.value();
    const auto state = narrow.optimizer.state();
    CHECK(state.tensors.size() == expected.size());
    for (const auto& [name, tensor] : state.tensors) {
        INFO(name);
        CHECK(tensor.to_vector() == expected.at(name).to_vector());
    }
    for (std::int64_t i = 0; i < wide.weight.value().size(); ++i)
        if (narrow.weight.value().data()[i].bits != static_cast<T>(wide.weight.value().data()[i]).bits)
            FAIL("element " << i << " is not the master, rounded");
}

}  // namespace

TEST_CASE("masters follow a float optimiser on the same gradients bit for bit", "[optim]") {
    check_masters<bfloat16, AdamW>();
    check_masters<half, AdamW>();
    check_masters<bfloat16, Sgd>();
    check_masters<bfloat16, Lars>();
}

TEST_CASE("steps far below half a unit of the last place add up", "[optim]") {
    // (p - 2)^2 / 2 from p = 1: the gradient is about -1, AdamW's step about lr = 1e-4. Next to 1 the numbers
    // of bfloat16 are 2^-7 apart: 1 + 1e-4 is 1 again.
    CHECK(static_cast<float>(bfloat16(1.0f + 1e-4f)) == 1.0f);
    const Variable<bfloat16> p(Tensor<bfloat16>::full({1, 3}, bfloat16(1.0f)), true);
    AdamW<bfloat16> optimizer(std::vector<ParameterGroup<bfloat16>>{{{{"p", p}}, 1, 1}});
    for (int step = 0; step < 200; ++step) {
        auto gradient = Tensor<bfloat16>::empty({1, 3});
        for (int i = 0; i < 3; ++i)
            gradient.data()[i] = bfloat16(static_cast<float>(p.value().data()[i]) - 2.0f);
        p.set_grad(gradient);
        optimizer.step(1e-4, 0.0);
    }
    for (const bfloat16 value : p.value().span())
        CHECK(static_cast<float>(value) == Approx(1.02).margin(0.004));  // to the nearest bfloat16
    CHECK(optimizer.state().tensors[2].first == "p.master");
    CHECK(optimizer.state().tensors[2].second.data()[1] == Approx(1.02).margin(1e-4));
}

TEST_CASE("masters are taken again from parameters that something else changed", "[optim]") {
    const Variable<bfloat16> p(Tensor<bfloat16>::full({1, 1}, bfloat16(1.0f)), true);
    Sgd<bfloat16> optimizer(std::vector<ParameterGroup<bfloat16>>{{{{"p", p}}, 1, 1}});
    p.value().data()[0] = bfloat16(4.0f);
    optimizer.reset_masters();
    p.set_grad(Tensor<bfloat16>::full({1, 1}, bfloat16(1.0f)));
    optimizer.step(0.5, 0.0);
    CHECK(static_cast<float>(p.value().item()) == 3.5f);
}

TEST_CASE("float and double have no masters", "[optim]") {
    const Variable<double> p(Tensor<double>::zeros({2}), true);
    Sgd<double> optimizer(std::vector<ParameterGroup<double>>{{{{"p", p}}, 1, 1}});
    CHECK(optimizer.state().tensors.size() == 1);
}
