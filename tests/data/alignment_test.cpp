#include <cmath>
#include <lafs/data/alignment.hpp>
#include <limits>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::FivePoints;
using lafs::Image;
using lafs::Point;
using lafs::Similarity;
using lafs_test::message_of;

namespace {

Image pattern(int width, int height) {
    Image image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(x * 7 + y * 13 + c * 50 + x * y);
    return image;
}

/// FNV-1a of the pixels.
std::uint64_t hash_of(const Image& image) {
    std::uint64_t hash = 1469598103934665603u;
    for (const std::uint8_t byte : image.pixels)
        hash = (hash ^ byte) * 1099511628211u;
    return hash;
}

void check_near(const Similarity& got, const Similarity& expected, double tolerance) {
    CHECK(std::abs(got.a - expected.a) < tolerance);
    CHECK(std::abs(got.b - expected.b) < tolerance);
    CHECK(std::abs(got.dx - expected.dx) < tolerance);
    CHECK(std::abs(got.dy - expected.dy) < tolerance);
}

}  // namespace

TEST_CASE("the template maps to itself", "[data]") {
    check_near(lafs::estimate_similarity(lafs::face_template, lafs::face_template), {1, 0, 0, 0}, 1e-12);
    const Image face = pattern(112, 112);
    CHECK(lafs::align_face(face, lafs::face_template) == face);
}

TEST_CASE("known transforms are recovered", "[data]") {
    for (const double angle : {0.0, 0.3, -1.2, 3.1, 1.5707963267948966})
        for (const double scale : {0.01, 0.5, 7.0}) {
            const Similarity there{scale * std::cos(angle), scale * std::sin(angle), 1234.5, -77.25};
            FivePoints moved;
            for (std::size_t i = 0; i < moved.size(); ++i)
                moved[i] = there(lafs::face_template[i]);
            check_near(lafs::estimate_similarity(lafs::face_template, moved), there, 1e-6);
            check_near(lafs::estimate_similarity(moved, lafs::face_template), there.inverse(), 1e-6);
            CHECK(there.scale() == Approx(scale));
        }
    const Point there_and_back = Similarity{2, 1, 5, 6}.inverse()(Similarity{2, 1, 5, 6}({3, 4}));
    CHECK(there_and_back.x == Approx(3));
    CHECK(there_and_back.y == Approx(4));
}

TEST_CASE("least squares without reflection, as scikit-image has it", "[data]") {
    // Right sides: Umeyama's method by singular value decomposition, in NumPy.
    const auto estimate = [](const FivePoints& points) {
        return lafs::estimate_similarity(points, lafs::face_template);
    };
    const FivePoints noisy{
        {{105.5, 98.25}, {171.0, 110.75}, {140.5, 150.0}, {95.25, 180.5}, {150.75, 196.0}}};
    check_near(estimate(noisy),
               {0.47819497488557, -0.09789801001011708, -21.78329094231478, 14.539575321674185}, 1e-10);
    const FivePoints profile{{{60, 70}, {64, 69}, {40, 90}, {58, 110}, {61, 111}}};
    check_near(estimate(profile),
               {0.8712301584197144, -0.05143464697829062, 2.085414805398024, -3.5987332388030353}, 1e-10);
    const FivePoints mirrored{
        {{171.0, 110.75}, {105.5, 98.25}, {140.5, 150.0}, {150.75, 196.0}, {95.25, 180.5}}};
    check_near(estimate(mirrored),
               {0.12854310500817837, -0.016383037174704584, 36.5713995075165, 55.16447998266278}, 1e-10);
    const FivePoints line{{{10, 10}, {20, 20}, {30, 30}, {40, 40}, {50, 50}}};
    check_near(estimate(line), {0.773839, 0.444958, 46.15973, 35.33687}, 1e-10);
}

TEST_CASE("points that determine no transform are refused", "[data]") {
    const auto message = [](const FivePoints& points) {
        return message_of([&] { lafs::estimate_similarity(points, lafs::face_template); });
    };
    FivePoints points;
    points.fill({812.3, 99.1});
    CHECK(message(points).find("all points lie at 812.3, 99.1") != std::string::npos);
    points = lafs::face_template;
    points[2].x = std::numeric_limits<double>::quiet_NaN();
    CHECK(message(points).find("got the point nan, 71.7366, expected finite numbers") != std::string::npos);
    points[2].x = std::numeric_limits<double>::infinity();
    CHECK(message(points).find("expected finite numbers") != std::string::npos);
    points[2].x = std::numeric_limits<double>::max();
    CHECK_FALSE(message(points).empty());
    points = lafs::face_template;
    CHECK(message_of([&] {
              lafs::estimate_similarity(points, std::span<const Point>(points).first(4));
          }).find("got 5 and 4 points") != std::string::npos);
    // A square and its mirror image: every rotation fits equally badly, so the best scale is 0.
    const std::vector<Point> square{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}},
        swapped{{1, -1}, {-1, -1}, {-1, 1}, {1, 1}};
    CHECK(message_of([&] { lafs::estimate_similarity(square, swapped); }).find("the best scale is 0") !=
          std::string::npos);
    CHECK_THROWS_AS(lafs::warp(pattern(4, 4), Similarity{0, 0, 1, 1}, 4, 4), lafs::Error);
    CHECK_THROWS_AS(lafs::warp(pattern(4, 4), Similarity{}, 0, 4), lafs::Error);
    CHECK_THROWS_AS(lafs::warp(Image(), Similarity{}, 4, 4), lafs::Error);
}

TEST_CASE("warping gives the bytes of OpenCV's warpAffine", "[data]") {
    // Hashes and pixels from OpenCV 4.6, INTER_LINEAR, black border, on the same pattern.
    const Image inside = lafs::warp(pattern(120, 90), {0.91, 0.23, 10.5, -4.25}, 112, 112);
    CHECK(std::vector<int>(inside.at(30, 40), inside.at(30, 40) + 3) == std::vector<int>{135, 69, 89});
    CHECK(std::vector<int>(inside.at(56, 56), inside.at(56, 56) + 3) == std::vector<int>{155, 142, 167});
    CHECK(std::vector<int>(inside.at(10, 100), inside.at(10, 100) + 3) == std::vector<int>{0, 0, 0});
    CHECK(hash_of(inside) == 0x365ded41494f0288u);
    const Similarity noisy{0.47819497488556995, -0.09789801001011708, -21.78329094231478, 14.539575321674185};
    CHECK(hash_of(lafs::warp(pattern(250, 250), noisy, 112, 112)) == 0xc217ea3ba5108c0eu);
    CHECK(hash_of(lafs::warp(pattern(40, 33), {3.7, -1.3, 5.125, 80.5}, 150, 130)) == 0x71bf24adb5673813u);
    CHECK(lafs::warp(pattern(40, 33), {}, 40, 33) == pattern(40, 33));
}

TEST_CASE("a face far outside the picture is black", "[data]") {
    FivePoints far = lafs::face_template;
    for (Point& point : far)
        point.x += 1e9;
    const Image face = lafs::align_face(pattern(60, 50), far);
    CHECK(face == Image(112, 112));
    CHECK(lafs::warp(pattern(5, 5), {1e-12, 0, 1e300, 1e300}, 3, 3) == Image(3, 3));
}
