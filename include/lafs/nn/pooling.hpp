// Pooling as layers, without parameters: torch.nn.MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, AdaptiveMaxPool2d.
#pragma once

#include <lafs/autograd/pooling.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// Largest elements of windows, (batch, channels, height, width) -> (batch, channels, height', width').
template <class T, class D = Cpu>
struct MaxPool2d : Module<T, D> {
    PoolOptions options;

    explicit MaxPool2d(const PoolOptions& pool_options) : options(pool_options) {}
    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return max_pool2d(x, options); });
    }
};

/// Means of windows.
template <class T, class D = Cpu>
struct AvgPool2d : Module<T, D> {
    PoolOptions options;

    explicit AvgPool2d(const PoolOptions& pool_options) : options(pool_options) {}
    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return avg_pool2d(x, options); });
    }
};

/// Largest elements of height x width areas, whatever the size of the plane.
template <class T, class D = Cpu>
struct AdaptiveMaxPool2d : Module<T, D> {
    std::int64_t height, width;

    explicit AdaptiveMaxPool2d(std::int64_t out_height = 1, std::int64_t out_width = 1)
        : height(out_height), width(out_width) {}
    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return adaptive_max_pool2d(x, height, width); });
    }
};

/// Means of height x width areas.
template <class T, class D = Cpu>
struct AdaptiveAvgPool2d : Module<T, D> {
    std::int64_t height, width;

    explicit AdaptiveAvgPool2d(std::int64_t out_height = 1, std::int64_t out_width = 1)
        : height(out_height), width(out_width) {}
    void visit(Visitor<T, D>&) override {}
    Variable<T, D> forward(const Variable<T, D>& x) const {
        return this->observed([&] { return adaptive_avg_pool2d(x, height, width); });
    }
};

}  // namespace lafs::inline LAFS_ABI
