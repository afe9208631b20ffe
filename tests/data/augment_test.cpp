#include <cmath>
#include <functional>
#include <lafs/data/augment.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "reference_image.hpp"
#include "shared_data.hpp"

using lafs::Image;
using lafs::RandomSequence;

namespace {

Image noise(int width, int height, std::uint64_t seed = 5) {
    Image image(width, height);
    RandomSequence random(seed, 0);
    for (auto& byte : image.pixels)
        byte = static_cast<std::uint8_t>(random.bits());
    return image;
}

Image one_pixel(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    Image image(1, 1);
    image.pixels = {red, green, blue};
    return image;
}

using Bytes = std::vector<std::uint8_t>;

/// One box pass over a line of values, in plain doubles with rounding to bytes.
std::vector<double> box_pass(const std::vector<double>& line, double radius) {
    const int whole = static_cast<int>(radius), last = static_cast<int>(line.size()) - 1;
    const double weight = 1.0 / (2 * radius + 1), edge = (1.0 - (2 * whole + 1) * weight) / 2;
    const auto at = [&](int i) { return line[static_cast<std::size_t>(std::clamp(i, 0, last))]; };
    std::vector<double> result(line.size());
    for (int i = 0; i <= last; ++i) {
        double sum = edge * (at(i - whole - 1) + at(i + whole + 1));
        for (int k = -whole; k <= whole; ++k)
            sum += weight * at(i + k);
        result[static_cast<std::size_t>(i)] = std::round(sum);
    }
    return result;
}

/// The box radius, by definition: three boxes of it, with linear ends, have the variance deviation^2.
double box_radius(double deviation) {
    const auto variance_of_box = [](double radius) {
        const double whole = std::floor(radius), weight = 1.0 / (2 * radius + 1);
        double variance = (radius - whole) * weight * 2 * (whole + 1) * (whole + 1);
        for (int k = 1; k <= static_cast<int>(whole); ++k)
            variance += 2.0 * weight * k * k;
        return 3 * variance;
    };
    double low = 0, high = 4 * deviation + 1;
    for (int i = 0; i < 100; ++i) {
        const double middle = (low + high) / 2;
        (variance_of_box(middle) < deviation * deviation ? low : high) = middle;
    }
    return low;
}

/// The blur of one component, pixel by pixel.
Image plain_blur(const Image& image, double deviation) {
    const double radius = box_radius(deviation);
    Image result = image;
    const auto along = [&](int lines, int length, const auto& pixel) {
        for (int i = 0; i < lines; ++i)
            for (int c = 0; c < 3; ++c) {
                std::vector<double> line;
                for (int k = 0; k < length; ++k)
                    line.push_back(pixel(i, k)[c]);
                for (int pass = 0; pass < 3; ++pass)
                    line = box_pass(line, radius);
                for (int k = 0; k < length; ++k)
                    pixel(i, k)[c] = static_cast<std::uint8_t>(line[static_cast<std::size_t>(k)]);
            }
    };
    along(image.height, image.width, [&](int y, int x) { return result.at(x, y); });
    along(image.width, image.height, [&](int x, int y) { return result.at(x, y); });
    return result;
}

int worst_difference(const Image& a, const Image& b) {
    REQUIRE(a.pixels.size() == b.pixels.size());
    int worst = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i)
        worst = std::max(worst, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
    return worst;
}

}  // namespace

TEST_CASE("colour operations and blur equal those of Pillow", "[data]") {
    const auto path = lafs_test::shared("reference/14_augmentations.safetensors");
    if (!path)
        return;
    const auto file = lafs::SafetensorsFile::open(*path);
    const Image input = lafs_test::reference_image(file, "input");
    const std::map<std::string, std::function<Image(const Image&, double)>> operations = {
        {"brightness", lafs::adjust_brightness},
        {"contrast", lafs::adjust_contrast},
        {"saturation", lafs::adjust_saturation},
        {"hue", lafs::adjust_hue},
        {"grayscale", [](const Image& image, double) { return lafs::grayscale(image); }},
        {"gaussian_blur", lafs::gaussian_blur},
        {"solarize",
         [](const Image& image, double x) { return lafs::solarize(image, static_cast<int>(x)); }}};
    std::set<std::string> seen;
    for (const std::string& name : file.names()) {
        const std::string operation = name.substr(0, name.find('('));
        const auto found = operations.find(operation);
        if (found == operations.end())
            continue;
        const std::string key = operation == "gaussian_blur" ? "radius=" : "(";
        const double value = operation == "grayscale" ? 0.0 : lafs_test::parameter(name, key);
        INFO(name);
        CHECK(found->second(input, value) == lafs_test::reference_image(file, name));
        seen.insert(operation);
    }
    CHECK(seen.size() == operations.size());
}

TEST_CASE("colour operations match values computed by hand", "[data]") {
    const Image image = one_pixel(101, 50, 200);
    // Luma: 0.299 * 101 + 0.587 * 50 + 0.114 * 200 = 82.35.
    CHECK(lafs::grayscale(image).pixels == Bytes{82, 82, 82});
    CHECK(lafs::adjust_brightness(image, 0.5).pixels == Bytes{50, 25, 100});
    CHECK(lafs::adjust_brightness(image, 2.0).pixels == Bytes{202, 100, 255});
    CHECK(lafs::adjust_brightness(image, 1.0) == image);
    CHECK(lafs::adjust_contrast(image, 0.5).pixels == Bytes{91, 66, 141});  // half way from 82
    CHECK(lafs::adjust_contrast(image, 3.0).pixels == Bytes{139, 0, 255});
    CHECK(lafs::adjust_saturation(image, 0.0).pixels == Bytes{82, 82, 82});
    CHECK(lafs::adjust_saturation(image, 1.5).pixels == Bytes{110, 34, 255});
    CHECK(lafs::solarize(image, 101).pixels == Bytes{154, 50, 55});
    CHECK(lafs::solarize(image, 256) == image);

    Image two(2, 1);
    two.pixels = {0, 0, 0, 100, 100, 100};
    CHECK(lafs::adjust_contrast(two, 0.0).pixels == Bytes{50, 50, 50, 50, 50, 50});  // one mean for all

    CHECK(lafs::adjust_hue(one_pixel(255, 0, 0), 1.0 / 3).pixels == Bytes{0, 255, 0});
    CHECK(lafs::adjust_hue(one_pixel(0, 255, 0), 1.0 / 3).pixels == Bytes{0, 0, 255});
    CHECK(lafs::adjust_hue(one_pixel(77, 77, 77), 0.3).pixels == Bytes{77, 77, 77});
    CHECK(lafs::adjust_hue(one_pixel(0, 0, 0), -0.2).pixels == Bytes{0, 0, 0});
}

TEST_CASE("colour operations treat every pixel alike, whatever the size", "[data]") {
    for (const int width : {1, 63, 64, 65, 130}) {
        const Image image = noise(width, 1);
        const Image hue = lafs::adjust_hue(image, 0.21), saturation = lafs::adjust_saturation(image, 0.7);
        for (int x = 0; x < width; ++x) {
            const Image pixel = one_pixel(image.at(x, 0)[0], image.at(x, 0)[1], image.at(x, 0)[2]);
            CHECK(std::equal(hue.at(x, 0), hue.at(x, 0) + 3, lafs::adjust_hue(pixel, 0.21).at(0, 0)));
            CHECK(std::equal(saturation.at(x, 0), saturation.at(x, 0) + 3,
                             lafs::adjust_saturation(pixel, 0.7).at(0, 0)));
        }
    }
}

TEST_CASE("blur equals three plain box passes, also where the box is larger than the image", "[data]") {
    for (const double radius : {0.1, 0.6, 1.1, 2.0, 5.3, 30.0})
        for (const auto& image : {noise(1, 1), noise(2, 7), noise(22, 5), noise(70, 3)}) {
            INFO(radius << " " << image.width << " x " << image.height);
            // Weights in fixed point may round a byte the other way, and the next pass carries it on.
            CHECK(worst_difference(lafs::gaussian_blur(image, radius), plain_blur(image, radius)) <= 1);
        }
    CHECK(lafs::gaussian_blur(noise(9, 9), 0.0) == noise(9, 9));
}

TEST_CASE("bad parameters of image operations are refused", "[data]") {
    const Image image = noise(4, 4);
    CHECK_THROWS_AS(lafs::adjust_brightness(image, -0.1), lafs::Error);
    CHECK_THROWS_AS(lafs::adjust_contrast(image, std::nan("")), lafs::Error);
    CHECK_THROWS_AS(lafs::adjust_saturation(image, HUGE_VAL), lafs::Error);
    CHECK_THROWS_AS(lafs::adjust_hue(image, 0.51), lafs::Error);
    CHECK_THROWS_AS(lafs::solarize(image, 257), lafs::Error);
    CHECK_THROWS_AS(lafs::gaussian_blur(image, -1), lafs::Error);
    CHECK_THROWS_AS(lafs::gaussian_blur(image, std::nan("")), lafs::Error);
    CHECK_THROWS_AS(lafs::grayscale(Image()), lafs::Error);
    CHECK_THROWS_AS(lafs::erase(image, lafs::Box{2, 0, 3, 1}), lafs::Error);
    RandomSequence random(1, 1);
    CHECK_THROWS_AS(lafs::colour_jitter(image, {.hue = 0.6}, random), lafs::Error);
}

TEST_CASE("erasing paints the rectangle and nothing else", "[data]") {
    const Image image = noise(9, 7);
    const Image erased = lafs::erase(image, lafs::Box{2, 1, 4, 5}, 9);
    for (int y = 0; y < 7; ++y)
        for (int x = 0; x < 9; ++x) {
            const bool inside = x >= 2 && x < 6 && y >= 1 && y < 6;
            for (int c = 0; c < 3; ++c)
                CHECK(int{erased.at(x, y)[c]} == (inside ? 9 : int{image.at(x, y)[c]}));
        }
}

TEST_CASE("colour jitter draws amounts in range and all orders", "[data]") {
    const lafs::ColourJitter jitter{0.4, 1.3, 0.2, 0.1};
    std::set<std::array<lafs::JitterDraw::Change, 4>> orders;
    std::array<double, 4> low{9, 9, 9, 9}, high{-9, -9, -9, -9};
    for (std::uint64_t stream = 0; stream < 2000; ++stream) {
        RandomSequence random(7, stream);
        const auto draw = lafs::draw_jitter(jitter, random);
        CHECK(std::set(draw.order.begin(), draw.order.end()).size() == 4);
        orders.insert(draw.order);
        for (std::size_t i = 0; i < 4; ++i) {
            low[i] = std::min(low[i], draw.amount[i]);
            high[i] = std::max(high[i], draw.amount[i]);
        }
    }
    CHECK(orders.size() == 24);
    const std::array<double, 4> expected_low{0.6, 0.0, 0.8, -0.1}, expected_high{1.4, 2.3, 1.2, 0.1};
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(low[i] >= expected_low[i]);
        CHECK(low[i] == Approx(expected_low[i]).margin(0.02));
        CHECK(high[i] <= expected_high[i]);
        CHECK(high[i] == Approx(expected_high[i]).margin(0.02));
    }
}

TEST_CASE("colour jitter applies its changes in the order drawn", "[data]") {
    const Image image = noise(20, 9);
    using Draw = lafs::JitterDraw;
    const Draw draw{{Draw::hue, Draw::contrast, Draw::saturation, Draw::brightness}, {1.3, 0.7, 1.1, -0.05}};
    const Image expected = lafs::adjust_brightness(
        lafs::adjust_saturation(lafs::adjust_contrast(lafs::adjust_hue(image, -0.05), 0.7), 1.1), 1.3);
    CHECK(lafs::apply_jitter(image, draw) == expected);

    RandomSequence first(3, 4), second(3, 4), other(3, 5);
    const Image jittered = lafs::colour_jitter(image, {}, first);
    CHECK(jittered == lafs::colour_jitter(image, {}, second));
    CHECK(jittered != lafs::colour_jitter(image, {}, other));
    CHECK(lafs::colour_jitter(image, {0, 0, 0, 0}, other) == image);
}
