// Fused maps and their gradients on the GPU, against plain loops with the derivatives worked out by hand.
#include <lafs/autograd/expression.hpp>
#include <lafs/cuda.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;
using lafs_test::broadcast_offset;

using Values = std::vector<std::vector<double>>;

/// gelu(x * scale + bias) * sigmoid(gate) and its gradients for the output gradient dy.
struct Reference {
    std::vector<double> y;
    Values gradients;

    Reference(const std::vector<Tensor<double>>& in, const Tensor<double>& dy) {
        for (const auto& x : in)
            gradients.emplace_back(static_cast<std::size_t>(x.size()), 0.0);
        for (std::int64_t at = 0; at < dy.size(); ++at) {
            std::size_t offset[4];
            double v[4];
            for (std::size_t i = 0; i < 4; ++i) {
                offset[i] = static_cast<std::size_t>(broadcast_offset(at, dy.shape(), in[i].shape()));
                v[i] = in[i].data()[offset[i]];
            }
            const double u = v[0] * v[1] + v[2], sigmoid = 1 / (1 + std::exp(-v[3]));
            const double distribution = 0.5 * std::erfc(-u / std::sqrt(2.0));
            const double density = std::exp(-u * u / 2) / std::sqrt(2 * std::acos(-1.0));
            y.push_back(u * distribution * sigmoid);
            const double g = dy.data()[at], du = g * sigmoid * (distribution + u * density);
            gradients[0][offset[0]] += du * v[1];
            gradients[1][offset[1]] += du * v[0];
            gradients[2][offset[2]] += du;
            gradients[3][offset[3]] += g * u * distribution * sigmoid * (1 - sigmoid);
        }
    }
};

template <class T>
void check_map(const Shape (&shapes)[4]) {
    std::vector<Tensor<double>> in;
    Shape out;
    for (const Shape& shape : shapes) {
        in.push_back(lafs::uniform_tensor(shape, 11 + in.size(), -2, 2));
        out = lafs::broadcast(out, shape);
    }
    if constexpr (sizeof(T) < 8)  // the reference sees what the kernel sees
        for (const auto& x : in)
            for (double& value : x.span())
                value = static_cast<double>(static_cast<float>(T(static_cast<float>(value))));
    const auto dy = lafs::uniform_tensor(out, 5);
    for (double& value : dy.span())
        value = std::round(value * 8) / 8;
    const Reference expected(in, dy);

    const auto run = [&] {
        Variable<T, Cuda> v[4];
        for (std::size_t i = 0; i < 4; ++i)
            v[i] = Variable<T, Cuda>(lafs_test::on_gpu<T>(in[i]), true);
        std::vector<std::vector<T>> results;
        for (int time = 0; time < 2; ++time) {  // the second time adds
            const Variable<T, Cuda> y = gelu(v[0] * v[1] + v[2]) * sigmoid(v[3]);
            y.backward(lafs_test::on_gpu<T>(dy));
            results.push_back(y.value().to_vector());
            for (const auto& variable : v)
                results.push_back(variable.grad().to_vector());
        }
        return results;
    };
    const auto got = lafs_test::repeated(run);
    lafs_test::check_close(got[0], expected.y, lafs_test::tolerance<T>);
    for (std::size_t i = 0; i < 4; ++i) {
        lafs_test::check_close(got[1 + i], expected.gradients[i], lafs_test::tolerance<T>);
        auto twice = expected.gradients[i];
        for (double& value : twice)
            value *= 2;
        lafs_test::check_close(got[6 + i], twice, lafs_test::tolerance<T>);
    }
}

void check_both(const Shape (&shapes)[4]) {
    check_map<float>(shapes);
    check_map<double>(shapes);
}

}  // namespace

TEST_CASE("cuda map: equal shapes, with and without remainders", "[cuda]") {
    for (const std::int64_t n : {1, 7, 197, 1000})
        check_both({{n}, {n}, {n}, {n}});
    check_both({{3, 7, 20}, {3, 7, 20}, {3, 7, 20}, {3, 7, 20}});
}

TEST_CASE("cuda map: broadcast inputs", "[cuda]") {
    SECTION("bias along the last axis") {
        for (const std::int64_t n : {1, 7, 197, 1000})
            check_both({{5, n}, {n}, {n}, {5, n}});
    }
    SECTION("one number a row") {
        for (const std::int64_t n : {1, 7, 197, 1000})
            check_both({{5, n}, {5, 1}, {n}, {5, 1}});
    }
    SECTION("one number") {
        check_both({{13, 197}, {}, {1}, {1, 1}});
    }
    SECTION("channels of images") {
        check_both({{3, 5, 4, 8}, {5, 1, 1}, {5, 1, 1}, {3, 1, 1, 1}});
    }
    SECTION("every axis of another input") {
        check_both({{4, 1, 8}, {6, 8}, {4, 6, 1}, {6, 1}});
    }
    SECTION("the first operand is not the largest") {
        check_both({{12}, {7, 12}, {1, 12}, {7, 1}});
    }
}

TEST_CASE("cuda map: a warp that sums several rows", "[cuda]") {
    check_map<float>({{20, 30, 4}, {20, 30, 1}, {20, 1, 1}, {30, 1}});
    check_map<float>({{300, 2, 300}, {2, 300}, {300}, {}});
}

TEST_CASE("cuda map: a long row of several tiles", "[cuda]") {
    check_map<float>({{2, 3000}, {2, 1}, {1}, {2, 3000}});
}

TEST_CASE("cuda map: a variable that is an operand twice", "[cuda]") {
    const auto x = lafs::uniform_tensor({3, 7}, 1), s = lafs::uniform_tensor({7}, 2);
    std::vector<double> dx, ds(7, 0.0);
    for (std::size_t i = 0; i < 21; ++i) {
        dx.push_back(2 * x.data()[i] * s.data()[i % 7] + s.data()[i % 7]);
        ds[i % 7] += x.data()[i] * x.data()[i] + x.data()[i] + 2 * s.data()[i % 7];
    }
    const auto got = lafs_test::repeated([&] {
        Variable<double, Cuda> v(x.to<Cuda>(), true), w(s.to<Cuda>(), true);
        const Variable<double, Cuda> y = v * v * w + v * w + w * w;
        y.backward(Tensor<double, Cuda>::full({3, 7}, 1));
        return std::vector<std::vector<double>>{v.grad().to_vector(), w.grad().to_vector()};
    });
    lafs_test::check_close(got[0], dx, 1e-13);
    lafs_test::check_close(got[1], ds, 1e-13);
}

TEST_CASE("cuda map: strided views and empty tensors", "[cuda]") {
    const auto x = lafs::uniform_tensor({3, 5, 4}, 1).to<Cuda>();
    const auto permuted = lafs::contiguous(lafs::View<const double>(x.view().permute({2, 0, 1})), Cuda{});
    const auto values = x.to_vector(), got = permuted.to_vector();
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 5; ++j)
            for (std::size_t k = 0; k < 4; ++k)
                CHECK(got[(k * 3 + i) * 5 + j] == values[(i * 5 + j) * 4 + k]);
    const auto narrow =
        lafs::contiguous(lafs::View<const double>(x.view().narrow(2, 1, 3)), Cuda{}).to_vector();
    CHECK(narrow[0] == values[1]);
    CHECK(narrow[29] == values[58]);

    Variable<float, Cuda> none(Tensor<float, Cuda>::empty({0, 5}), true),
        bias(Tensor<float, Cuda>::full({5}, 1), true);
    const Variable<float, Cuda> y = none + bias;
    y.backward(Tensor<float, Cuda>::empty({0, 5}));
    CHECK(bias.grad().to_vector() == std::vector<float>(5, 0.0f));
}

TEST_CASE("cuda map: 16-bit storage computes in float", "[cuda]") {
    const auto x = lafs::uniform_tensor({5, 24}, 1), b = lafs::uniform_tensor({24}, 2);
    const auto run = [&](auto type) {
        using T = decltype(type);
        Variable<T, Cuda> v(lafs_test::on_gpu<T>(x), true), w(lafs_test::on_gpu<T>(b), true);
        const Variable<T, Cuda> y = v * 2.0f + w;
        y.backward(Tensor<T, Cuda>::full({5, 24}, T(1.0f)));
        const auto sums = w.grad().to_vector(), values = y.value().to_vector(), dx = v.grad().to_vector();
        const auto xs = v.value().to_vector(), bs = w.value().to_vector();
        for (std::size_t i = 0; i < values.size(); ++i) {
            CHECK(values[i].bits == T(static_cast<float>(xs[i]) * 2 + static_cast<float>(bs[i % 24])).bits);
            CHECK(static_cast<float>(dx[i]) == 2.0f);
        }
        for (const T sum : sums)
            CHECK(static_cast<float>(sum) == 5.0f);
    };
    run(lafs::bfloat16(0.0f));
    run(lafs::half(0.0f));
}

TEST_CASE("cuda map: one kernel forward, one backward", "[cuda]") {
    Variable<float, Cuda> x(Tensor<float, Cuda>::full({4, 8}, 1), true);
    const auto before = lafs::kernel_launches().load();
    const Variable<float, Cuda> y = gelu(x * 2.0f + 1.0f) * sigmoid(x);
    CHECK(lafs::kernel_launches() == before + 1);
    y.backward(x.value());
    CHECK(lafs::kernel_launches() == before + 2);
}
