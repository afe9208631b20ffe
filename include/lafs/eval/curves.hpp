// ROC and DET curves as SVG pictures and as CSV text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <lafs/core/error.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/eval/svg_chart.hpp>
#include <lafs/io/atomic_file.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A curve with the name of what it measures.
struct NamedCurve {
    std::string name;
    RocCurve curve;
};

namespace detail {

inline void check_curve(const NamedCurve& named, const char* operation) {
    const RocCurve& curve = named.curve;
    require(curve.far.size() == curve.tar.size() && curve.far.size() == curve.thresholds.size(), operation,
            "curve \"", named.name, "\" has ", curve.far.size(), " FAR, ", curve.tar.size(), " TAR and ",
            curve.thresholds.size(), " thresholds, expected as many");
}

/// The smallest share above 0, at most 0.1, rounded down to a power of ten; 1e-8 at least.
inline double least_decade(double smallest) {
    return std::pow(10.0, std::floor(std::log10(std::clamp(smallest, 1e-8, 0.1)) + 1e-9));
}

/// The smallest FAR above 0 of all curves, and the smallest FRR above 0. Throws for curves of uneven lists.
inline std::pair<double, double> smallest_rates(const std::vector<NamedCurve>& curves,
                                                const char* operation) {
    double far = 1.0, frr = 1.0;
    for (const NamedCurve& named : curves) {
        check_curve(named, operation);
        for (std::size_t k = 0; k < named.curve.far.size(); ++k) {
            if (named.curve.far[k] > 0.0)
                far = std::min(far, named.curve.far[k]);
            if (named.curve.tar[k] < 1.0)
                frr = std::min(frr, 1.0 - named.curve.tar[k]);
        }
    }
    return {far, frr};
}

/// Whether a curve has a point where both error rates are below 0.4.
inline bool reaches_inside(const NamedCurve& named) {
    for (std::size_t k = 0; k < named.curve.far.size(); ++k)
        if (named.curve.far[k] < 0.4 && named.curve.tar[k] > 0.6)
            return true;
    return false;
}

}  // namespace detail

/// The receiver operating characteristic: TAR over FAR, FAR logarithmic. FAR 0 is drawn at the left edge.
inline Chart roc_chart(const std::vector<NamedCurve>& curves, const std::string& title = "ROC") {
    const double least = detail::least_decade(detail::smallest_rates(curves, "roc_chart").first);
    Chart chart;
    chart.title = title;
    chart.x = {"False accept rate", AxisScale::logarithmic, least, 1.0};
    chart.y = {"True accept rate", AxisScale::linear, 0.0, 1.0};
    for (const NamedCurve& named : curves) {
        ChartSeries series{named.name, {}, named.curve.tar};
        for (const double far : named.curve.far)
            series.x.push_back(std::max(far, least));
        chart.series.push_back(std::move(series));
    }
    return chart;
}

/// The detection error trade-off (Martin et al., Eurospeech 1997): false reject rate over FAR, both axes by
/// normal deviates. Rates of 0 and 1 have no place there and are left out; the axes end at 50 %, unless a
/// curve lies beyond 40 %.
inline Chart det_chart(const std::vector<NamedCurve>& curves, const std::string& title = "DET") {
    const auto [far, frr] = detail::smallest_rates(curves, "det_chart");
    const double most = std::all_of(curves.begin(), curves.end(), detail::reaches_inside) ? 0.5 : 0.99;
    Chart chart;
    chart.title = title;
    chart.height = 520;
    chart.x = {"False accept rate (%)", AxisScale::normal_deviate, detail::least_decade(far), most};
    chart.y = {"False reject rate (%)", AxisScale::normal_deviate, detail::least_decade(frr), most};
    for (const NamedCurve& named : curves) {
        ChartSeries series{named.name, named.curve.far, {}};
        for (const double tar : named.curve.tar)
            series.y.push_back(1.0 - tar);
        chart.series.push_back(std::move(series));
    }
    return chart;
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
inline std::string curves_csv(const std::vector<NamedCurve>& curves) {
    std::string out = "curve,far,tar,frr,threshold\n";
    for (const NamedCurve& named : curves) {
        const RocCurve& curve = named.curve;
        detail::check_curve(named, "curves_csv");
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

/// Which picture of the curves.
enum class CurvePlot { roc, det };

/// Throws unless the name ends in .svg or .csv and its folder is there: to be called before a long run.
inline void check_curve_file(const std::filesystem::path& path) {
    require(path.extension() == ".svg" || path.extension() == ".csv", "curves", "got the file ", path,
            ", expected a name that ends in .svg or .csv");
    std::error_code ignored;
    require(!path.has_parent_path() || std::filesystem::is_directory(path.parent_path(), ignored), "curves",
            "the folder of ", path, " is missing");
}

/// Writes the picture (.svg), or the points (.csv: the same for both plots), atomically.
inline void write_curves(const std::filesystem::path& path, const std::vector<NamedCurve>& curves,
                         CurvePlot plot) {
    check_curve_file(path);
    write_file(path, path.extension() == ".csv" ? curves_csv(curves)
                     : plot == CurvePlot::roc   ? roc_svg(curves)
                                                : det_svg(curves));
}

}  // namespace lafs::inline LAFS_ABI
