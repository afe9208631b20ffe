#include <lafs/eval/curves.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "markup.hpp"

namespace {

const std::vector<lafs::NamedCurve> curves = {
    {"first, \"a\"", {{0.0, 0.002, 0.1, 1.0}, {0.1, 0.5, 0.75, 1.0}, {0.9, 0.8, 0.5, 0.1}}},
    {"second", {{0.0, 0.5, 1.0}, {0.0, 0.5, 1.0}, {3.0, 2.0, 1.0}}}};

}  // namespace

TEST_CASE("ROC is TAR over FAR, DET is 1 - TAR over FAR", "[eval]") {
    const lafs::Chart roc = lafs::roc_chart(curves), det = lafs::det_chart(curves);
    REQUIRE(roc.series.size() == 2);
    CHECK(roc.x.logarithmic);
    CHECK_FALSE(roc.y.logarithmic);
    CHECK(*roc.x.minimum == Approx(1e-3));  // the decade below 0.002; FAR 0 is drawn there
    CHECK(roc.series[0].x[0] == *roc.x.minimum);
    CHECK(roc.series[0].x[1] == 0.002);
    CHECK(roc.series[0].y == curves[0].curve.tar);
    CHECK(det.y.logarithmic);
    CHECK(det.series[0].y == std::vector<double>{0.9, 0.5, 0.25, 0.0});
    for (const std::string& svg : {lafs::roc_svg(curves), lafs::det_svg(curves), lafs::roc_svg({})}) {
        CHECK(lafs_test::markup_problem(svg).empty());
        CHECK(svg.starts_with("<svg xmlns="));
    }
}

TEST_CASE("CSV holds every point exactly", "[eval]") {
    const std::string csv = lafs::roc_csv(curves);
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
    CHECK_THROWS_AS(lafs::roc_csv({{"a", {{0.0}, {0.0, 1.0}, {0.0}}}}), lafs::Error);
    CHECK_THROWS_AS(lafs::roc_svg({{"a", {{0.0}, {0.0, 1.0}, {0.0}}}}), lafs::Error);
}
