// Which validation of a run was the best so far: a part of its state, so that a run that was killed and resumed keeps
// the checkpoint that it would have kept.
#pragma once

#include <cstdint>
#include <lafs/core/error.hpp>
#include <lafs/io/safetensors.hpp>
#include <vector>

namespace lafs::inline LAFS_ABI {

class BestCheckpoint {
public:
    /// Whether this is better than all before; of equals the first stays.
    bool offer(double accuracy, std::int64_t epoch) {
        if (epoch_ >= 0 && !(accuracy > accuracy_))
            return false;
        accuracy_ = accuracy;
        epoch_ = epoch;
        return true;
    }

    /// -1 before the first validation.
    std::int64_t epoch() const { return epoch_; }
    double accuracy() const { return accuracy_; }

    /// Adds "best.accuracy" and "best.epoch", and restores them. Throws for values that none of ours are.
    void save(SafetensorsWriter& writer) const {
        if (epoch_ < 0)
            return;
        writer.add("best.accuracy", {}, std::vector<double>{accuracy_});
        writer.add("best.epoch", {}, std::vector<std::int64_t>{epoch_});
    }
    void load(const SafetensorsFile& file) {
        *this = {};
        if (!file.contains("best.epoch"))
            return;
        const auto accuracy = file.read<double>("best.accuracy");
        const auto epoch = file.read<std::int64_t>("best.epoch");
        require(accuracy.size() == 1 && epoch.size() == 1 && epoch[0] >= 0 && accuracy[0] >= 0 &&
                    accuracy[0] <= 1,
                "saved state", file.path().string(), ": \"best.accuracy\" and \"best.epoch\" are no accuracy",
                " and epoch");
        accuracy_ = accuracy[0];
        epoch_ = epoch[0];
    }

private:
    double accuracy_ = 0;
    std::int64_t epoch_ = -1;
};

}  // namespace lafs::inline LAFS_ABI
