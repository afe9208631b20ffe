// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011).
//
// A number is a pure function of (seed, stream, index), so results do not depend on threads, and the
// backward pass draws again what the forward pass drew instead of storing it.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/abi.hpp>
#include <lafs/core/error.hpp>

namespace lafs::inline LAFS_ABI {

/// Four 32-bit words of one Philox block.
struct PhiloxBlock {
    std::uint32_t word[4];
};

/// Philox 4x32-10 of the 128-bit counter (index, stream) under the 64-bit key `seed`.
LAFS_HOST_DEVICE inline PhiloxBlock philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    std::uint32_t c0 = static_cast<std::uint32_t>(index), c1 = static_cast<std::uint32_t>(index >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
        c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<std::uint32_t>(p1);
        c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<std::uint32_t>(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

/// Maps 32 random bits to [0, 1) on a grid of 2^-24, exact in float.
template <class T = float>
LAFS_HOST_DEVICE constexpr T uniform_from_bits(std::uint32_t bits) {
    return static_cast<T>(bits >> 8) * static_cast<T>(1.0 / 16777216.0);
}

/// The `index`-th uniform number of a stream, in [0, 1).
LAFS_HOST_DEVICE inline float uniform_at(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    return uniform_from_bits(philox(seed, stream, index >> 2).word[index & 3]);
}

/// The `index`-th standard normal number of a stream (Box-Muller on one half of a Philox block).
LAFS_HOST_DEVICE inline double normal_at(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    const PhiloxBlock block = philox(seed, stream, index >> 1);
    const std::uint32_t* half = block.word + 2 * (index & 1);
    const double u = (static_cast<double>(half[0]) + 0.5) / 4294967296.0;
    const double angle = 6.283185307179586 * (static_cast<double>(half[1]) / 4294967296.0);
    return std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
}

/// Names a stream of random numbers.
struct RandomStream {
    std::uint64_t seed, stream;
};

/// Hands out streams: each random operation takes the next one. (seed, next) is its whole state.
struct Generator {
    std::uint64_t seed = 0;
    std::uint64_t next = 0;

    std::uint64_t take() { return next++; }
    RandomStream take_stream() { return {seed, take()}; }
};

/// The calling thread's generator, used by initialisers, dropout and stochastic depth.
inline Generator& default_generator() {
    thread_local Generator generator;
    return generator;
}

/// Restarts the calling thread's generator.
inline void manual_seed(std::uint64_t seed) {
    default_generator() = Generator{seed, 0};
}

/// Draws one number after the other from one stream: for host code that wants a sequence.
class RandomSequence {
public:
    RandomSequence(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

    /// 32 random bits.
    std::uint32_t bits() {
        if (used_ == 4) {
            block_ = philox(seed_, stream_, index_++);
            used_ = 0;
        }
        return block_.word[used_++];
    }

    /// Uniform in [low, high).
    double uniform(double low = 0.0, double high = 1.0) {
        return low + (high - low) * (static_cast<double>(bits()) / 4294967296.0);
    }

    /// Normal with the given mean and deviation.
    double normal(double mean = 0.0, double deviation = 1.0) {
        const double u = (static_cast<double>(bits()) + 0.5) / 4294967296.0;
        const double angle = 6.283185307179586 * (static_cast<double>(bits()) / 4294967296.0);
        return mean + deviation * std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
    }

    /// Uniform integer in [0, count), unbiased. Throws when count is 0.
    std::uint64_t integer(std::uint64_t count) {
        require(count > 0, "random", "cannot draw an integer below 0 choices");
        const std::uint64_t limit = UINT64_MAX - UINT64_MAX % count;
        for (;;) {
            const std::uint64_t high = bits();
            const std::uint64_t value = high << 32 | bits();
            if (value < limit)
                return value % count;
        }
    }

private:
    std::uint64_t seed_, stream_, index_ = 0;
    PhiloxBlock block_{};
    int used_ = 4;
};

}  // namespace lafs::inline LAFS_ABI
