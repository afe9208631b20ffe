// Optimisers and norms over more tensors than a launch has room for, in several orders of threads. What they compute is
// tested in tests/optim and tests/ssl, on every device.
#include <lafs/cuda.hpp>
#include <lafs/optim/adamw.hpp>
#include <lafs/optim/gradient_clipping.hpp>
#include <lafs/optim/lars.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"
#include "optim/plain_steps.hpp"

namespace {

using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;

template <class T>
using Parameters = lafs::NamedParameters<T, Cuda>;

/// Values of a parameter (seed 0) or of its gradient in a step, exact in float.
Tensor<double> values(const Shape& shape, std::uint64_t seed) {
    return lafs_test::exact<lafs::bfloat16>(lafs::uniform_tensor(shape, seed, -2.0, 2.0));
}

/// Two steps of a GPU's optimiser and of plain forms on parameters of some shapes.
template <template <class, class> class Kind, class T, class Plain>
void check_steps(const std::vector<Shape>& shapes, double tolerance) {
    const auto run = [&] {
        Parameters<T> parameters;
        for (const Shape& shape : shapes)
            parameters.emplace_back(std::to_string(parameters.size()),
                                    Variable<T, Cuda>(lafs_test::on_gpu<T>(values(shape, 0)), true));
        Kind<T, Cuda> optimizer({{parameters, 1, 1}});
        for (std::uint64_t step = 1; step <= 2; ++step) {
            for (const auto& [name, parameter] : parameters)
                parameter.set_grad(lafs_test::on_gpu<T>(values(parameter.shape(), step)));
            optimizer.step(0.01, 0.1);
        }
        std::vector<std::vector<T>> results;
        for (const auto& [name, parameter] : parameters)
            results.push_back(parameter.value().to_vector());
        return results;
    };
    const auto got = lafs_test::repeated(run);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        std::vector<double> expected = values(shapes[i], 0).to_vector();
        Plain plain;
        for (std::uint64_t step = 1; step <= 2; ++step)
            plain.step(expected, values(shapes[i], step).to_vector(), 0.01, 0.1);
        lafs_test::check_close(got[i], expected, tolerance);
    }
}

}  // namespace

TEST_CASE("cuda: steps of more tensors than fit one launch", "[cuda]") {
    std::vector<Shape> shapes = {{1, 1}, {3, 5}, {2, 2500}, {7, 4}, {1, 0}, {2, 2048}};
    shapes.resize(60, {1, 3});
    check_steps<lafs::AdamW, float, lafs_test::PlainAdamW>(shapes, 1e-6);
    check_steps<lafs::Lars, double, lafs_test::PlainLars>(shapes, 1e-13);
}

TEST_CASE("cuda: the norm of more gradients than fit one launch", "[cuda]") {
    const auto zero = Tensor<float, Cuda>::zeros({1}), two = Tensor<float, Cuda>::full({1}, 2.0f);
    Parameters<float> parameters;
    for (int i = 0; i < 500; ++i) {
        parameters.emplace_back(std::to_string(i), Variable<float, Cuda>(zero, true));
        if (i % 4 == 3)
            parameters.back().second.set_grad(two);
    }
    CHECK(lafs_test::repeated([&] { return gradient_norm(parameters).item(); }) ==
          Approx(std::sqrt(125 * 4.0)));
}
