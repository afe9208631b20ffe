#include <algorithm>
#include <cmath>
#include <lafs/eval/svg_chart.hpp>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "markup.hpp"

namespace {

using lafs::AxisScale;
using lafs::Chart;
using lafs_test::count_of;
using lafs_test::markup_problem;

std::vector<double> tick_values(const lafs::detail::ChartScale& scale, bool labelled = false) {
    std::vector<double> values;
    for (const auto& tick : scale.ticks())
        if (!labelled || !tick.label.empty())
            values.push_back(tick.value);
    return values;
}

struct Path {
    std::vector<double> x, y;
    int strokes = 0;
};

/// The first curve of a chart: numbers between the M and L of its path.
Path first_path(const std::string& svg) {
    const std::size_t begin = svg.find("<path d=\"") + 9;
    std::string text = svg.substr(begin, svg.find('"', begin) - begin);
    Path path;
    path.strokes = count_of(text, "M");
    for (char& c : text)
        if (c == 'M' || c == 'L')
            c = ' ';
    std::istringstream numbers(text);
    for (double x = 0, y = 0; numbers >> x >> y;) {
        path.x.push_back(x);
        path.y.push_back(y);
    }
    return path;
}

}  // namespace

TEST_CASE("linear axes have ticks at 1, 2 or 5 times a power of ten", "[eval]") {
    using lafs::detail::ChartScale;
    CHECK(tick_values(ChartScale({}, 0.0, 10.0)) == std::vector<double>{0, 2, 4, 6, 8, 10});
    CHECK(tick_values(ChartScale({}, 1.0, 287.0)) == std::vector<double>{0, 50, 100, 150, 200, 250, 300});
    const ChartScale small({}, 0.0, 5e-4);
    CHECK(small.ticks().size() == 6);
    CHECK(small.ticks()[0].label == "0");
    CHECK(small.ticks()[1].label == "1e-4");
    const ChartScale mixed({}, -0.3, 0.3);
    for (const auto& tick : mixed.ticks())
        CHECK(tick.label != "-0.0");
    CHECK(ChartScale({}, 3.0, 3.0).position(3.0) == Approx(0.5));
    CHECK(ChartScale({"", AxisScale::linear, 0.0, 1.0}, -5.0, 7.0).position(0.25) == Approx(0.25));
}

TEST_CASE("logarithmic axes have a label for each power of ten and fit into decades", "[eval]") {
    using lafs::detail::ChartScale;
    const ChartScale scale({"", AxisScale::logarithmic}, 0.002, 0.5);
    CHECK(scale.position(1e-3) == Approx(0.0).margin(1e-12));
    CHECK(scale.position(1.0) == Approx(1.0));
    CHECK(scale.position(1e-2) == Approx(1.0 / 3.0));
    const std::vector<double> labelled = tick_values(scale, true);
    REQUIRE(labelled.size() == 4);
    CHECK(labelled[1] == Approx(0.01));
    CHECK(tick_values(scale).size() == 3 * 9 + 1);
    CHECK_FALSE(scale.shows(0.0));
    CHECK_FALSE(scale.shows(-1.0));
    CHECK_FALSE(scale.shows(std::nan("")));
}

TEST_CASE("axes of normal deviates are symmetric about one half and marked in per cent", "[eval]") {
    using lafs::detail::ChartScale;
    const ChartScale scale({"", AxisScale::normal_deviate, 0.001, 0.999}, 0.0, 0.0);
    CHECK(scale.position(0.5) == Approx(0.5));
    CHECK(scale.position(0.001) == Approx(0.0).margin(1e-12));
    // Normal quantiles of 0.025 and 0.001: -1.95996398454005, -3.09023230616781.
    CHECK(scale.position(0.025) == Approx((3.09023230616781 - 1.95996398454005) / (2 * 3.09023230616781)));
    CHECK(scale.position(0.025) + scale.position(0.975) == Approx(1.0));
    const auto ticks = scale.ticks();
    REQUIRE(ticks.size() == 14);
    CHECK(ticks.front().label == "0.1");
    CHECK(ticks[1].label == "1");
    CHECK(ticks.back().label == "99.9");
    CHECK_FALSE(scale.shows(0.0));
    CHECK_FALSE(scale.shows(1.0));
    CHECK_FALSE(scale.shows(-0.5));
    CHECK_FALSE(scale.shows(std::nan("")));
    // Without limits: out to the ticks around the data.
    const ChartScale fitted({"", AxisScale::normal_deviate}, 0.003, 0.3);
    CHECK(fitted.position(0.001) == Approx(0.0).margin(1e-12));
    CHECK(fitted.position(0.4) == Approx(1.0));
    CHECK(ChartScale({"", AxisScale::normal_deviate}, 0.3, 0.3).ticks().size() >= 2);
    CHECK(ChartScale({"", AxisScale::normal_deviate}, -1.0, 2.0).ticks().size() >= 2);
}

TEST_CASE("a line goes through its points", "[eval]") {
    Chart chart;
    chart.x = {"x", AxisScale::linear, 0.0, 2.0};
    chart.y = {"y", AxisScale::linear, 0.0, 1.0};
    chart.series = {{"", {0, 1, 2}, {0, 1, 0.5}}};
    const std::string svg = lafs::svg_chart(chart);
    CHECK(markup_problem(svg).empty());
    const Path path = first_path(svg);
    REQUIRE(path.x.size() == 3);
    // y points down: from the bottom to the top to half-way, x in even steps from 0.
    CHECK(path.x[0] == 0.0);
    CHECK(path.x[2] == Approx(2 * path.x[1]).margin(0.11));
    CHECK(path.y[1] == 0.0);
    CHECK(path.y[2] == Approx(path.y[0] / 2).margin(0.11));
}

TEST_CASE("what cannot be drawn leaves a gap", "[eval]") {
    const double infinity = std::numeric_limits<double>::infinity();
    Chart chart;
    chart.series = {{"a", {0, 1, 2, 3, 4, 5, 6}, {1, 2, std::nan(""), 3, infinity, 4, 5}}};
    const std::string svg = lafs::svg_chart(chart);
    CHECK(first_path(svg).strokes == 3);
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    CHECK(markup_problem(svg).empty());
    chart.series[0].y.assign(7, std::nan(""));
    CHECK(markup_problem(lafs::svg_chart(chart)).empty());
    chart.series.clear();
    CHECK(markup_problem(lafs::svg_chart(chart)).empty());
    chart.y.scale = AxisScale::logarithmic;
    chart.series = {{"a", {0, 1, 2}, {-1, 0, -2}}, {"b", {1}, {5}}};
    CHECK(markup_problem(lafs::svg_chart(chart)).empty());
}

TEST_CASE("long series are thinned but keep their extremes", "[eval]") {
    Chart chart;
    chart.y = {"", AxisScale::linear, 0.0, 1.0};
    lafs::ChartSeries series{"long"};
    for (int i = 0; i < 1000000; ++i) {
        series.x.push_back(i);
        series.y.push_back(i == 700001 ? 1.0 : i == 300001 ? 0.0 : 0.5 + 0.1 * std::sin(0.37 * i));
    }
    chart.series = {series};
    const std::string svg = lafs::svg_chart(chart);
    CHECK(svg.size() < 60000);
    const Path path = first_path(svg);
    CHECK(path.x.size() < 4 * 640);
    CHECK(*std::min_element(path.y.begin(), path.y.end()) == 0.0);
    const double bottom = *std::max_element(path.y.begin(), path.y.end());
    CHECK(bottom > 200.0);
    CHECK(std::is_sorted(path.x.begin(), path.x.end()));
}

TEST_CASE("names are escaped and every named line is in the legend", "[eval]") {
    Chart chart;
    chart.title = "a < b & \"c\"";
    chart.x.label = "<x>";
    for (int i = 0; i < 12; ++i)
        chart.series.push_back({"line <" + std::to_string(i) + ">", {0, 1}, {0.0, 1.0 * i}});
    const std::string svg = lafs::svg_chart(chart);
    CHECK(markup_problem(svg).empty());
    CHECK(svg.find("a &lt; b &amp; &quot;c&quot;") != std::string::npos);
    for (int i = 0; i < 12; ++i)
        CHECK(count_of(svg, ">line &lt;" + std::to_string(i) + "&gt;<") == 1);
    CHECK(lafs::escape_markup(std::string("a\x01'b\0", 5)) == "a&#39;b");
}

TEST_CASE("a chart refuses series that do not fit", "[eval]") {
    Chart chart;
    chart.series = {{"a", {0, 1}, {0}}};
    CHECK_THROWS_AS(lafs::svg_chart(chart), lafs::Error);
    chart.series.clear();
    chart.width = 100;
    CHECK_THROWS_AS(lafs::svg_chart(chart), lafs::Error);
}

TEST_CASE("markup is UTF-8, whatever bytes come", "[eval]") {
    CHECK(lafs::escape_markup("b\xC3\xA9<\x01>") == "b\xC3\xA9&lt;&gt;");
    CHECK(lafs::escape_markup("b\xE9&\xE2\x82") == "b\xEF\xBF\xBD&amp;\xEF\xBF\xBD");
}
