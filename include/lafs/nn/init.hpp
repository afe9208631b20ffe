// Initial values of parameters. Each call takes one stream of `default_generator()`, and an element's value
// depends on its index alone: the same seed gives the same weights for any number of threads, on any device.
//
// Weights have the published layout (out, in, ...): the fan-in of a weight is in times the kernel's
// positions, the fan-out is out times the kernel's positions.
#pragma once

#include <cmath>
#include <lafs/core/random.hpp>
#include <lafs/core/tensor.hpp>
#include <lafs/core/threads.hpp>

namespace lafs::inline LAFS_ABI {

namespace detail {
/// Overwrites a tensor with draw(seed, stream, index).
template <class T, class D, class Draw>
void fill_random(const Tensor<T, D>& tensor, const Draw& draw) {
    const std::uint64_t seed = default_generator().seed, stream = default_generator().take();
    const auto host = Tensor<T, Cpu>::empty(tensor.shape());
    parallel_ranges(host.size(), 1 << 12, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            host.data()[i] = static_cast<T>(draw(seed, stream, static_cast<std::uint64_t>(i)));
    });
    if constexpr (std::is_same_v<D, Cpu>)
        tensor.copy_from(host);
    else
        tensor.copy_from(host.template to<D>());
}
}  // namespace detail

/// Uniform numbers in [low, high).
template <class T, class D>
void fill_uniform(const Tensor<T, D>& tensor, double low, double high) {
    detail::fill_random(tensor, [=](auto seed, auto stream, auto index) {
        return low + (high - low) * static_cast<double>(uniform_at(seed, stream, index));
    });
}

/// Normal numbers.
template <class T, class D>
void fill_normal(const Tensor<T, D>& tensor, double mean, double deviation) {
    detail::fill_random(tensor, [=](auto seed, auto stream, auto index) {
        return mean + deviation * normal_at(seed, stream, index);
    });
}

/// Normal numbers, those outside [low, high] drawn again (as in torch.nn.init.trunc_normal_, the limits are
/// values, not deviations). Throws when the interval holds too little of the distribution to draw from.
template <class T, class D>
void fill_truncated_normal(const Tensor<T, D>& tensor, double mean, double deviation, double low = -2.0,
                           double high = 2.0) {
    const auto below = [&](double x) { return 0.5 * std::erfc((mean - x) / deviation * std::sqrt(0.5)); };
    require(deviation > 0 && below(high) - below(low) > 1e-3, "truncated normal", "got mean ", mean,
            " and deviation ", deviation, ", expected a thousandth of the numbers in [", low, ", ", high,
            ']');
    const auto size = static_cast<std::uint64_t>(tensor.size());
    detail::fill_random(tensor, [=](auto seed, auto stream, std::uint64_t index) {
        for (;; index += size) {
            const double x = mean + deviation * normal_at(seed, stream, index);
            if (x >= low && x <= high)
                return x;
        }
    });
}

/// Which side of a weight keeps its scale.
enum class Fan { in, out };

/// Number of inputs that one output sums, or of outputs that one input reaches. Throws below two axes.
inline std::int64_t fan_of(const Shape& weight, Fan fan) {
    require(weight.rank() >= 2, "init", "got a weight of shape ", weight, ", expected (out, in, ...)");
    return weight[fan == Fan::in ? 1 : 0] * weight.size_between(2, weight.rank());
}

/// Glorot & Bengio (AISTATS 2010): variance 2 gain^2 / (fan-in + fan-out).
template <class T, class D>
void xavier_uniform(const Tensor<T, D>& weight, double gain = 1.0) {
    const auto fans = static_cast<double>(fan_of(weight.shape(), Fan::in) + fan_of(weight.shape(), Fan::out));
    const double limit = gain * std::sqrt(6.0 / fans);
    fill_uniform(weight, -limit, limit);
}
template <class T, class D>
void xavier_normal(const Tensor<T, D>& weight, double gain = 1.0) {
    const auto fans = static_cast<double>(fan_of(weight.shape(), Fan::in) + fan_of(weight.shape(), Fan::out));
    fill_normal(weight, 0.0, gain * std::sqrt(2.0 / fans));
}

/// He et al. (arXiv 1502.01852): variance 2 / ((1 + slope^2) fan) for a leaky ReLU of that negative slope.
template <class T, class D>
void kaiming_uniform(const Tensor<T, D>& weight, Fan fan = Fan::in, double slope = 0.0) {
    const double limit =
        std::sqrt(6.0 / ((1.0 + slope * slope) * static_cast<double>(fan_of(weight.shape(), fan))));
    fill_uniform(weight, -limit, limit);
}
template <class T, class D>
void kaiming_normal(const Tensor<T, D>& weight, Fan fan = Fan::in, double slope = 0.0) {
    fill_normal(weight, 0.0,
                std::sqrt(2.0 / ((1.0 + slope * slope) * static_cast<double>(fan_of(weight.shape(), fan)))));
}

}  // namespace lafs::inline LAFS_ABI
