// The primitives of a training step at base size, written once over the device and the type of the elements.
//
// The limit of all but products is the memory's speed: `of_copy` is the share of it. Products and the DINO loss
// have `of_product`; attention has both, and the larger one is what binds it. bench/measure.hpp says what the
// shares are of.
#pragma once

#include <lafs/autograd/attention.hpp>
#include <lafs/autograd/expression.hpp>
#include <lafs/autograd/landmark_patches.hpp>
#include <lafs/autograd/reductions.hpp>
#include <lafs/autograd/row_functions.hpp>
#include <lafs/losses/dino_loss.hpp>
#include <lafs/optim/optimizer.hpp>
#include <lafs/testing/random_inputs.hpp>

#include "measure.hpp"

namespace lafs_bench {

using lafs::GradientTarget, lafs::Variable, lafs::View;

/// How large the work is; on a GPU it is to be larger than the second-level cache.
struct Sizes {
    std::int64_t elements = 1 << 25, small = 1 << 16;  ///< of element-wise work
    std::int64_t faces = 128;                          ///< of layers and patches
    std::int64_t attention_faces = 24;                 ///< of attention with 197 tokens; fourfold with 37
    std::int64_t width = 768, hidden = 2048, heads = 11;
    std::int64_t dino_faces = 4, prototypes = 100'000, bottleneck = 256;

    std::int64_t tokens() const { return faces * 197; }
};

template <class T>
const char* type_name() {
    return std::is_same_v<T, float> ? "float" : "bfloat16";
}
template <class T>
Amount moves(std::int64_t elements) {
    return {static_cast<double>(elements) * sizeof(T), 0};
}

template <class T, class D, class E>
void forward(benchmark::State& state, const E& expression, const lafs::Shape& shape, std::int64_t moved) {
    const auto out = Tensor<T, D>::empty(shape);
    measure<T, D>(state, moves<T>(moved),
                  [&] { map(D{}, typename E::Node{}, out.view(), expression.bound()); });
}

/// Gradients of all inputs, each in the shape that `inputs` lists.
template <class T, class D, class E>
void backward(benchmark::State& state, const E& expression, const lafs::Shape& shape,
              const std::vector<lafs::Shape>& inputs, std::int64_t moved) {
    const auto gradient = ramp<T, D>(shape);
    std::vector<Tensor<T, D>> gradients;
    GradientTarget<T> targets[E::inputs];
    for (int i = 0; i < E::inputs; ++i) {
        gradients.push_back(Tensor<T, D>::empty(inputs[static_cast<std::size_t>(i)]));
        targets[i] = {gradients.back().data(), false};
    }
    measure<T, D>(state, moves<T>(moved), [&] {
        map_gradients(D{}, typename E::Node{}, View<const T>(gradient.view()), expression.bound(), targets);
    });
}

template <class T, class D>
auto gelu_expression(std::int64_t size) {
    const auto x = [&] { return ramp<T, D>({size}); };
    return lafs::fuse([](auto a, auto b, auto c) { return gelu(a * b + c) + a; }, x(), x(), x());
}
template <class T, class D>
auto sum_expression(std::int64_t size) {
    const auto x = [&] { return ramp<T, D>({size}); };
    return lafs::fuse([](auto a, auto b, auto c) { return a + b + c; }, x(), x(), x());
}
template <class T, class D>
auto bias_gelu_expression(const Sizes& s) {
    return lafs::fuse([](auto x, auto bias) { return gelu(x + bias); }, ramp<T, D>({s.tokens(), s.hidden}),
                      ramp<T, D>({s.hidden}));
}

/// Formulas and sums, in one pass each.
template <class T, class D>
void add_element_wise(const Sizes& s) {
    using State = benchmark::State;
    const std::string type = std::string("/") + type_name<T>();
    const std::int64_t n = s.elements, few = s.small, mlp = s.tokens() * s.hidden;
    add<D>("copy" + type, [=](State& state) { measure<T, D>(state, moves<T>(2 * n), copy_call<T, D>(n)); });
    add<D>("sum_of_three_forward" + type,
           [=](State& state) { forward<T, D>(state, sum_expression<T, D>(n), {n}, 4 * n); });
    add<D>("sum_of_three_backward" + type, [=](State& state) {
        backward<T, D>(state, sum_expression<T, D>(n), {n}, {{n}, {n}, {n}}, 4 * n);
    });
    add<D>("gelu_forward_small" + type,
           [=](State& state) { forward<T, D>(state, gelu_expression<T, D>(few), {few}, 4 * few); });
    add<D>("gelu_forward" + type,
           [=](State& state) { forward<T, D>(state, gelu_expression<T, D>(n), {n}, 4 * n); });
    add<D>("gelu_backward" + type, [=](State& state) {
        backward<T, D>(state, gelu_expression<T, D>(n), {n}, {{n}, {n}, {n}}, 7 * n);
    });
    add<D>("bias_gelu_forward" + type, [=](State& state) {
        forward<T, D>(state, bias_gelu_expression<T, D>(s), {s.tokens(), s.hidden}, 2 * mlp);
    });
    add<D>("bias_gelu_backward" + type, [=](State& state) {
        backward<T, D>(state, bias_gelu_expression<T, D>(s), {s.tokens(), s.hidden},
                       {{s.tokens(), s.hidden}, {s.hidden}}, 3 * mlp);
    });
    add<D>("sum_over_rows" + type, [=](State& state) {
        const auto x = ramp<T, D>({s.tokens(), s.hidden}), out = Tensor<T, D>::empty({s.hidden});
        measure<T, D>(state, moves<T>(mlp), [&] {
            reduce_sum(D{}, {1, s.tokens(), s.hidden}, x.data(), lafs::compute_t<T>(1), out.data());
        });
    });
    add<D>("sum_of_all" + type, [=](State& state) {
        const auto x = ramp<T, D>({n}), out = Tensor<T, D>::empty({1});
        measure<T, D>(state, moves<T>(n), [&] {
            reduce_sum(D{}, {1, n, 1}, x.data(), lafs::compute_t<T>(1), out.data());
        });
    });
}

/// Softmax over rows as of attention's weights, of 197 and 37 numbers, about as many in all; and layer norm.
template <class T, class D>
void add_rows(const Sizes& s) {
    using State = benchmark::State;
    const std::string type = std::string("/") + type_name<T>();
    for (const std::int64_t tokens : {197, 37}) {
        const std::int64_t rows = s.attention_faces * (tokens == 37 ? 27 : 1) * s.heads * tokens;
        const std::string length = tokens == 37 ? "/37" : "/197";
        add<D>("softmax_forward" + length + type, [=](State& state) {
            const auto x = ramp<T, D>({rows, tokens}), y = Tensor<T, D>::empty(x.shape());
            measure<T, D>(state, moves<T>(2 * x.size()), [&] {
                row_forward(D{}, lafs::SoftmaxRow{}, rows, tokens, static_cast<const T*>(x.data()), y.data());
            });
        });
        add<D>("softmax_backward" + length + type, [=](State& state) {
            const auto y = ramp<T, D>({rows, tokens}), g = ramp<T, D>(y.shape());
            const auto dx = Tensor<T, D>::empty(y.shape());
            measure<T, D>(state, moves<T>(3 * y.size()), [&] {
                row_backward(D{}, lafs::SoftmaxRow{}, rows, tokens, static_cast<const T*>(y.data()),
                             static_cast<const T*>(g.data()), GradientTarget<T>{dx.data(), false});
            });
        });
    }
    const auto layer_norm = [=](State& state, bool gradients) {
        using C = lafs::compute_t<T>;
        const std::int64_t tokens = s.tokens(), width = s.width;
        const auto x = ramp<T, D>({tokens, width}), g = ramp<T, D>({tokens, width}),
                   gain = ramp<T, D>({width}), bias = ramp<T, D>({width}),
                   y = Tensor<T, D>::empty({tokens, width}), dgain = Tensor<T, D>::empty({width}),
                   dbias = Tensor<T, D>::empty({width});
        const auto mean = Tensor<C, D>::empty({tokens}), deviation = Tensor<C, D>::empty({tokens});
        const auto forwards = [&] {
            layer_norm_forward(D{}, tokens, width, static_cast<const T*>(x.data()),
                               static_cast<const T*>(gain.data()), static_cast<const T*>(bias.data()),
                               C(1e-6), y.data(), mean.data(), deviation.data());
        };
        const auto backwards = [&] {
            layer_norm_backward(D{}, tokens, width, static_cast<const T*>(x.data()),
                                static_cast<const T*>(gain.data()), static_cast<const T*>(g.data()),
                                static_cast<const C*>(mean.data()), static_cast<const C*>(deviation.data()),
                                GradientTarget<T>{y.data(), false}, GradientTarget<T>{dgain.data(), false},
                                GradientTarget<T>{dbias.data(), false});
        };
        forwards();
        if (gradients)
            measure<T, D>(state, moves<T>(3 * x.size()), backwards);
        else
            measure<T, D>(state, moves<T>(2 * x.size()), forwards);
    };
    add<D>("layer_norm_forward" + type, [=](State& state) { layer_norm(state, false); });
    add<D>("layer_norm_backward" + type, [=](State& state) { layer_norm(state, true); });
}

/// Products of a linear layer: forward (m tokens, to n from k), to the input and to the weight.
template <class T, class D, bool tf32 = false>
void add_products(const Sizes& s, const std::string& type) {
    using State = benchmark::State;
    const std::int64_t m = s.tokens(), inner = s.heads * 64, side = Clock<D>::square;
    const auto named = [&](const char* name, std::int64_t n, std::int64_t k) {
        return std::string(name) + "/" + std::to_string(n) + "x" + std::to_string(k) + "/" + type;
    };
    add<D>("square_product/" + type, [=](State& state) {
        measure<T, D, tf32>(state, {0, 2.0 * static_cast<double>(side * side * side)},
                            linear_call<T, D>(side, side, side));
    });
    for (const auto& [n, k] :
         {std::pair{3 * inner, s.width}, {s.width, inner}, {s.hidden, s.width}, {s.width, s.hidden}}) {
        const Amount amount{0, 2.0 * static_cast<double>(m * n * k)};
        add<D>(named("linear_layer", n, k), [=, n = n, k = k](State& state) {
            measure<T, D, tf32>(state, amount, linear_call<T, D>(m, n, k));
        });
        add<D>(named("input_gradient", n, k), [=, n = n, k = k](State& state) {
            const auto g = ramp<T, D>({m, n}), weight = ramp<T, D>({n, k}), dx = Tensor<T, D>::empty({m, k});
            measure<T, D, tf32>(state, amount, [&] {
                gemm(D{}, lafs::compute_t<T>(1), Matrix<T>::row_major(g.data(), m, n, n),
                     Matrix<T>::row_major(weight.data(), n, k, k), false, dx.data(), k);
            });
        });
        add<D>(named("weight_gradient", n, k), [=, n = n, k = k](State& state) {
            const auto g = ramp<T, D>({m, n}), x = ramp<T, D>({m, k}), dw = Tensor<T, D>::empty({n, k});
            measure<T, D, tf32>(state, amount, [&] {
                gemm(D{}, lafs::compute_t<T>(1), Matrix<T>::row_major(g.data(), m, n, n).transposed(),
                     Matrix<T>::row_major(x.data(), m, k, k), false, dw.data(), k);
            });
        });
    }
}

}  // namespace lafs_bench
