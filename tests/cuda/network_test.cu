// The same small network on both devices: one function, the GPU's float and double against the CPU's double.
#include <lafs/autograd/matmul.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/cuda.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cpu;
using lafs::Cuda;
using lafs::Shape;
using lafs::Variable;

// x, gain, bias, weight, weight's bias, gate, keys
const std::vector<Shape> shapes{{3, 5, 12}, {12}, {12}, {8, 12}, {8}, {5, 1}, {3, 5, 8}};

/// A gated layer and an attention-like product, reduced to a number.
template <class T, class D>
Variable<T, D> network(const std::vector<Variable<T, D>>& v) {
    const Variable<T, D> h = layer_norm(v[0], v[1], v[2], T(1e-5));                              // (3, 5, 12)
    const Variable<T, D> y = gelu(linear(h, v[3], v[4]) * 1.5) * sigmoid(v[5]);                  // (3, 5, 8)
    const auto attention = softmax(matmul(y, v[6], lafs::Transpose::no, lafs::Transpose::yes));  // (3, 5, 5)
    const Variable<T, D> z = square(matmul(attention, v[6]) - y) + lafs::l2_normalize(y);
    return mean(lafs::log_softmax(z));
}

/// The value and all gradients.
template <class T, class D>
std::vector<std::vector<T>> run(const std::vector<lafs::Tensor<double>>& inputs) {
    std::vector<Variable<T, D>> variables;
    for (const auto& x : inputs) {
        if constexpr (std::is_same_v<D, Cpu>)
            variables.emplace_back(x, true);
        else
            variables.emplace_back(lafs_test::on_gpu<T>(x), true);
    }
    const Variable<T, D> result = network(variables);
    result.backward();
    std::vector<std::vector<T>> values{result.value().to_vector()};
    for (const auto& variable : variables)
        values.push_back(variable.grad().to_vector());
    return values;
}

}  // namespace

TEST_CASE("cuda: a network has the gradients that it has on the CPU", "[cuda]") {
    std::vector<lafs::Tensor<double>> inputs;
    for (const Shape& shape : shapes)
        inputs.push_back(lafs::uniform_tensor(shape, inputs.size() + 1));
    const auto expected = run<double, Cpu>(inputs);
    const auto single = lafs_test::repeated([&] { return run<float, Cuda>(inputs); });
    const auto wide = lafs_test::repeated([&] { return run<double, Cuda>(inputs); });
    for (std::size_t i = 0; i < expected.size(); ++i) {
        lafs_test::check_close(single[i], expected[i], 1e-5);
        lafs_test::check_close(wide[i], expected[i], 1e-12);
    }
}

TEST_CASE("cuda: a step in the steady state asks the device for no memory", "[cuda]") {
    std::vector<Variable<float, Cuda>> variables;
    for (const Shape& shape : shapes)
        variables.emplace_back(lafs_test::on_gpu<float>(lafs::uniform_tensor(shape, 1)), true);
    const auto step = [&] {
        network(variables).backward();
        for (const auto& variable : variables)
            variable.zero_grad();
    };
    step();
    const auto before = lafs::pool<Cuda>().statistics().system_allocations;
    step();
    CHECK(lafs::pool<Cuda>().statistics().system_allocations == before);
}
