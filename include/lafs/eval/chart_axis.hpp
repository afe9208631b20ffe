// One axis of a chart: from numbers to positions, and the ticks that a reader expects.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/eval/distributions.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// How numbers become positions. `normal_deviate` shows shares between 0 and 1 by their normal quantile, with
/// ticks in per cent: the error rates of two normal distributions of scores make a straight line.
enum class AxisScale { linear, logarithmic, normal_deviate };

/// What an axis shows. Without limits it fits the data; values that the scale does not have are left out.
struct ChartAxis {
    std::string label = {};
    AxisScale scale = AxisScale::linear;
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

/// Where an axis of normal deviates may begin and end, and its ticks.
inline constexpr std::array deviate_ticks = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 2e-2, 5e-2, 0.1,
                                             0.2,  0.4,  0.6,  0.8,  0.9,  0.95, 0.98, 0.99, 0.999};

/// Whether an axis of this scale has a place for the value.
inline bool has_place(AxisScale scale, double value) {
    if (scale == AxisScale::linear)
        return std::isfinite(value);
    return std::isfinite(value) && value > 0.0 && (scale == AxisScale::logarithmic || value < 1.0);
}

/// An axis with its limits known, mapped to [0, 1].
class ChartScale {
public:
    /// Fits `low` .. `high`, both with a place on the axis, into it.
    ChartScale(const ChartAxis& axis, double low, double high) : scale_(axis.scale) {
        low_ = axis.minimum.value_or(low);
        high_ = axis.maximum.value_or(high);
        if (!shows(low_) || !shows(high_)) {
            low_ = scale_ == AxisScale::linear ? 0.0 : 0.1;
            high_ = scale_ == AxisScale::normal_deviate ? 0.9 : 1.0;
        }
        if (high_ <= low_)
            widen();
        if (!axis.minimum)
            low_ = rounded(low_, false);
        if (!axis.maximum)
            high_ = rounded(high_, true);
        begin_ = place(low_);
        length_ = place(high_) - begin_;
    }

    bool shows(double value) const { return has_place(scale_, value); }

    /// 0 at the lower limit, 1 at the upper one.
    double position(double value) const { return (place(value) - begin_) / length_; }

    std::vector<ChartTick> ticks() const {
        if (scale_ == AxisScale::normal_deviate)
            return deviate_axis_ticks();
        return decades() ? decade_ticks() : linear_ticks();
    }

private:
    bool logarithmic() const { return scale_ == AxisScale::logarithmic; }

    double place(double value) const {
        return scale_ == AxisScale::linear ? value : logarithmic() ? std::log(value) : normal_quantile(value);
    }

    /// Whether the axis spans enough to be marked by powers of ten.
    bool decades() const { return logarithmic() && high_ / low_ >= 10.0; }

    /// A single value gets an axis around it.
    void widen() {
        if (scale_ != AxisScale::linear) {
            high_ = logarithmic() ? low_ * 2.0 : 0.5 * (1.0 + low_);
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
        if (logarithmic())
            return limit;
        if (scale_ == AxisScale::normal_deviate) {
            const auto beyond = std::upper_bound(deviate_ticks.begin(), deviate_ticks.end(), limit);
            if (up)
                return beyond == deviate_ticks.end() ? limit : *beyond;
            return beyond == deviate_ticks.begin() ? limit : *(beyond - 1);
        }
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

    std::vector<ChartTick> deviate_axis_ticks() const {
        std::vector<ChartTick> ticks;
        for (const double value : deviate_ticks)
            if (value >= low_ * (1.0 - 1e-9) && value <= high_ * (1.0 + 1e-9)) {
                char text[32];
                std::snprintf(text, sizeof(text), value < 1e-6 ? "%.0e" : "%.10g", 100.0 * value);
                const std::string label = text;
                ticks.push_back({value, label, label.size()});
            }
        return ticks;
    }

    AxisScale scale_;
    double low_, high_, begin_ = 0.0, length_ = 1.0;
};

}  // namespace detail

}  // namespace lafs::inline LAFS_ABI
