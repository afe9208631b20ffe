// The charts of a training run, from its log.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <lafs/core/error.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/report/log_reader.hpp>
#include <map>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// One key of the log as a chart.
struct LogChart {
    std::string key, title, unit;
    bool smoothed = false;     ///< draw the mean of neighbours over the raw values
    bool logarithmic = false;  ///< the vertical axis
};

/// What a supervised step logs.
inline std::vector<LogChart> training_charts() {
    return {{"loss", "Loss", "loss", true, false},
            {"gradient_norm", "Gradient norm", "L2 norm", true, true},
            {"lr", "Learning rate", "learning rate", false, false},
            {"weight_decay", "Weight decay", "weight decay", false, false},
            {"momentum", "Momentum of the teacher", "momentum", false, false},
            {"teacher_temperature", "Temperature of the teacher", "temperature", false, false},
            {"landmark_loss", "Landmark regularisation", "loss", true, true},
            {"images_per_second", "Speed", "images/s", true, false}};
}

/// What pre-training logs to show a collapse:
/// the teacher's output constant (entropy 0) or even (entropy ln K).
inline std::vector<LogChart> collapse_charts() {
    return {{"teacher_entropy", "Entropy of the teacher's output", "nats", true, false},
            {"teacher_kl", "Teacher: KL divergence to uniform", "nats", true, false},
            {"centre_norm", "Norm of the centre", "L2 norm", true, false}};
}

namespace detail {

/// Mean of the finite values at most `reach` places away, so that the curve does not lag; NaN where are none.
inline std::vector<double> neighbourhood_mean(const std::vector<double>& values, std::size_t reach) {
    std::vector<double> sums = {0.0}, counts = {0.0};
    for (const double value : values) {
        const bool usable = std::isfinite(value);
        sums.push_back(sums.back() + (usable ? value : 0.0));
        counts.push_back(counts.back() + (usable ? 1.0 : 0.0));
    }
    std::vector<double> means(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t begin = i - std::min(i, reach), end = std::min(values.size(), i + reach + 1);
        means[i] = (sums[end] - sums[begin]) / (counts[end] - counts[begin]);
    }
    return means;
}

}  // namespace detail

/// The charts of those keys that the log has.
inline std::vector<Chart> log_charts(const std::map<std::string, LogCurve>& log,
                                     const std::vector<LogChart>& wanted) {
    std::vector<Chart> charts;
    for (const LogChart& what : wanted) {
        const auto found = log.find(what.key);
        if (found == log.end() || found->second.step.empty())
            continue;
        const LogCurve& curve = found->second;
        Chart chart;
        chart.title = what.title;
        chart.x.label = "step";
        chart.y.label = what.unit;
        chart.y.scale = what.logarithmic ? AxisScale::logarithmic : AxisScale::linear;
        const std::size_t count = curve.step.size();
        const bool smoothed = what.smoothed && count >= 20;
        chart.series.push_back({smoothed ? "every step" : "", curve.step, curve.value, false, smoothed});
        if (smoothed)
            chart.series.push_back(
                {"mean", curve.step, detail::neighbourhood_mean(curve.value, count / 100 + 1)});
        charts.push_back(std::move(chart));
    }
    return charts;
}

}  // namespace lafs::inline LAFS_ABI
