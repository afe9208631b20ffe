#include <algorithm>
#include <cmath>
#include <cstdint>
#include <lafs/data/synthetic_faces.hpp>
#include <utility>
#include <vector>

#include "catch.hpp"

using lafs::Image;
using lafs::SyntheticFaces;
using lafs::synthetic::Point;

namespace {

// Best accuracy over all thresholds of scores with labels, brute force.
double best_accuracy(std::vector<std::pair<double, bool>> scores) {
    std::sort(scores.begin(), scores.end());
    std::size_t correct = 0, best = 0;
    for (const auto& score : scores)
        correct += score.second;
    for (const auto& score : scores) {  // everything up to here is called different
        correct = score.second ? correct - 1 : correct + 1;
        best = std::max(best, correct);
    }
    return static_cast<double>(best) / static_cast<double>(scores.size());
}

double pixel_correlation(const Image& a, const Image& b) {
    double sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    const double n = static_cast<double>(a.pixels.size());
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
        const double x = a.pixels[i], y = b.pixels[i];
        sa += x, sb += y, aa += x * x, bb += y * y, ab += x * y;
    }
    return (ab - sa * sb / n) / std::sqrt((aa - sa * sa / n) * (bb - sb * sb / n) + 1e-9);
}

std::uint64_t checksum(const Image& image) {
    std::uint64_t hash = 1469598103934665603ull;
    for (const std::uint8_t byte : image.pixels)
        hash = (hash ^ byte) * 1099511628211ull;
    return hash;
}

}  // namespace

TEST_CASE("synthetic images depend on seed, identity and image only", "[data]") {
    const SyntheticFaces faces(6, 4, 11);
    CHECK(faces.size() == 24);
    const Image last = faces.image(23), first = faces.image(0);
    CHECK(first.width == 112);
    CHECK(first.height == 112);
    CHECK(faces.image(23) == last);
    CHECK(SyntheticFaces(6, 4, 11).image(0) == first);
    CHECK(!(faces.image(1) == first));
    CHECK(!(faces.image(4) == first));
    CHECK(!(SyntheticFaces(6, 4, 12).image(0) == first));
    // Neither the number of identities and images nor the start changes a picture.
    CHECK(SyntheticFaces(1, 9, 11).image(3) == faces.image(3));
    CHECK(SyntheticFaces(1, 4, 11, 5).image(3) == last);
    CHECK(checksum(first) != checksum(last));
    CHECK(faces.label(0) == 0);
    CHECK(faces.label(3) == 0);
    CHECK(faces.label(4) == 1);
    CHECK(faces.label(23) == 5);
}

TEST_CASE("synthetic faces refuse absurd sizes and indices", "[data]") {
    CHECK_THROWS_AS(SyntheticFaces(0, 1), lafs::Error);
    CHECK_THROWS_AS(SyntheticFaces(1, -1), lafs::Error);
    CHECK_THROWS_AS(SyntheticFaces(INT64_MAX, 1), lafs::Error);
    CHECK_THROWS_AS(SyntheticFaces(1, 1, 0, -1), lafs::Error);
    CHECK_THROWS_AS(SyntheticFaces(2, 2).image(4), lafs::Error);
    CHECK_THROWS_AS(SyntheticFaces(2, 2).label(-1), lafs::Error);
}

TEST_CASE("landmarks are ordered and lie where the face is", "[data]") {
    const SyntheticFaces faces(60, 5, 2);
    int ordered = 0, inside = 0;
    double x = 0, y = 0;
    for (std::int64_t i = 0; i < faces.size(); ++i) {
        const std::vector<Point> points = faces.landmarks(i);
        REQUIRE(points.size() == SyntheticFaces::landmark_count);
        ordered += points[0].x < points[1].x && points[3].x < points[4].x && points[0].y < points[3].y &&
                   points[1].y < points[4].y;
        for (const Point p : points)
            inside += p.x > -28 && p.x < 140 && p.y > -28 && p.y < 140;
        for (int k = 0; k < 5; ++k) {
            x += points[static_cast<std::size_t>(k)].x / 5;
            y += points[static_cast<std::size_t>(k)].y / 5;
        }
    }
    const double n = static_cast<double>(faces.size());
    CHECK(ordered == faces.size());
    CHECK(inside == faces.size() * 40);
    // On average the middle of the five points is that of the aligned template.
    CHECK(x / n == Approx(56.0).margin(1.5));
    CHECK(y / n == Approx(71.0).margin(1.5));
}

TEST_CASE("the pixels at the landmarks show the parts they name", "[data]") {
    const SyntheticFaces faces(80, 4, 5);
    int eyes = 0, darker = 0, lips = 0, redder = 0;
    for (std::int64_t i = 0; i < faces.size(); ++i) {
        const lafs::synthetic::FaceGeometry geometry = faces.geometry(i);
        const lafs::synthetic::FaceCondition& c = geometry.condition();
        if (c.blur > 0.6f || c.has_occluder || c.noise > 0.03f || c.saturation < 0.5f || c.contrast < 0.8f)
            continue;
        const Image image = faces.image(i);
        const auto value = [&](Point p, int channel) {
            const int px = std::clamp(static_cast<int>(std::lround(p.x)), 0, 111);
            const int py = std::clamp(static_cast<int>(std::lround(p.y)), 0, 111);
            return static_cast<double>(image.at(px, py)[channel]);
        };
        for (const int side : {-1, 1}) {  // the pupil is darker than the white of the eye
            const auto eye = geometry.eye(side);
            if (c.eye_open < 0.5f || eye.iris_radius < 2.5f)
                continue;
            const Point white = std::abs(eye.iris.x - eye.inner.x) > std::abs(eye.iris.x - eye.outer.x)
                                    ? eye.inner * 0.6f + eye.centre * 0.4f
                                    : eye.outer * 0.6f + eye.centre * 0.4f;
            ++eyes;
            darker += value(eye.iris, 1) < value(white, 1);
        }
        const auto points = faces.landmarks(i);
        const Point bottom = points[24] * 0.7f + points[23] * 0.3f;  // in the lower lip
        const Point cheek = geometry.on_face(16, 6);
        if (c.mouth_open == 0.0f && value(cheek, 1) > 20 && value(cheek, 0) < 250) {
            ++lips;
            redder += value(bottom, 0) / (value(bottom, 1) + 1) > value(cheek, 0) / (value(cheek, 1) + 1);
        }
    }
    CHECK(eyes > 50);
    CHECK(darker > eyes * 0.9);
    CHECK(lips > 10);
    CHECK(redder > lips * 0.8);
}

TEST_CASE("pixels verify little above chance, the person's parameters perfectly", "[data]") {
    const SyntheticFaces faces(60, 8, 3);
    std::vector<Image> images;
    for (std::int64_t i = 0; i < faces.size(); ++i)
        images.push_back(faces.image(i));
    lafs::RandomSequence random(1, 1);
    std::vector<std::pair<double, bool>> pixels, person;
    for (int k = 0; k < 1200; ++k) {
        const bool same = k % 2 == 0;
        const auto a = random.integer(60), b = same ? a : (a + 1 + random.integer(59)) % 60;
        const auto i = a * 8 + random.integer(8);
        auto j = b * 8 + random.integer(8);
        while (j == i)
            j = b * 8 + random.integer(8);
        pixels.push_back({pixel_correlation(images[i], images[j]), same});
        const auto p = faces.geometry(static_cast<std::int64_t>(i)).face();
        const auto q = faces.geometry(static_cast<std::int64_t>(j)).face();
        const double distance = std::abs(p.eye_distance - q.eye_distance) +
                                std::abs(p.nose_width - q.nose_width) +
                                std::abs(p.mouth_width - q.mouth_width) + 20 * std::abs(p.skin.g - q.skin.g) +
                                20 * std::abs(p.hair.r - q.hair.r);
        person.push_back({-distance, same});
    }
    const double accuracy = best_accuracy(pixels);
    INFO("accuracy of pixel correlation " << accuracy);
    CHECK(accuracy < 0.62);
    CHECK(best_accuracy(person) > 0.99);
}
