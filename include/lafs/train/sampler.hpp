// The order in which a training set is seen, a function of (seed, epoch): a resumed run needs only its step.
#pragma once

#include <cstdint>
#include <lafs/core/random.hpp>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Shuffles anew every epoch and cuts the order into batches. What is left over at the end of an epoch is
/// left out, as in the published training; a set smaller than a batch is one smaller batch.
class EpochSampler {
public:
    /// Throws for an empty set or batch.
    EpochSampler(std::int64_t size, std::int64_t batch, std::uint64_t seed)
        : size_(size), batch_(batch < size ? batch : size), seed_(seed) {
        require(size > 0, "sampler", "the training set is empty");
        require(batch > 0, "sampler", "got a batch of ", batch, ", expected at least 1");
    }

    std::int64_t batch() const { return batch_; }
    std::int64_t steps_per_epoch() const { return size_ / batch_; }

    /// The records of a step, counted over all epochs. Valid until the next call.
    std::span<const std::int64_t> indices(std::int64_t step) {
        const std::int64_t epoch = step / steps_per_epoch();
        if (epoch != epoch_)
            shuffle(epoch);
        return std::span<const std::int64_t>(order_).subspan(
            static_cast<std::size_t>(step % steps_per_epoch() * batch_), static_cast<std::size_t>(batch_));
    }

private:
    // Fisher-Yates with the epoch's own stream.
    void shuffle(std::int64_t epoch) {
        order_.resize(static_cast<std::size_t>(size_));
        std::iota(order_.begin(), order_.end(), std::int64_t{0});
        RandomSequence random(seed_, static_cast<std::uint64_t>(epoch));
        for (std::size_t i = order_.size(); i > 1; --i)
            std::swap(order_[i - 1], order_[random.integer(i)]);
        epoch_ = epoch;
    }

    std::int64_t size_, batch_;
    std::uint64_t seed_;
    std::int64_t epoch_ = -1;
    std::vector<std::int64_t> order_;
};

}  // namespace lafs::inline LAFS_ABI
