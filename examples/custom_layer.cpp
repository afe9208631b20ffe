// A user's own operation and layer: y = x W' + b, then "mish"(y) = y tanh(softplus(y)), fused with what
// surrounds it, on every device, with the gradient checked.
#include <cstdio>
#include <lafs/autograd/matmul.hpp>
#include <lafs/nn/module.hpp>
#include <lafs/testing/gradient_check.hpp>
#include <lafs/testing/random_inputs.hpp>
#include <sstream>

#include "run_program.hpp"

// An element-wise operation is its value f and its derivative df, for any value type.
struct Mish {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x * gate(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        const V t = gate(x), sigmoid = V(1) / (V(1) + exp(V(0) - x));
        return t + x * (V(1) - t * t) * sigmoid;
    }

private:
    template <class V>
    LAFS_HOST_DEVICE static V gate(V x) {
        return tanh(log(V(1) + exp(x)));
    }
};

// A layer is parameters, their names and `forward`.
template <class T>
struct MishLinear : lafs::Module<T> {
    lafs::Variable<T> weight, bias, gain;

    MishLinear(std::int64_t in, std::int64_t out)
        : weight(lafs::normal_tensor<T>({out, in}, 1), true),
          bias(lafs::Tensor<T>::zeros({out}), true),
          gain(lafs::Tensor<T>::full({out}, T(1)), true) {}

    void visit(lafs::Visitor<T, lafs::Cpu>& visitor) override {
        visitor.parameter("weight", weight);
        visitor.parameter("bias", bias);
        visitor.parameter("gain", gain);
    }
    lafs::Variable<T> forward(const lafs::Variable<T>& x) const {
        return lafs::apply<Mish>(linear(x, weight) + bias) * gain;  // one pass forward, one backward
    }
};

static int check() {
    MishLinear<double> layer(7, 5);
    const lafs::Variable<double> x(lafs::normal_tensor({3, 7}, 2), true);
    const auto result = lafs::check_gradients([&](const auto& in) { return layer.forward(in[0]); },
                                              {x, layer.weight, layer.bias, layer.gain});
    std::ostringstream text;
    text << result;
    std::printf("%s: %s\n", result.ok() ? "gradients are right" : "gradients are WRONG", text.str().c_str());
    return result.ok() ? 0 : 1;
}

int main() {
    return run_program(check);
}
