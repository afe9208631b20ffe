// Row programs on the GPU, forward and backward, against plain loops in double.
#include <lafs/autograd/row_functions.hpp>
#include <lafs/cuda.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "cuda/reference.hpp"

namespace {

using lafs::Cuda;
using lafs::Shape;
using lafs::Tensor;
using lafs::Variable;
using Row = std::vector<double>;

/// Sum of f(i) for i < n.
template <class F>
double sum_over(std::size_t n, const F& f) {
    double total = 0;
    for (std::size_t i = 0; i < n; ++i)
        total += f(i);
    return total;
}

/// A row function: its value, and the gradient of its operand for the output gradient g.
struct RowReference {
    std::function<Row(const Row& x)> value;
    std::function<Row(const Row& x, const Row& y, const Row& g)> gradient;
};

const RowReference softmax_reference{
    [](const Row& x) {
        Row y;
        const double total = sum_over(x.size(), [&](std::size_t i) { return std::exp(x[i]); });
        for (const double v : x)
            y.push_back(std::exp(v) / total);
        return y;
    },
    [](const Row&, const Row& y, const Row& g) {
        Row dx;
        for (std::size_t i = 0; i < y.size(); ++i)  // sum over j of g_j dy_j / dx_i
            dx.push_back(sum_over(y.size(), [&](std::size_t j) { return g[j] * y[j] * ((i == j) - y[i]); }));
        return dx;
    }};

const RowReference log_softmax_reference{
    [](const Row& x) {
        Row y;
        const double total = sum_over(x.size(), [&](std::size_t i) { return std::exp(x[i]); });
        for (const double v : x)
            y.push_back(v - std::log(total));
        return y;
    },
    [](const Row&, const Row& y, const Row& g) {
        Row dx;
        for (std::size_t i = 0; i < y.size(); ++i)
            dx.push_back(
                sum_over(y.size(), [&](std::size_t j) { return g[j] * ((i == j) - std::exp(y[i])); }));
        return dx;
    }};

const RowReference normalize_reference{
    [](const Row& x) {
        Row y;
        const double norm = std::sqrt(sum_over(x.size(), [&](std::size_t i) { return x[i] * x[i]; }));
        for (const double v : x)
            y.push_back(v / norm);
        return y;
    },
    [](const Row& x, const Row&, const Row& g) {
        Row dx;
        const double square = sum_over(x.size(), [&](std::size_t i) { return x[i] * x[i]; });
        const double inner = sum_over(x.size(), [&](std::size_t i) { return x[i] * g[i]; });
        for (std::size_t i = 0; i < x.size(); ++i)
            dx.push_back(g[i] / std::sqrt(square) - x[i] * inner / std::pow(square, 1.5));
        return dx;
    }};

Row row_of(const Tensor<double>& x, std::int64_t row) {
    const std::int64_t n = x.shape(-1);
    return Row(x.data() + row * n, x.data() + (row + 1) * n);
}

void append(Row& all, const Row& row) {
    all.insert(all.end(), row.begin(), row.end());
}

/// Values, gradients and doubled gradients of a function of one variable.
template <class T, class Function>
void check_rows(const RowReference& reference, const Function& function, const Shape& shape) {
    const auto x = lafs_test::exact<T>(lafs::uniform_tensor(shape, 3, -2, 2)),
               g = lafs_test::exact<T>(lafs::uniform_tensor(shape, 4));
    Row y, dx, twice;
    for (std::int64_t row = 0; row < shape.size() / shape[-1]; ++row) {
        const Row value = reference.value(row_of(x, row));
        append(y, value);
        append(dx, reference.gradient(row_of(x, row), value, row_of(g, row)));
    }
    for (const double v : dx)
        twice.push_back(2 * v);
    const auto got = lafs_test::repeated([&] {
        const Variable<T, Cuda> v(lafs_test::on_gpu<T>(x), true);
        const Variable<T, Cuda> result = function(v);
        result.backward(lafs_test::on_gpu<T>(g));
        std::vector<std::vector<T>> results{result.value().to_vector(), v.grad().to_vector()};
        function(v).backward(lafs_test::on_gpu<T>(g));
        results.push_back(v.grad().to_vector());
        return results;
    });
    lafs_test::check_close(got[0], y, lafs_test::tolerance<T>);
    lafs_test::check_close(got[1], dx, lafs_test::tolerance<T>);
    lafs_test::check_close(got[2], twice, lafs_test::tolerance<T>);
}

template <class Function>
void check_row_function(const RowReference& reference, const Function& function) {
    for (const std::int64_t n : {1, 7, 197, 1000}) {  // a warp runs a row
        check_rows<float>(reference, function, {3, n});
        check_rows<double>(reference, function, {2, 2, n});
        check_rows<lafs::bfloat16>(reference, function, {6, n});
    }
    for (const std::int64_t n : {1028, 2049})  // a block runs a row
        check_rows<float>(reference, function, {2, n});
}

/// Layer norm of (rows, n) and the gradients of its three operands.
struct LayerNormReference {
    Row y, dx, dgain, dbias;

    LayerNormReference(const Tensor<double>& x, const Row& gain, const Row& bias, double epsilon,
                       const Tensor<double>& g)
        : dgain(gain.size(), 0.0), dbias(gain.size(), 0.0) {
        const std::size_t n = gain.size();
        const auto count = static_cast<double>(n);
        for (std::int64_t r = 0; r < x.shape(0); ++r) {
            const Row in = row_of(x, r), out = row_of(g, r);
            const double mean = sum_over(n, [&](std::size_t i) { return in[i]; }) / count;
            const double variance =
                sum_over(n, [&](std::size_t i) { return (in[i] - mean) * (in[i] - mean); }) / count;
            const double scale = 1 / std::sqrt(variance + epsilon);
            // d y_j / d x_i = gain_j scale ((i == j) - 1/n - h_i h_j / n) with h = (x - mean) scale
            const auto h = [&](std::size_t i) { return (in[i] - mean) * scale; };
            const double p = sum_over(n, [&](std::size_t j) { return out[j] * gain[j]; }),
                         q = sum_over(n, [&](std::size_t j) { return out[j] * gain[j] * h(j); });
            for (std::size_t i = 0; i < n; ++i) {
                y.push_back(h(i) * gain[i] + bias[i]);
                dx.push_back(scale * (out[i] * gain[i] - p / count - h(i) * q / count));
                dgain[i] += out[i] * h(i);
                dbias[i] += out[i];
            }
        }
    }
};

template <class T>
void check_layer_norm(std::int64_t rows, std::int64_t n) {
    const auto x = lafs_test::exact<T>(lafs::uniform_tensor({rows, n}, 3, -2, 3)),
               g = lafs_test::exact<T>(lafs::uniform_tensor({rows, n}, 4)),
               gain = lafs_test::exact<T>(lafs::uniform_tensor({n}, 5)),
               bias = lafs_test::exact<T>(lafs::uniform_tensor({n}, 6));
    const double epsilon = 1e-2;
    const LayerNormReference expected(x, gain.to_vector(), bias.to_vector(), epsilon, g);
    const auto got = lafs_test::repeated([&] {
        const Variable<T, Cuda> v(lafs_test::on_gpu<T>(x), true), scale(lafs_test::on_gpu<T>(gain), true),
            shift(lafs_test::on_gpu<T>(bias), true);
        const Variable<T, Cuda> y = layer_norm(v, scale, shift, static_cast<lafs::compute_t<T>>(epsilon));
        y.backward(lafs_test::on_gpu<T>(g));
        return std::vector<std::vector<T>>{y.value().to_vector(), v.grad().to_vector(),
                                           scale.grad().to_vector(), shift.grad().to_vector()};
    });
    lafs_test::check_close(got[0], expected.y, lafs_test::tolerance<T>);
    lafs_test::check_close(got[1], expected.dx, lafs_test::tolerance<T>);
    lafs_test::check_close(got[2], expected.dgain, lafs_test::tolerance<T>);
    lafs_test::check_close(got[3], expected.dbias, lafs_test::tolerance<T>);
}

}  // namespace

TEST_CASE("cuda softmax", "[cuda]") {
    check_row_function(softmax_reference, [](const auto& x) { return softmax(x); });
}

TEST_CASE("cuda log-softmax", "[cuda]") {
    check_row_function(log_softmax_reference, [](const auto& x) { return log_softmax(x); });
}

TEST_CASE("cuda l2 normalise", "[cuda]") {
    check_row_function(normalize_reference, [](const auto& x) { return l2_normalize(x); });
}

TEST_CASE("cuda softmax of large numbers does not overflow", "[cuda]") {
    const Variable<float, Cuda> x(Tensor<float, Cuda>::from({1, 3}, {1000.0f, 1000.0f, -1000.0f}));
    lafs_test::check_close(softmax(x).value().to_vector(), {0.5, 0.5, 0.0}, 1e-6);
}

TEST_CASE("cuda layer norm", "[cuda]") {
    for (const std::int64_t n : {1, 7, 197, 1000}) {
        check_layer_norm<float>(5, n);
        check_layer_norm<double>(3, n);
    }
    check_layer_norm<lafs::bfloat16>(9, 768);
    check_layer_norm<double>(4200, 7);  // more rows than the backward kernel has parts
}

TEST_CASE("cuda layer norm: the sums of long rows do not fit in a block's memory", "[cuda]") {
    check_layer_norm<float>(3, 3076);
    check_layer_norm<double>(2, 1537);
}

TEST_CASE("cuda rows that are not aligned have the values of rows that are", "[cuda]") {
    constexpr std::int64_t rows = 3, n = 8;
    const auto x = lafs::uniform_tensor({1 + rows * n}, 3, -2, 2);
    const auto in = lafs_test::on_gpu<float>(x);
    const auto out = Tensor<float, Cuda>::full({1 + rows * n}, 7);
    row_forward(Cuda{}, lafs::SoftmaxRow{}, rows, n, static_cast<const float*>(in.data() + 1),
                out.data() + 1);
    Row expected{7};
    for (std::int64_t row = 0; row < rows; ++row)
        append(expected, softmax_reference.value(Row(x.data() + 1 + row * n, x.data() + 1 + (row + 1) * n)));
    lafs_test::check_close(out.to_vector(), expected, 1e-6);
}

TEST_CASE("cuda layer norm: gradients add, and only wanted ones are formed", "[cuda]") {
    const auto x = lafs::uniform_tensor({2, 7}, 1).to<Cuda>();
    const Variable<double, Cuda> v(x), gain(Tensor<double, Cuda>::full({7}, 2), true),
        bias(Tensor<double, Cuda>::full({7}, 1));
    const auto run = [&] { layer_norm(v, gain, bias, 1e-5).backward(Tensor<double, Cuda>::full({2, 7}, 1)); };
    run();
    auto twice = gain.grad().to_vector();
    for (double& value : twice)
        value *= 2;
    run();
    lafs_test::check_close(gain.grad().to_vector(), twice, 1e-14);
    CHECK(!v.grad().defined());
    CHECK(!bias.grad().defined());
}
