// Dropout with a mask that is drawn again wherever it is needed: the mask, which bits decide, and contract.
//
// Element i is decided by 16 bits of a Philox block (core/random.hpp), so that one block serves eight
// elements: with r = i mod 128, it is block 16 (i / 128) + r mod 16, word r / 32, its low half where r / 16
// is even, else its high half. So sixteen neighbours take the same bits of sixteen blocks, which vectorises.
// The probability is a multiple of 2^-16; the kept elements are scaled by the inverse of exactly that
// probability, so the mean stays exact.
//
// A backend overloads, for its device; Op is an element-wise operation of one operand:
//   dropout_forward(D, op, mask, samples, n, x, residual, y)
//       y = mask sample Op(x) [+ residual, unless null]
//   dropout_backward(D, op, mask, samples, n, x, g, dx)
//       dx = or += mask sample Op'(x) g
//   draw_sample_factors(device, samples, p, random, factors)
//       factors[i] = 0 with probability p, else 1 / (1 - p)
// over n elements, in one pass. The mask's numbers are the host's; the samples' factors lie in the device's
// memory.
#pragma once

#include <lafs/core/random.hpp>

namespace lafs::inline LAFS_ABI {

/// Elements whose bits one group of Philox blocks gives, and the blocks of such a group.
inline constexpr int dropout_chunk = 128, dropout_blocks = 16;

/// Which elements are dropped: those whose 16 bits are below `threshold`.
struct DropoutMask {
    std::uint64_t seed = 0, stream = 0;
    std::uint32_t threshold = 0;

    /// What kept elements are multiplied with.
    LAFS_HOST_DEVICE double scale() const { return 65536.0 / (65536.0 - threshold); }

    /// The Philox block that decides element i.
    LAFS_HOST_DEVICE static std::uint64_t block_of(std::uint64_t i) {
        return i / dropout_chunk * dropout_blocks + i % dropout_blocks;
    }
    /// The 16 bits of that block that do; elements dropout_blocks apart take one part after the other.
    LAFS_HOST_DEVICE static std::uint32_t bits_of(const PhiloxBlock& block, std::uint64_t i) {
        const std::uint64_t part = i % dropout_chunk / dropout_blocks;
        const std::uint32_t word = block.word[part / 2];
        return part % 2 ? word >> 16 : word & 0xFFFFu;
    }
    /// Whether element i is kept.
    LAFS_HOST_DEVICE bool keeps(std::uint64_t i) const {
        return bits_of(philox(seed, stream, block_of(i)), i) >= threshold;
    }
};

/// Numbers that scale whole samples: element i is multiplied with factor[i / sample_size]. Null: none.
template <class C>
struct SampleScale {
    const C* factor = nullptr;
    std::int64_t sample_size = 1;
};

/// The factor of sample i in stochastic depth: 0 with probability p, else 1 / (1 - p).
template <class C>
LAFS_HOST_DEVICE C sample_factor(const RandomStream& random, double p, std::int64_t i) {
    return uniform_at(random.seed, random.stream, static_cast<std::uint64_t>(i)) < p
               ? C(0)
               : static_cast<C>(1 / (1 - p));
}

}  // namespace lafs::inline LAFS_ABI
