// Batch normalisation on the GPU (formulas and contract: primitives/batch_norm.hpp).
//
// A channel is cut into chunks, each summed by a block in double: a thread adds every k-th element, the block
// adds its threads in a tree. One thread a channel then puts the chunks together in order. The passes over
// elements follow.
#pragma once

#include <lafs/backend/cuda/launch.cuh>
#include <lafs/core/tensor.hpp>
#include <lafs/primitives/batch_norm.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// How channels are cut: by the sizes alone.
struct ChannelChunks {
    std::int64_t size, count;

    explicit ChannelChunks(const ChannelSizes& n) {
        constexpr std::int64_t least = 16 * element_threads, blocks = 1024;
        const std::int64_t wanted = std::clamp<std::int64_t>(
            n.count() / least, 1, std::max<std::int64_t>(1, blocks / std::max<std::int64_t>(1, n.channels)));
        size = std::max<std::int64_t>(1, (n.count() + wanted - 1) / wanted);
        count = std::max<std::int64_t>(1, (n.count() + size - 1) / size);
    }
};

/// Runs body(place of the element) for the elements of the block's chunk of its channel.
template <int threads, class Body>
__device__ void each_of_chunk(const ChannelSizes& n, const ChannelChunks& chunks, const Body& body) {
    const std::int64_t channel = blockIdx.x / chunks.count, begin = blockIdx.x % chunks.count * chunks.size;
    const std::int64_t end = begin + chunks.size < n.count() ? begin + chunks.size : n.count();
    for (std::int64_t k = begin + threadIdx.x; k < end; k += threads)
        body(n.row(k / n.plane, channel) + k % n.plane);
}

/// moments[channel, chunk] = those of the chunk's elements.
template <int threads, class T>
__global__ void moments_kernel(ChannelSizes n, ChannelChunks chunks, const T* x, ChannelMoments* moments) {
    const std::int64_t begin = blockIdx.x % chunks.count * chunks.size;
    const double count =
        static_cast<double>(begin + chunks.size < n.count() ? chunks.size : n.count() - begin);
    double sum = 0, squares = 0;
    each_of_chunk<threads>(n, chunks, [&](std::int64_t i) { sum += static_cast<double>(x[i]); });
    const double mean = sum_over_block<threads>(sum) / count;
    each_of_chunk<threads>(n, chunks, [&](std::int64_t i) {
        const double deviation = static_cast<double>(x[i]) - mean;
        squares += deviation * deviation;
    });
    squares = sum_over_block<threads>(squares);
    if (threadIdx.x == 0) {
        ChannelMoments own;
        own.add(count, mean, squares);
        moments[blockIdx.x] = own;
    }
}

/// The statistics of each channel from those of its chunks, in order.
template <class T>
__global__ void statistics_kernel(std::int64_t channels, std::int64_t chunks, const ChannelMoments* moments,
                                  double epsilon, ChannelStatistics<T> statistics) {
    each_element(channels, [=](std::int64_t channel) {
        ChannelMoments whole;
        for (std::int64_t k = 0; k < chunks; ++k) {
            const ChannelMoments& part = moments[channel * chunks + k];
            whole.add(part.count, part.mean, part.squares);
        }
        whole.put(statistics, channel, epsilon);
    });
}

template <class Op, class T>
__global__ void normalize_channels_kernel(ChannelSizes n, const T* x, const T* gain, const T* bias,
                                          const T* mean, const T* inverse_deviation, T* y) {
    each_element(n.channels * n.count(), [=](std::int64_t i) {
        const std::int64_t channel = i / n.plane % n.channels;
        const ChannelOutput<Op, T> output(
            ChannelAffine<T>{mean[channel], inverse_deviation[channel], gain[channel], bias[channel]});
        y[i] = output(x[i]);
    });
}

/// sums[channel, chunk] = those of the chunk's elements.
template <int threads, class Op, class T>
__global__ void gradient_sums_kernel(ChannelSizes n, ChannelChunks chunks, const T* x, const T* g,
                                     const T* gain, const T* bias, const T* mean, const T* inverse_deviation,
                                     ChannelSums* sums) {
    const std::int64_t channel = blockIdx.x / chunks.count;
    const ChannelGradient<Op, T> gradient(
        ChannelAffine<T>{mean[channel], inverse_deviation[channel], gain[channel], bias[channel]});
    ChannelSums own;
    each_of_chunk<threads>(n, chunks, [&](std::int64_t i) {
        const T h = gradient.h(x[i]), dz = gradient.dz(h, g[i]);
        own.dz += static_cast<double>(dz);
        own.dz_h += static_cast<double>(dz * h);
    });
    own.dz = sum_over_block<threads>(own.dz);
    own.dz_h = sum_over_block<threads>(own.dz_h);
    if (threadIdx.x == 0)
        sums[blockIdx.x] = own;
}

/// Adds up the chunks of each channel, into the first, and puts the gradients of gain and bias.
template <class T>
__global__ void channel_gradients_kernel(std::int64_t channels, std::int64_t chunks, ChannelSums* sums,
                                         GradientTarget<T> dgain, GradientTarget<T> dbias) {
    each_element(channels, [=](std::int64_t channel) {
        ChannelSums whole;
        for (std::int64_t k = 0; k < chunks; ++k) {
            whole.dz += sums[channel * chunks + k].dz;
            whole.dz_h += sums[channel * chunks + k].dz_h;
        }
        sums[channel * chunks] = whole;
        const auto put = [channel](const GradientTarget<T>& to, double value) {
            if (to)
                to.data[channel] =
                    static_cast<T>(value + (to.accumulate ? static_cast<double>(to.data[channel]) : 0.0));
        };
        put(dgain, whole.dz_h);
        put(dbias, whole.dz);
    });
}

/// One element, as the formulas see it.
struct OneElement {
    template <class T>
    __device__ T operator()(const T* x) const {
        return *x;
    }
    template <class T>
    __device__ void put(const GradientTarget<T>& to, T value) const {
        *to.data = to.accumulate ? *to.data + value : value;
    }
};

/// `sums` null: the statistics are constants.
template <class Op, class T>
__global__ void input_gradient_kernel(ChannelSizes n, std::int64_t chunks, const T* x, const T* g,
                                      const T* gain, const T* bias, const T* mean, const T* inverse_deviation,
                                      const ChannelSums* sums, GradientTarget<T> dx) {
    each_element(n.channels * n.count(), [=](std::int64_t i) {
        const std::int64_t channel = i / n.plane % n.channels;
        const ChannelGradient<Op, T> gradient(
            ChannelAffine<T>{mean[channel], inverse_deviation[channel], gain[channel], bias[channel]},
            sums ? sums[channel * chunks] : ChannelSums{}, n.count());
        gradient.put_dx(OneElement{}, x + i, g + i, GradientTarget<T>{dx.data + i, dx.accumulate});
    });
}

/// Launches a kernel with a block for each chunk of each channel.
template <class Kernel, class... Arguments>
void launch_chunks(int threads, Kernel kernel, const ChannelSizes& n, const ChannelChunks& chunks,
                   const Arguments&... arguments) {
    const std::int64_t blocks = n.channels * chunks.count;
    require(blocks < (std::int64_t{1} << 31), "batch_norm", "got ", blocks,
            " blocks of work, expected below 2^31");
    if (blocks > 0)
        launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(static_cast<unsigned>(threads)), stream(), n,
               chunks, arguments...);
}

}  // namespace cuda

template <class Op, class T>
void batch_norm_evaluation(Cuda, Op, const ChannelSizes& sizes, const T* x, const T* gain, const T* bias,
                           const T* mean, const T* inverse_deviation, T* y) {
    cuda::launch_elements(cuda::normalize_channels_kernel<Op, T>, sizes.channels * sizes.count(), sizes, x,
                          gain, bias, mean, inverse_deviation, y);
}

template <class Op, class T>
void batch_norm_training(Cuda device, Op op, const ChannelSizes& sizes, const T* x, const T* gain,
                         const T* bias, double epsilon, T* y, const ChannelStatistics<T>& statistics) {
    const cuda::ChannelChunks chunks(sizes);
    const auto moments = Tensor<ChannelMoments, Cuda>::empty({sizes.channels, chunks.count});
    cuda::with_sum_threads(chunks.size, [&](auto threads) {
        cuda::launch_chunks(threads, cuda::moments_kernel<decltype(threads)::value, T>, sizes, chunks, x,
                            moments.data());
    });
    cuda::launch_elements(cuda::statistics_kernel<T>, sizes.channels, sizes.channels, chunks.count,
                          moments.data(), epsilon, statistics);
    batch_norm_evaluation(device, op, sizes, x, gain, bias, statistics.mean, statistics.inverse_deviation, y);
}

template <class Op, class T>
void batch_norm_backward(Cuda, Op, const ChannelSizes& sizes, bool training, const T* x, const T* g,
                         const T* gain, const T* bias, const T* mean, const T* inverse_deviation,
                         const GradientTarget<T>& dx, const GradientTarget<T>& dgain,
                         const GradientTarget<T>& dbias) {
    const cuda::ChannelChunks chunks(sizes);
    const auto sums = Tensor<ChannelSums, Cuda>::empty({sizes.channels, chunks.count});
    if (training || dgain || dbias) {
        cuda::with_sum_threads(chunks.size, [&](auto threads) {
            cuda::launch_chunks(threads, cuda::gradient_sums_kernel<decltype(threads)::value, Op, T>, sizes,
                                chunks, x, g, gain, bias, mean, inverse_deviation, sums.data());
        });
        cuda::launch_elements(cuda::channel_gradients_kernel<T>, sizes.channels, sizes.channels, chunks.count,
                              sums.data(), dgain, dbias);
    }
    if (dx)
        cuda::launch_elements(cuda::input_gradient_kernel<Op, T>, sizes.channels * sizes.count(), sizes,
                              chunks.count, x, g, gain, bias, mean, inverse_deviation,
                              training ? sums.data() : nullptr, dx);
}

}  // namespace lafs::inline LAFS_ABI
