// One axis of a chart: from numbers to positions, and the ticks that a reader expects.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// What an axis shows. Without limits it fits the data; a logarithmic axis leaves out what is not positive.
struct ChartAxis {
    std::string label = {};
    bool logarithmic = false;
    std::optional<double> minimum = {}, maximum = {};
};

namespace detail {

/// A mark on an axis; without a label it is only a line of the grid. `characters` counts the label's letters
/// without markup.
struct ChartTick {
    double value;
    std::string label;
    std::size_t characters;
};

/// An axis with its limits known, mapped to [0, 1].
class ChartScale {
public:
    /// Fits the finite (and, on a logarithmic axis, positive) values of `low` .. `high` into the axis.
    ChartScale(const ChartAxis& axis, double low, double high) : logarithmic_(axis.logarithmic) {
        low_ = axis.minimum.value_or(low);
        high_ = axis.maximum.value_or(high);
        const bool usable = std::isfinite(low_) && std::isfinite(high_) && (!logarithmic_ || low_ > 0.0);
        if (!usable) {
            low_ = logarithmic_ ? 0.1 : 0.0;
            high_ = 1.0;
        }
        if (high_ <= low_)
            widen();
        if (!axis.minimum)
            low_ = rounded(low_, false);
        if (!axis.maximum)
            high_ = rounded(high_, true);
    }

    bool shows(double value) const { return std::isfinite(value) && (!logarithmic_ || value > 0.0); }

    /// 0 at the lower limit, 1 at the upper one.
    double position(double value) const {
        if (logarithmic_)
            return std::log(value / low_) / std::log(high_ / low_);
        return (value - low_) / (high_ - low_);
    }

    std::vector<ChartTick> ticks() const { return decades() ? decade_ticks() : linear_ticks(); }

private:
    /// Whether the axis spans enough to be marked by powers of ten.
    bool decades() const { return logarithmic_ && high_ / low_ >= 10.0; }

    /// A single value gets an axis around it.
    void widen() {
        if (logarithmic_) {
            high_ = low_ * 2.0;
            low_ /= 2.0;
        } else {
            const double margin = low_ == 0.0 ? 1.0 : 0.1 * std::abs(low_);
            high_ = low_ + margin;
            low_ -= margin;
        }
    }

    /// The distance of linear ticks: 1, 2 or 5 times a power of ten, about five on the axis.
    double step() const {
        const double rough = (high_ - low_) / 5.0;
        const double power = std::pow(10.0, std::floor(std::log10(rough)));
        const double lead = rough / power;
        return power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
    }

    /// A limit moved outwards: to half a tick, or to a decade.
    double rounded(double limit, bool up) const {
        constexpr double slack = 1e-9;
        if (decades()) {
            const double exponent = std::log10(limit);
            return std::pow(10.0, up ? std::ceil(exponent - slack) : std::floor(exponent + slack));
        }
        if (logarithmic_)
            return limit;
        const double half = 0.5 * step();
        return half * (up ? std::ceil(limit / half - slack) : std::floor(limit / half + slack));
    }

    static ChartTick power_tick(double value, int exponent) {
        const std::string digits = std::to_string(std::abs(exponent));
        if (exponent == 0)
            return {value, "1", 1};
        return {value,
                "10<tspan dy=\"-5\" font-size=\"9\">" + std::string(exponent < 0 ? "\u2212" : "") + digits +
                    "</tspan>",
                3 + digits.size()};
    }

    /// 2.5e-4: for numbers whose plain form would be long.
    static std::string scientific_label(double value) {
        if (value == 0.0)
            return "0";
        char mantissa[32];
        const double exponent = std::floor(std::log10(std::abs(value)) + 1e-9);
        std::snprintf(mantissa, sizeof(mantissa), "%.3g", value / std::pow(10.0, exponent));
        return mantissa + ("e" + std::to_string(static_cast<int>(exponent)));
    }

    std::vector<ChartTick> decade_ticks() const {
        std::vector<ChartTick> ticks;
        const int first = static_cast<int>(std::floor(std::log10(low_) + 1e-9));
        const int last = static_cast<int>(std::ceil(std::log10(high_) - 1e-9));
        const int every = (last - first) / 8 + 1;
        for (int exponent = first; exponent <= last; ++exponent)
            for (int lead = 1; lead < (every == 1 ? 10 : 2); ++lead) {
                const double value = lead * std::pow(10.0, exponent);
                if (value >= low_ * (1.0 - 1e-9) && value <= high_ * (1.0 + 1e-9))
                    ticks.push_back(lead == 1 && exponent % every == 0 ? power_tick(value, exponent)
                                                                       : ChartTick{value, "", 0});
            }
        return ticks;
    }

    std::vector<ChartTick> linear_ticks() const {
        std::vector<ChartTick> ticks;
        const double distance = step();
        const double largest = std::max(std::abs(low_), std::abs(high_));
        const bool scientific = largest >= 1e6 || largest < 1e-3;
        const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(distance) - 1e-9)), 0, 15);
        for (double k = std::ceil(low_ / distance - 1e-9); k * distance <= high_ + 1e-9 * distance;
             k += 1.0) {
            const double value = k * distance;
            char plain[48];
            std::snprintf(plain, sizeof(plain), "%.*f", decimals, k == 0.0 ? 0.0 : value);
            const std::string label = scientific ? scientific_label(k == 0.0 ? 0.0 : value) : plain;
            ticks.push_back({value, label, label.size()});
        }
        return ticks;
    }

    bool logarithmic_;
    double low_, high_;
};

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
