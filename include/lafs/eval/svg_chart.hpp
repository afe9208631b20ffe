// Line charts as SVG text, for reports and papers: axes, grid, legend, colours that colour-blind readers can
// tell apart (Okabe and Ito, 2008). Long series are thinned to the extremes of each column of pixels.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/core/utf8.hpp>
#include <lafs/eval/chart_axis.hpp>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// Text for HTML and XML: & < > and both quotes are escaped, characters that XML forbids are dropped, and bytes
/// that are not UTF-8 become U+FFFD.
inline std::string escape_markup(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (Utf8Step step; !text.empty(); text.remove_prefix(step.size)) {
        step = utf8_step(text);
        const char c = text[0];
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
                    out += step.valid ? text.substr(0, step.size) : replacement_character;
        }
    }
    return out;
}

/// One line. Points that an axis has no place for (NaN, infinity, 0 on a log axis) leave a gap.
struct ChartSeries {
    std::string name = {};
    std::vector<double> x = {}, y = {};
    bool dashed = false;
    bool faint = false;  ///< in the background, e.g. raw values behind their mean
};

/// A chart; sizes in pixels at 100 %.
struct Chart {
    std::string title;
    ChartAxis x, y;
    std::vector<ChartSeries> series;
    int width = 640, height = 340;
};

namespace detail {

inline constexpr std::array<const char*, 7> chart_colours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                             "#E69F00", "#56B4E9", "#333333"};

/// The plot's rectangle inside the picture.
struct ChartFrame {
    double left, top, width, height;

    double right() const { return left + width; }
    double bottom() const { return top + height; }
};

/// A coordinate with one decimal, without ".0".
inline std::string coordinate(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f", value);
    std::string result = text;
    if (result.ends_with(".0"))
        result.resize(result.size() - 2);
    return result == "-0" ? "0" : result;
}

/// `<name attributes>text</name>`; the text is markup already.
inline std::string svg_text(double x, double y, const std::string& attributes, const std::string& text) {
    return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" " + attributes + ">" + text +
           "</text>\n";
}

inline std::string svg_line(double x1, double y1, double x2, double y2, const std::string& attributes) {
    return "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" + coordinate(x2) +
           "\" y2=\"" + coordinate(y2) + "\" " + attributes + "/>\n";
}

/// The points of one column of pixels, reduced to the first, the lowest, the highest and the last.
class ColumnOfPoints {
public:
    void add(double x, double y) {
        if (count_++ == 0)
            points_.fill({x, y});
        if (y < points_[1].second)
            points_[1] = {x, y};
        if (y > points_[2].second)
            points_[2] = {x, y};
        points_[3] = {x, y};
    }

    void flush(std::string& path, bool& pen_down) {
        if (count_ == 0)
            return;
        std::array<std::pair<double, double>, 4> points = points_;
        if (points[1].first > points[2].first)
            std::swap(points[1], points[2]);
        const std::size_t end = count_ == 1 ? 1 : 4;
        for (std::size_t k = 0; k < end; ++k) {
            if (k > 0 && points[k] == points[k - 1])
                continue;
            path += pen_down ? 'L' : 'M';
            path += coordinate(points[k].first) + ' ' + coordinate(points[k].second);
            pen_down = true;
        }
        count_ = 0;
    }

private:
    std::array<std::pair<double, double>, 4> points_{};
    std::size_t count_ = 0;
};

/// The `d` of a path through the points of a series.
inline std::string series_path(const ChartSeries& series, const ChartScale& x, const ChartScale& y,
                               const ChartFrame& frame) {
    std::string path;
    ColumnOfPoints column;
    double column_number = 0.0;
    bool pen_down = false;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
        if (!x.shows(series.x[i]) || !y.shows(series.y[i])) {
            column.flush(path, pen_down);
            pen_down = false;
            continue;
        }
        // Far outside points are cut where no one sees it, so that coordinates stay short.
        const double px = frame.left + frame.width * std::clamp(x.position(series.x[i]), -9.0, 9.0);
        const double py = frame.bottom() - frame.height * std::clamp(y.position(series.y[i]), -9.0, 9.0);
        if (std::floor(px) != column_number)
            column.flush(path, pen_down);
        column_number = std::floor(px);
        column.add(px, py);
    }
    column.flush(path, pen_down);
    return path;
}

/// The `d` of a path of dots, one at each point; drawn with a wide round pen.
inline std::string dots_path(const ChartSeries& series, const ChartScale& x, const ChartScale& y,
                             const ChartFrame& frame) {
    std::string path;
    for (std::size_t i = 0; i < series.x.size(); ++i)
        if (x.shows(series.x[i]) && y.shows(series.y[i]) && std::abs(y.position(series.y[i])) < 9.0)
            path += 'M' + coordinate(frame.left + frame.width * x.position(series.x[i])) + ' ' +
                    coordinate(frame.bottom() - frame.height * y.position(series.y[i])) + "h0";
    return path;
}

/// The scale of an axis that shows all values of all series.
inline ChartScale fit_scale(const Chart& chart, const ChartAxis& axis,
                            std::vector<double> ChartSeries::*values) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const ChartSeries& series : chart.series)
        for (const double value : series.*values)
            if (has_place(axis.scale, value)) {
                low = std::min(low, value);
                high = std::max(high, value);
            }
    return ChartScale(axis, low, high);
}

inline std::string draw_axes(const Chart& chart, const ChartScale& x, const ChartScale& y,
                             const ChartFrame& frame) {
    const std::string grid = "stroke=\"#e3e6ea\"", faint = "stroke=\"#f2f3f5\"";
    std::string out;
    for (const ChartTick& tick : x.ticks()) {
        const double at = frame.left + frame.width * x.position(tick.value);
        out += svg_line(at, frame.top, at, frame.bottom(), tick.label.empty() ? faint : grid);
        if (!tick.label.empty())
            out += svg_text(at, frame.bottom() + 18, "text-anchor=\"middle\"", tick.label);
    }
    for (const ChartTick& tick : y.ticks()) {
        const double at = frame.bottom() - frame.height * y.position(tick.value);
        out += svg_line(frame.left, at, frame.right(), at, tick.label.empty() ? faint : grid);
        if (!tick.label.empty())
            out += svg_text(frame.left - 8, at + 4, "text-anchor=\"end\"", tick.label);
    }
    out += svg_line(frame.left, frame.bottom(), frame.right(), frame.bottom(), "stroke=\"#8a929b\"");
    out += svg_line(frame.left, frame.top, frame.left, frame.bottom(), "stroke=\"#8a929b\"");
    out += svg_text(frame.left + frame.width / 2, chart.height - 8.0,
                    "text-anchor=\"middle\" fill=\"#59636e\"", escape_markup(chart.x.label));
    const std::string middle = coordinate(frame.top + frame.height / 2);
    out += svg_text(15, frame.top + frame.height / 2,
                    "text-anchor=\"middle\" fill=\"#59636e\" transform=\"rotate(-90 15 " + middle + ")\"",
                    escape_markup(chart.y.label));
    return out;
}

/// Space for the widest label of the vertical axis and the axis' name.
inline double left_margin(const ChartScale& y) {
    std::size_t widest = 3;
    for (const ChartTick& tick : y.ticks())
        widest = std::max(widest, tick.characters);
    return 34.0 + 7.0 * static_cast<double>(widest);
}

/// Colour, width and dashes of the `index`-th line; dashes tell apart lines beyond the last colour.
inline std::string line_style(const ChartSeries& series, std::size_t index) {
    static constexpr std::array<const char*, 3> dashes = {"7 4", "2 3", "9 3 2 3"};
    const std::size_t round = index / chart_colours.size();
    std::string style = "fill=\"none\" stroke=\"" + std::string(chart_colours[index % chart_colours.size()]) +
                        "\" stroke-width=\"" + (series.faint ? "1\" stroke-opacity=\"0.45\"" : "1.8\"");
    if (series.dashed || round > 0)
        style += " stroke-dasharray=\"" + std::string(dashes[round % dashes.size()]) + "\"";
    return style;
}

/// Characters as a reader counts them: bytes that do not continue a UTF-8 sequence.
inline std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// The legend, in rows from `top`; returns the markup and the height it took.
inline std::pair<std::string, double> draw_legend(const Chart& chart, double left, double top) {
    constexpr double row_height = 18.0, swatch = 24.0, character = 6.4, gap = 18.0;
    std::string out;
    double x = left, y = top;
    bool any = false;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const ChartSeries& series = chart.series[i];
        if (series.name.empty())
            continue;
        const double width = swatch + character * static_cast<double>(count_characters(series.name)) + gap;
        if (any && x + width > chart.width) {
            x = left;
            y += row_height;
        }
        out += svg_line(x, y + 8, x + 18, y + 8, line_style(series, i));
        out += svg_text(x + swatch, y + 12, "fill=\"#24292f\"", escape_markup(series.name));
        x += width;
        any = true;
    }
    return {out, any ? y + row_height - top : 0.0};
}

}  // namespace detail

/// The chart as an `<svg>` element that stands alone. Throws when a series has other numbers of x and y, or
/// the picture is too small for its frame.
inline std::string svg_chart(const Chart& chart) {
    require(chart.width >= 200 && chart.height >= 150, "svg_chart", "got ", chart.width, " x ", chart.height,
            " pixels, expected 200 x 150 or more");
    for (const ChartSeries& series : chart.series)
        require(series.x.size() == series.y.size(), "svg_chart", "series \"", series.name, "\" has ",
                series.x.size(), " x and ", series.y.size(), " y values, expected as many");
    const detail::ChartScale x = detail::fit_scale(chart, chart.x, &ChartSeries::x);
    const detail::ChartScale y = detail::fit_scale(chart, chart.y, &ChartSeries::y);
    const double left = detail::left_margin(y), right_margin = 30.0;
    const double title_height = chart.title.empty() ? 6.0 : 30.0;
    const auto [legend, legend_height] = detail::draw_legend(chart, left, title_height);
    const double top = title_height + legend_height + 8.0;
    const detail::ChartFrame frame{left, top, chart.width - left - right_margin,
                                   std::max(40.0, chart.height - top - 46.0)};

    const std::string width = std::to_string(chart.width), height = std::to_string(chart.height);
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height +
                      "\" width=\"" + width + "\" height=\"" + height + "\" role=\"img\" aria-label=\"" +
                      escape_markup(chart.title) +
                      "\" font-family=\"system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif\" "
                      "font-size=\"12\" fill=\"#24292f\">\n";
    out += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    if (!chart.title.empty())
        out += detail::svg_text(left, 20, "font-size=\"14\" font-weight=\"600\"", escape_markup(chart.title));
    out += legend + detail::draw_axes(chart, x, y, frame);
    // A nested svg clips what leaves the frame, without an id that could clash with another chart's.
    out += "<svg x=\"" + detail::coordinate(frame.left) + "\" y=\"" + detail::coordinate(frame.top) +
           "\" width=\"" + detail::coordinate(frame.width) + "\" height=\"" +
           detail::coordinate(frame.height) +
           "\" overflow=\"hidden\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n";
    const detail::ChartFrame inner{0.0, 0.0, frame.width, frame.height};
    constexpr std::size_t most_dots = 60;
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
        const ChartSeries& series = chart.series[i];
        out += "<path d=\"" + detail::series_path(series, x, y, inner) + "\" " +
               detail::line_style(series, i) + "/>\n";
        if (series.x.size() <= most_dots && !series.faint)
            out += "<path d=\"" + detail::dots_path(series, x, y, inner) + "\" stroke=\"" +
                   detail::chart_colours[i % detail::chart_colours.size()] + "\" stroke-width=\"5\"/>\n";
    }
    return out + "</svg>\n</svg>\n";
}

}  // namespace lafs::inline LAFS_ABI
