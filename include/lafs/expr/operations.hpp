// Element-wise operations: each a struct with its value `f` and its derivative `df`, once, for all devices.
//
// To add one, write its struct here (or in your own code) and call it with `apply<Op>(x...)`.
// Comparisons give 1 or 0 and have no gradient.
#pragma once

#include <lafs/expr/math.hpp>
#include <lafs/expr/node.hpp>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

struct Add {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return a + b;
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V, V, V) {
        return {{V(1), V(1)}};
    }
};

struct Subtract {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return a - b;
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V, V, V) {
        return {{V(1), V(-1)}};
    }
};

struct Multiply {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return a * b;
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V a, V b, V) {
        return {{b, a}};
    }
};

struct Divide {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return a / b;
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V, V b, V y) {
        const V inverse = V(1) / b;
        return {{inverse, V(-1) * y * inverse}};
    }
};

struct Negate {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return V(0) - x;
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V) {
        return V(-1);
    }
};

struct Exp {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return exp(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V y) {
        return y;
    }
};

struct Log {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return log(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return V(1) / x;
    }
};

struct Sqrt {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return sqrt(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V y) {
        return V(0.5) / y;
    }
};

struct Rsqrt {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return V(1) / sqrt(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V y) {
        return V(-0.5) * y * y * y;
    }
};

struct Square {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x * x;
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return x + x;
    }
};

/// |x|; derivative 0 at 0.
struct Abs {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return abs(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return is_less(V(0), x) - is_less(x, V(0));
    }
};

struct Tanh {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return tanh(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V y) {
        return V(1) - y * y;
    }
};

struct Sin {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return sin(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return cos(x);
    }
};

struct Cos {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return cos(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return V(0) - sin(x);
    }
};

/// a to the power b. Where a is 0 and b is not negative, b gets no gradient; where b is 0, a gets none.
struct Pow {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return pow(a, b);
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V a, V b, V y) {
        return {{select(b, b * pow(a, b - V(1)), V(0)),
                 select(is_equal(a, V(0)) * is_less_equal(V(0), b), V(0), y * log(a))}};
    }
};

/// The angle of a cosine; the derivative is infinite at -1 and 1.
struct Acos {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return acos(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return V(-1) / sqrt(V(1) - x * x);
    }
};

struct Sigmoid {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return V(1) / (V(1) + exp(V(0) - x));
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V y) {
        return y * (V(1) - y);
    }
};

/// x * sigmoid(x), also called swish (Ramachandran et al., arXiv 1710.05941).
struct Silu {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x * Sigmoid::f(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V y) {
        const V share = Sigmoid::f(x);
        return share + y * (V(1) - share);
    }
};

/// x itself: where a fused function takes an operation and there is none.
struct Identity {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x;
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V, V) {
        return V(1);
    }
};

/// max(x, 0). Like all of this kind it lets NaN through, and its gradient.
struct Relu {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return select(is_less_equal(x, V(0)), V(0), x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return V(1) - is_less_equal(x, V(0));
    }
};

/// x where it is positive, else slope x: PReLU (He et al., arXiv 1502.01852, equation 1).
struct Prelu {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x, V slope) {
        return select(is_less_equal(x, V(0)), x * slope, x);
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V x, V slope, V) {
        const V below = is_less_equal(x, V(0));
        return {{select(below, slope, V(1)), select(below, x, V(0))}};
    }
};

/// min(max(x + 3, 0), 6) / 6 (Howard et al., "Searching for MobileNetV3", section 5.2).
struct HardSigmoid {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return minimum(maximum(x + V(3), V(0)), V(6)) * V(1.0 / 6);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return is_less(V(-3), x) * is_less(x, V(3)) * V(1.0 / 6);
    }
};

/// x * hard_sigmoid(x) (the same paper).
struct HardSwish {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x * HardSigmoid::f(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V y) {
        return HardSigmoid::f(x) + x * HardSigmoid::df(x, y);
    }
};

/// The exact GELU, x (1 + erf(x / sqrt 2)) / 2 (Hendrycks & Gimpel, arXiv 1606.08415).
struct Gelu {
    template <class V>
    LAFS_HOST_DEVICE static V f(V x) {
        return x * distribution(x);
    }
    template <class V>
    LAFS_HOST_DEVICE static V df(V x, V) {
        return distribution(x) + x * (exp(x * x * V(-0.5)) * V(0.3989422804014327));
    }

private:
    template <class V>
    LAFS_HOST_DEVICE static V distribution(V x) {
        return V(0.5) + V(0.5) * erf(x * V(0.7071067811865476));
    }
};

/// What `Minimum` and `Maximum` share: the gradient goes to the operand that is the value, `chosen` being 1 where
/// a compares as the one to take, a tie included. A NaN is the value wherever it is.
struct Extreme {
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> share(V a, V chosen) {
        const V first = select(is_equal(a, a), chosen, V(1));
        return {{first, V(1) - first}};
    }
};

/// min(a, b); on a tie the gradient goes to a.
struct Minimum : Extreme {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return minimum(a, b);
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V a, V b, V) {
        return share(a, is_less_equal(a, b));
    }
};

/// max(a, b); on a tie the gradient goes to a.
struct Maximum : Extreme {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return maximum(a, b);
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V a, V b, V) {
        return share(a, is_less_equal(b, a));
    }
};

/// a where the condition is not 0, else b.
struct Where {
    template <class V>
    LAFS_HOST_DEVICE static V f(V condition, V a, V b) {
        return select(condition, a, b);
    }
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 3> df(V condition, V, V, V) {
        return {{V(0), select(condition, V(1), V(0)), select(condition, V(0), V(1))}};
    }
};

/// Base of comparisons: no gradient.
struct Comparison {
    template <class V>
    LAFS_HOST_DEVICE static Partials<V, 2> df(V, V, V) {
        return {{V(0), V(0)}};
    }
};

struct Less : Comparison {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return is_less(a, b);
    }
};

struct LessEqual : Comparison {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return is_less_equal(a, b);
    }
};

struct Equal : Comparison {
    template <class V>
    LAFS_HOST_DEVICE static V f(V a, V b) {
        return is_equal(a, b);
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
