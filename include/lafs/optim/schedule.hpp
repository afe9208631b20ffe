// Values that change during training: learning rate, weight decay, momentum, temperature, loss weights; and
// the peaks that the published learning rates rise to.
//
//   cosine(b, f, n):  value_i = f + (b - f) (1 + cos(pi i / n)) / 2,  0 <= i < n
//   warm-up:          linspace(start, b, w), both ends included, in front of it
//
// (LAFS, arXiv 2403.08161; DINO, arXiv 2104.14294.) A schedule is a function of the step alone and holds
// five numbers, so a resumed run needs nothing but its step. Past its last step a schedule stays at its
// final value.
#pragma once

#include <cmath>
#include <cstdint>
#include <lafs/core/error.hpp>
#include <limits>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A linear warm-up followed by a cosine; either part may be empty. Made by the functions below.
class Schedule {
public:
    /// `warmup_steps` values from `start` to `base`, then `cosine_steps` values from `base` towards `final`.
    /// Throws for numbers that are not finite and for negative lengths.
    Schedule(double start, double base, double final, std::int64_t warmup_steps, std::int64_t cosine_steps)
        : start_(start),
          base_(base),
          final_(final),
          warmup_steps_(warmup_steps),
          cosine_steps_(cosine_steps) {
        require(std::isfinite(start) && std::isfinite(base) && std::isfinite(final), "schedule", "got start ",
                start, ", base ", base, ", final ", final, ", expected finite numbers");
        require(warmup_steps >= 0 && cosine_steps >= 0, "schedule", "got ", warmup_steps, " warm-up and ",
                cosine_steps, " cosine steps, expected none below 0");
    }

    /// The value at `step` (0 is the first). Throws for a negative step.
    double at(std::int64_t step) const {
        require(step >= 0, "schedule", "got step ", step, ", expected 0 or more");
        if (step < warmup_steps_) {
            if (warmup_steps_ == 1)
                return start_;
            if (step == warmup_steps_ - 1)
                return base_;
            return start_ +
                   static_cast<double>(step) * ((base_ - start_) / static_cast<double>(warmup_steps_ - 1));
        }
        const std::int64_t index = step - warmup_steps_;
        if (index >= cosine_steps_)
            return final_;
        constexpr double pi = 3.14159265358979323846;
        const double angle = pi * static_cast<double>(index) / static_cast<double>(cosine_steps_);
        return final_ + 0.5 * (base_ - final_) * (1.0 + std::cos(angle));
    }

    /// Steps after which the value no longer changes; 0 for a constant.
    std::int64_t steps() const { return warmup_steps_ + cosine_steps_; }

private:
    double start_, base_, final_;
    std::int64_t warmup_steps_, cosine_steps_;
};

/// The schedule of LAFS and DINO for learning rate, weight decay and EMA momentum: `warmup_epochs` of linear
/// warm-up from `start` to `base`, then a cosine to `final` over the rest of `epochs`, one value per step.
/// Throws when an argument is not a length, or the warm-up is longer than the training.
inline Schedule cosine_schedule(double base, double final, std::int64_t epochs, std::int64_t steps_per_epoch,
                                std::int64_t warmup_epochs = 0, double start = 0.0) {
    require(epochs > 0 && steps_per_epoch > 0, "cosine_schedule", "got ", epochs, " epochs of ",
            steps_per_epoch, " steps, expected both above 0");
    require(epochs <= std::numeric_limits<std::int64_t>::max() / steps_per_epoch, "cosine_schedule", "got ",
            epochs, " epochs of ", steps_per_epoch, " steps, more than 2^63 in all");
    require(warmup_epochs >= 0 && warmup_epochs <= epochs, "cosine_schedule", "got ", warmup_epochs,
            " warm-up epochs, expected 0 to ", epochs, " (all epochs)");
    return {start, base, final, warmup_epochs * steps_per_epoch, (epochs - warmup_epochs) * steps_per_epoch};
}

/// linspace(start, end, steps) with both ends, then `end` for ever. Throws for fewer than one step.
inline Schedule linear_schedule(double start, double end, std::int64_t steps) {
    require(steps > 0, "linear_schedule", "got ", steps, " steps, expected 1 or more");
    return {start, end, end, steps, 0};
}

/// The same value at every step.
inline Schedule constant_schedule(double value) {
    return {value, value, value, 0, 0};
}

/// Temperature of the DINO teacher by epoch: 0.07 to 0.04 over the first 30 epochs in LAFS.
inline Schedule teacher_temperature(double warmup = 0.07, double final = 0.04,
                                    std::int64_t warmup_epochs = 30) {
    require(warmup > 0.0 && final > 0.0, "teacher_temperature", "got ", warmup, " and ", final,
            ", expected temperatures above 0");
    return warmup_epochs == 0 ? constant_schedule(final) : linear_schedule(warmup, final, warmup_epochs);
}

/// Constant on pieces, given as (end, value): the value holds while the step is below the end. 0 afterwards.
class PiecewiseSchedule {
public:
    struct Piece {
        std::int64_t end;
        double value;
    };

    /// Throws unless the ends are positive and increase and the values are finite.
    explicit PiecewiseSchedule(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
        std::int64_t before = 0;
        for (const Piece& piece : pieces_) {
            require(piece.end > before, "piecewise_schedule", "got a piece that ends at ", piece.end,
                    ", expected an end after ", before);
            require(std::isfinite(piece.value), "piecewise_schedule", "got value ", piece.value,
                    ", expected a finite number");
            before = piece.end;
        }
    }

    /// The value at `step` (0 is the first). Throws for a negative step.
    double at(std::int64_t step) const {
        require(step >= 0, "piecewise_schedule", "got step ", step, ", expected 0 or more");
        for (const Piece& piece : pieces_)
            if (step < piece.end)
                return piece.value;
        return 0.0;
    }

private:
    std::vector<Piece> pieces_;
};

/// Weight of the landmark regularisation by epoch, as published for fine-tuning after LAFS: 1000 in epochs
/// 0 .. 7, 100 in 8 .. 13, 1 in 14 .. 20, 0.11 in 21 .. 27, then 0.
inline PiecewiseSchedule landmark_regularisation_weight() {
    return PiecewiseSchedule({{8, 1000.0}, {14, 100.0}, {21, 1.0}, {28, 0.11}});
}

/// The published peak learning rate of supervised training, 0.7e-3 * accumulate * sqrt(batch / 336): `batch`
/// images in one forward pass of all processes (2 x 200), `accumulate` passes in a step (3). Throws for fewer
/// than one.
inline double supervised_peak_lr(std::int64_t batch, std::int64_t accumulate) {
    require(batch >= 1 && accumulate >= 1, "supervised_peak_lr", "got ", accumulate, " batches of ", batch,
            " images, expected 1 or more");
    return 0.7e-3 * static_cast<double>(accumulate) * std::sqrt(static_cast<double>(batch) / 336.0);
}

/// The published peak learning rate of pre-training, 5e-4 * batch / 256: `batch` images of all processes
/// (2 x 82). Throws for fewer than one.
inline double pretraining_peak_lr(std::int64_t batch) {
    require(batch >= 1, "pretraining_peak_lr", "got a batch of ", batch, " images, expected 1 or more");
    return 5e-4 * static_cast<double>(batch) / 256.0;
}

}  // namespace lafs::inline LAFS_ABI
