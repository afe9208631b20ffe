// Dropout on the CPU (contract, and which bits decide: primitives/dropout.hpp): the mask is drawn from Philox
// while the data pass through, sixteen blocks side by side.
#pragma once

#include <lafs/backend/cpu/map.hpp>
#include <lafs/expr/operations.hpp>
#include <lafs/primitives/dropout.hpp>

namespace lafs::inline LAFS_ABI {

namespace cpu {

inline constexpr int philox_lanes = dropout_blocks;
typedef std::uint32_t PhiloxLanes __attribute__((vector_size(4 * philox_lanes)));
typedef std::uint64_t PhiloxWideLanes __attribute__((vector_size(4 * philox_lanes)));

/// The high and low words of lane * factor.
inline void multiply_wide(const PhiloxLanes& lanes, std::uint32_t factor, PhiloxLanes& high,
                          PhiloxLanes& low) {
    const auto wide = reinterpret_cast<PhiloxWideLanes>(lanes);
    const PhiloxWideLanes even = (wide & 0xFFFFFFFFu) * std::uint64_t{factor},
                          odd = (wide >> 32) * std::uint64_t{factor};
    low = reinterpret_cast<PhiloxLanes>((even & 0xFFFFFFFFu) | (odd << 32));
    high = reinterpret_cast<PhiloxLanes>((even >> 32) | (odd & ~std::uint64_t{0xFFFFFFFFu}));
}

/// Philox blocks [first, first + 16): word[w] holds their w-th words.
inline void philox_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t first,
                          PhiloxLanes (&word)[4]) {
    constexpr PhiloxLanes count = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    word[0] = count + static_cast<std::uint32_t>(first);  // `first` is a multiple of 16: no carry
    word[1] = PhiloxLanes{} + static_cast<std::uint32_t>(first >> 32);
    word[2] = PhiloxLanes{} + static_cast<std::uint32_t>(stream);
    word[3] = PhiloxLanes{} + static_cast<std::uint32_t>(stream >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        PhiloxLanes high0, low0, high1, low1;
        multiply_wide(word[0], 0xD2511F53u, high0, low0);
        multiply_wide(word[2], 0xCD9E8D57u, high1, low1);
        word[0] = high1 ^ word[1] ^ k0;
        word[1] = low1;
        word[2] = high0 ^ word[3] ^ k1;
        word[3] = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/// factors[r] = 0 or `scale` for the 128 elements of one chunk.
template <class C>
void dropout_factors(const DropoutMask& mask, std::int64_t chunk, C scale, C (&factors)[dropout_chunk]) {
    PhiloxLanes word[4];
    philox_blocks(mask.seed, mask.stream, static_cast<std::uint64_t>(chunk) * philox_lanes, word);
    unroll<dropout_chunk / dropout_blocks>([&](auto part) {
        const PhiloxLanes bits = part % 2 ? word[part / 2] >> 16 : word[part / 2] & 0xFFFFu;
        C* to = factors + part * philox_lanes;
        for (int lane = 0; lane < philox_lanes; ++lane)
            to[lane] = bits[lane] < mask.threshold ? C(0) : scale;
    });
}

/// Multiplies the factors of elements [begin, end) with those of their samples.
template <class C>
void scale_samples(const SampleScale<C>& samples, std::int64_t begin, std::int64_t end, C* factors) {
    while (begin < end) {
        const std::int64_t sample = begin / samples.sample_size,
                           stop = std::min(end, (sample + 1) * samples.sample_size);
        const C factor = samples.factor[sample];
        for (; begin < stop; ++begin)
            *factors++ *= factor;
    }
}

/// body(at, count, factor) for the packs of all n elements.
template <class C, class Body>
void for_each_dropout_pack(const DropoutMask& mask, const SampleScale<C>& samples, std::int64_t n,
                           const Body& body) {
    constexpr int width = Pack<C>::width;
    static_assert(map_grain % dropout_chunk == 0 && dropout_chunk % width == 0);
    const C scale = static_cast<C>(mask.scale());
    count_launch();
    parallel_ranges(n, map_grain, [&](std::int64_t begin, std::int64_t end) LAFS_FLATTEN {
        alignas(64) C factors[dropout_chunk];
        for (std::int64_t chunk = begin; chunk < end; chunk += dropout_chunk) {
            const std::int64_t stop = std::min<std::int64_t>(chunk + dropout_chunk, end);
            if (mask.threshold != 0)
                dropout_factors(mask, chunk / dropout_chunk, scale, factors);
            else
                std::fill(std::begin(factors), std::end(factors), C(1));
            if (samples.factor)
                scale_samples(samples, chunk, stop, factors);
            for (std::int64_t at = chunk; at < stop; at += width)
                body(at, std::min<std::int64_t>(width, stop - at), load(factors + (at - chunk)));
        }
    });
}

}  // namespace cpu

template <class Op, class T>
void dropout_forward(Cpu, Op, const DropoutMask& mask, const SampleScale<compute_t<T>>& samples,
                     std::int64_t n, const T* x, const T* residual, T* y) {
    using V = Pack<compute_t<T>>;
    cpu::for_each_dropout_pack(mask, samples, n, [=](std::int64_t at, std::int64_t count, const V& factor) {
        const bool whole = count == V::width;
        V value = factor * Op::f(whole ? load(x + at) : load(x + at, 1, count));
        if (residual)
            value = value + (whole ? load(residual + at) : load(residual + at, 1, count));
        whole ? store(y + at, value) : store(y + at, value, 1, count);
    });
}

template <class Op, class T>
void dropout_backward(Cpu, Op, const DropoutMask& mask, const SampleScale<compute_t<T>>& samples,
                      std::int64_t n, const T* x, const T* g, const GradientTarget<T>& dx) {
    using V = Pack<compute_t<T>>;
    const auto part = [](const T* from, std::int64_t count) {
        return count == V::width ? load(from) : load(from, 1, count);
    };
    cpu::for_each_dropout_pack(mask, samples, n, [=](std::int64_t at, std::int64_t count, const V& factor) {
        V value = factor * part(g + at, count);
        if constexpr (!std::is_same_v<Op, Identity>) {
            const V operand = part(x + at, count);
            value = value * Op::df(operand, Op::f(operand));
        }
        if (dx.accumulate)
            value = value + part(dx.data + at, count);
        count == V::width ? store(dx.data + at, value) : store(dx.data + at, value, 1, count);
    });
}

template <class C>
void draw_sample_factors(Cpu, std::int64_t samples, double p, const RandomStream& random, C* factors) {
    for (std::int64_t i = 0; i < samples; ++i)
        factors[i] = sample_factor<C>(random, p, i);
}

}  // namespace lafs::inline LAFS_ABI
