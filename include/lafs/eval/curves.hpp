// ROC and DET curves as SVG pictures and as CSV text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <limits>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A curve with the name of what it measures.
struct NamedCurve {
    std::string name;
    RocCurve curve;
};

namespace detail {

/// The smallest FAR above 0 of all curves, rounded down to a power of ten, at most 0.1.
inline double smallest_far(const std::vector<NamedCurve>& curves) {
    double smallest = 0.1;
    for (const NamedCurve& named : curves)
        for (const double far : named.curve.far)
            if (far > 0.0)
                smallest = std::min(smallest, far);
    return std::pow(10.0, std::floor(std::log10(smallest) + 1e-9));
}

/// A chart over a logarithmic FAR axis of `value(TAR)`. FAR 0 is drawn at the left edge.
template <class Value>
Chart far_chart(const std::vector<NamedCurve>& curves, std::string title, ChartAxis y, Value value) {
    const double least = smallest_far(curves);
    Chart chart;
    chart.title = std::move(title);
    chart.x = {"False accept rate", true, least, 1.0};
    chart.y = std::move(y);
    for (const NamedCurve& named : curves) {
        require(named.curve.far.size() == named.curve.tar.size(), "far_chart", "curve \"", named.name,
                "\" has ", named.curve.far.size(), " FAR and ", named.curve.tar.size(),
                " TAR values, expected as many");
        ChartSeries series{named.name, {}, {}};
        for (std::size_t k = 0; k < named.curve.far.size(); ++k) {
            series.x.push_back(std::max(named.curve.far[k], least));
            series.y.push_back(value(named.curve.tar[k]));
        }
        chart.series.push_back(std::move(series));
    }
    return chart;
}

}  // namespace detail

/// The receiver operating characteristic: TAR over FAR, FAR logarithmic.
inline Chart roc_chart(const std::vector<NamedCurve>& curves, const std::string& title = "ROC") {
    return detail::far_chart(curves, title, {"True accept rate", false, 0.0, 1.0},
                             [](double tar) { return tar; });
}

/// The detection error trade-off: false reject rate over FAR, both logarithmic. Points without a reject have
/// no place on the axis and are left out.
inline Chart det_chart(const std::vector<NamedCurve>& curves, const std::string& title = "DET") {
    return detail::far_chart(curves, title, {"False reject rate", true, {}, 1.0},
                             [](double tar) { return 1.0 - tar; });
}

/// `roc_chart` as SVG text.
inline std::string roc_svg(const std::vector<NamedCurve>& curves, const std::string& title = "ROC") {
    return svg_chart(roc_chart(curves, title));
}

/// `det_chart` as SVG text.
inline std::string det_svg(const std::vector<NamedCurve>& curves, const std::string& title = "DET") {
    return svg_chart(det_chart(curves, title));
}

/// One line `curve,far,tar,frr,threshold` per point, after a header line. Numbers read back exactly.
inline std::string roc_csv(const std::vector<NamedCurve>& curves) {
    std::string out = "curve,far,tar,frr,threshold\n";
    for (const NamedCurve& named : curves) {
        const RocCurve& curve = named.curve;
        require(curve.far.size() == curve.tar.size() && curve.far.size() == curve.thresholds.size(),
                "roc_csv", "curve \"", named.name, "\" has ", curve.far.size(), " FAR, ", curve.tar.size(),
                " TAR and ", curve.thresholds.size(), " thresholds, expected as many");
        std::string name = "\"";
        for (const char c : named.name)
            name += c == '"' ? std::string("\"\"") : std::string(1, c);
        for (std::size_t k = 0; k < curve.far.size(); ++k) {
            char numbers[128];
            std::snprintf(numbers, sizeof(numbers), "\",%.17g,%.17g,%.17g,%.17g\n", curve.far[k],
                          curve.tar[k], 1.0 - curve.tar[k], curve.thresholds[k]);
            out += name + numbers;
        }
    }
    return out;
}

}  // namespace lafs::inline LAFS_ABI
