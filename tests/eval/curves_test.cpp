#include <lafs/eval/curves.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "markup.hpp"
#include "temporary_folder.hpp"

namespace {

const std::vector<lafs::NamedCurve> curves = {
    {"first, \"a\"", {{0.0, 0.002, 0.1, 1.0}, {0.1, 0.5, 0.75, 1.0}, {0.9, 0.8, 0.5, 0.1}}},
    {"second", {{0.0, 0.5, 1.0}, {0.0, 0.5, 1.0}, {3.0, 2.0, 1.0}}}};

}  // namespace

TEST_CASE("ROC is TAR over FAR", "[eval]") {
    const lafs::Chart roc = lafs::roc_chart(curves);
    REQUIRE(roc.series.size() == 2);
    CHECK((roc.x.scale == lafs::AxisScale::logarithmic));
    CHECK((roc.y.scale == lafs::AxisScale::linear));
    CHECK(*roc.x.minimum == Approx(1e-3));  // the decade below 0.002; FAR 0 is drawn there
    CHECK(roc.series[0].x[0] == *roc.x.minimum);
    CHECK(roc.series[0].x[1] == 0.002);
    CHECK(roc.series[0].y == curves[0].curve.tar);
    for (const std::string& svg : {lafs::roc_svg(curves), lafs::det_svg(curves), lafs::roc_svg({})}) {
        CHECK(lafs_test::markup_problem(svg).empty());
        CHECK(svg.starts_with("<svg xmlns="));
    }
}

TEST_CASE("DET is 1 - TAR over FAR on normal deviates", "[eval]") {
    const lafs::Chart det = lafs::det_chart(curves);
    CHECK((det.x.scale == lafs::AxisScale::normal_deviate));
    CHECK((det.y.scale == lafs::AxisScale::normal_deviate));
    CHECK(det.series[0].x == curves[0].curve.far);
    CHECK(det.series[0].y == std::vector<double>{0.9, 0.5, 0.25, 0.0});
    CHECK(*det.x.minimum == Approx(1e-3));
    CHECK(*det.y.minimum == Approx(0.1));  // the smallest FRR above 0 is 0.25
    CHECK(*det.x.maximum == 0.99);         // the second curve is a coin's: its best point is (0.5, 0.5)
    CHECK(*lafs::det_chart({curves[0]}).x.maximum == 0.5);
    // Scores that are normal with equal spread, 3 deviations apart, make a straight line of slope -1.
    const std::vector<double> far = {0.0013498980316301035, 0.022750131948179195, 0.15865525393145707, 0.5};
    const std::vector<double> tar = {0.5, 0.8413447460685429, 0.9772498680518208, 0.9986501019683699};
    const lafs::Chart line = lafs::det_chart({{"normal", {far, tar, {3, 2, 1, 0}}}});
    const lafs::detail::ChartScale x(line.x, 0, 0), y(line.y, 0, 0);
    const auto& points = line.series[0];
    const double slope = (y.position(points.y[1]) - y.position(points.y[0])) /
                         (x.position(points.x[1]) - x.position(points.x[0]));
    CHECK(slope < 0.0);
    for (std::size_t k = 2; k < far.size(); ++k)
        CHECK((y.position(points.y[k]) - y.position(points.y[0])) ==
              Approx(slope * (x.position(points.x[k]) - x.position(points.x[0]))).epsilon(1e-6));
}

TEST_CASE("curves are written by the name's end, checked before a long run", "[eval]") {
    const lafs_test::TemporaryFolder folder;
    lafs::write_curves(folder / "a.csv", curves, lafs::CurvePlot::det);
    CHECK(lafs_test::read_text(folder / "a.csv") == lafs::curves_csv(curves));
    lafs::write_curves(folder / "a.svg", curves, lafs::CurvePlot::det);
    CHECK(lafs_test::read_text(folder / "a.svg") == lafs::det_svg(curves));
    lafs::write_curves(folder / "b.svg", curves, lafs::CurvePlot::roc);
    CHECK(lafs_test::read_text(folder / "b.svg") == lafs::roc_svg(curves));
    CHECK(lafs_test::message_of([&] { lafs::check_curve_file(folder / "a.png"); }).find(".svg or .csv") !=
          std::string::npos);
    CHECK(lafs_test::message_of([&] {
              lafs::check_curve_file(folder / "absent" / "a.svg");
          }).find("is missing") != std::string::npos);
}

TEST_CASE("CSV holds every point exactly", "[eval]") {
    const std::string csv = lafs::curves_csv(curves);
    std::istringstream lines(csv);
    std::string line;
    std::getline(lines, line);
    CHECK(line == "curve,far,tar,frr,threshold");
    std::getline(lines, line);
    CHECK(line.starts_with("\"first, \"\"a\"\"\","));
    const std::string numbers = line.substr(std::string("\"first, \"\"a\"\"\",").size());
    double far = -1, tar = -1, frr = -1, threshold = -1;
    REQUIRE(std::sscanf(numbers.c_str(), "%lf,%lf,%lf,%lf", &far, &tar, &frr, &threshold) == 4);
    CHECK(far == 0.0);
    CHECK(tar == 0.1);
    CHECK(frr == 0.9);
    CHECK(threshold == 0.9);
    CHECK(lafs_test::count_of(csv, "\n") == 1 + 4 + 3);
}

TEST_CASE("curves of other lengths are refused", "[eval]") {
    CHECK_THROWS_AS(lafs::curves_csv({{"a", {{0.0}, {0.0, 1.0}, {0.0}}}}), lafs::Error);
    CHECK_THROWS_AS(lafs::roc_svg({{"a", {{0.0}, {0.0, 1.0}, {0.0}}}}), lafs::Error);
}
