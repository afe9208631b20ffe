// Matrix products on the GPU: all transposes, batches, bias, accumulation, gradients; against plain loops.
#include <lafs/autograd/matmul.hpp>
#include <lafs/cuda.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Transpose;
using lafs::Variable;

/// op(a) op(b) of one (M, K) x (K, N) product.
std::vector<double> product(const Tensor<double>& a, bool ta, const Tensor<double>& b, bool tb) {
    const auto at = [](const Tensor<double>& x, bool flip, std::int64_t i, std::int64_t j) {
        return flip ? x.data()[j * x.shape(1) + i] : x.data()[i * x.shape(1) + j];
    };
    const std::int64_t m = a.shape(ta ? 1 : 0), depth = a.shape(ta ? 0 : 1), n = b.shape(tb ? 0 : 1);
    std::vector<double> c;
    for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::int64_t k = 0; k < depth; ++k)
                sum += at(a, ta, i, k) * at(b, tb, k, j);
            c.push_back(sum);
        }
    return c;
}

template <class T>
void check_product(std::int64_t m, std::int64_t depth, std::int64_t n) {
    for (const bool ta : {false, true})
        for (const bool tb : {false, true}) {
            const auto a = lafs::uniform_tensor(ta ? Shape{depth, m} : Shape{m, depth}, 1),
                       b = lafs::uniform_tensor(tb ? Shape{n, depth} : Shape{depth, n}, 2),
                       g = lafs::uniform_tensor({m, n}, 3);
            const auto got = lafs_test::repeated([&] {
                const Variable<T, Cuda> va(lafs_test::on_gpu<T>(a), true), vb(lafs_test::on_gpu<T>(b), true);
                std::vector<std::vector<T>> results;
                for (int time = 0; time < 2; ++time) {  // the second time adds
                    const auto c = matmul(va, vb, ta ? Transpose::yes : Transpose::no,
                                          tb ? Transpose::yes : Transpose::no);
                    c.backward(lafs_test::on_gpu<T>(g));
                    results.push_back(c.value().to_vector());
                }
                results.push_back(va.grad().to_vector());
                results.push_back(vb.grad().to_vector());
                return results;
            });
            // d op(a) = g op(b)', d op(b) = op(a)' g; transposed back to the operand's own layout.
            auto da = ta ? product(b, tb, g, true) : product(g, false, b, !tb),
                 db = tb ? product(g, true, a, ta) : product(a, !ta, g, false);
            for (auto* gradient : {&da, &db})
                for (double& value : *gradient)
                    value *= 2;
            lafs_test::check_close(got[0], product(a, ta, b, tb), lafs_test::tolerance<T>);
            lafs_test::check_close(got[2], da, lafs_test::tolerance<T>);
            lafs_test::check_close(got[3], db, lafs_test::tolerance<T>);
        }
}

}  // namespace

TEST_CASE("cuda matmul: all transposes, with gradients", "[cuda]") {
    check_product<float>(7, 19, 5);
    check_product<double>(3, 4, 10);
    check_product<double>(1, 7, 1);
    check_product<float>(1, 1, 6);
}

TEST_CASE("cuda matmul of batches", "[cuda]") {
    const auto a = lafs::uniform_tensor({2, 3, 4}, 1), b = lafs::uniform_tensor({2, 4, 5}, 2);
    const auto got = matmul(Variable<double, Cuda>(a.to<Cuda>()), Variable<double, Cuda>(b.to<Cuda>()));
    std::vector<double> expected;
    for (int i = 0; i < 2; ++i) {
        const auto part =
            product(a.slice(i, i + 1).reshape({3, 4}), false, b.slice(i, i + 1).reshape({4, 5}), false);
        expected.insert(expected.end(), part.begin(), part.end());
    }
    CHECK(got.shape() == Shape{2, 3, 5});
    lafs_test::check_close(got.value().to_vector(), expected, 1e-13);
}

TEST_CASE("cuda linear: bias in the epilogue, gradients of all three", "[cuda]") {
    const auto x = lafs::uniform_tensor({2, 3, 4}, 1), w = lafs::uniform_tensor({5, 4}, 2),
               b = lafs::uniform_tensor({5}, 3), g = lafs::uniform_tensor({2, 3, 5}, 4);
    const auto rows = x.reshape({6, 4}), gs = g.reshape({6, 5});
    const Variable<double, Cuda> vx(x.to<Cuda>(), true), vw(w.to<Cuda>(), true), vb(b.to<Cuda>(), true);
    const auto before = lafs::kernel_launches().load();
    const auto y = linear(vx, vw, vb);
    CHECK(lafs::kernel_launches() == before + 1);
    y.backward(g.to<Cuda>());
    auto expected = product(rows, false, w, true);
    std::vector<double> db(5, 0.0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] += b.data()[i % 5];
        db[i % 5] += g.data()[i];
    }
    CHECK(y.shape() == Shape{2, 3, 5});
    lafs_test::check_close(y.value().to_vector(), expected, 1e-13);
    lafs_test::check_close(vx.grad().to_vector(), product(gs, false, w, false), 1e-13);
    lafs_test::check_close(vw.grad().to_vector(), product(gs, true, rows, false), 1e-13);
    lafs_test::check_close(vb.grad().to_vector(), db, 1e-13);
}

TEST_CASE("cuda matmul refuses what does not fit", "[cuda]") {
    const Variable<float, Cuda> a(Tensor<float, Cuda>::zeros({2, 3}));
    CHECK_THROWS_AS(matmul(a, a), lafs::Error);
    const lafs::Matrix<float> strided{a.value().data(), 1, 2, 6, 2}, row{a.value().data(), 3, 2, 5, 2};
    CHECK_THROWS_AS(gemm(Cuda{}, 1.0f, strided, row.transposed(), false, a.value().data(), 3), lafs::Error);
}
