#include <cmath>
#include <cstdint>
#include <lafs/data/tone_ops.hpp>
#include <vector>

#include "catch.hpp"
#include "small_images.hpp"

// Expected bytes are what Pillow 13 gives for the same image.

using lafs::Image;
using lafs_test::pattern_image;

namespace {

using Bytes = std::vector<std::uint8_t>;

Image one_pixel(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    Image image(1, 1);
    image.pixels = {red, green, blue};
    return image;
}

}  // namespace

TEST_CASE("tone operations give Pillow's bytes", "[data]") {
    const Image image = pattern_image();
    CHECK(lafs::autocontrast(lafs::adjust_contrast(image, 0.4)).pixels ==
          Bytes{0,   85,  175, 37,  126, 213, 75,  167, 254, 113, 208, 16,  148, 249, 54,
                60,  150, 238, 108, 202, 10,  156, 254, 63,  204, 27,  115, 254, 79,  169,
                118, 216, 21,  179, 0,   87,  239, 63,  153, 40,  128, 216, 98,  194, 0,
                179, 0,   87,  249, 76,  164, 63,  153, 241, 133, 230, 38,  204, 24,  115});
    CHECK(lafs::adjust_sharpness(image, 1.7).pixels ==
          Bytes{0,   83,  166, 37,  120, 203, 74,  157, 240, 111, 194, 21,  148, 231, 58,
                59,  142, 225, 107, 217, 0,   169, 255, 37,  230, 0,   113, 251, 78,  161,
                118, 201, 28,  191, 0,   73,  255, 35,  160, 0,   122, 246, 98,  181, 8,
                177, 4,   87,  247, 74,  157, 61,  144, 227, 131, 214, 41,  201, 28,  111});
    CHECK(lafs::adjust_sharpness(image, 0.3).pixels ==
          Bytes{0,   83,  166, 37,  120, 203, 74,  157, 240, 111, 194, 21,  148, 231, 58,
                59,  142, 225, 107, 162, 72,  141, 182, 92,  175, 85,  113, 251, 78,  161,
                118, 201, 28,  163, 59,  101, 194, 90,  132, 94,  122, 163, 98,  181, 8,
                177, 4,   87,  247, 74,  157, 61,  144, 227, 131, 214, 41,  201, 28,  111});

    Image smooth(40, 30);
    for (int y = 0; y < 30; ++y)
        for (int x = 0; x < 40; ++x)
            for (int c = 0; c < 3; ++c)
                smooth.at(x, y)[c] = static_cast<std::uint8_t>((x * x + 3 * y * c) / (c + 2) % 200 + 20);
    const Image equal = lafs::equalize(smooth);
    CHECK(Bytes(equal.at(0, 7), equal.at(8, 7)) == Bytes{0,  12, 16, 0,  12, 16, 23, 13, 19, 30, 18, 20,
                                                         38, 23, 25, 45, 32, 29, 60, 42, 35, 83, 54, 42});
    std::int64_t sums[3] = {};
    for (std::size_t i = 0; i < equal.pixels.size(); ++i)
        sums[i % 3] += equal.pixels[i];
    CHECK(sums[0] == 169830);
    CHECK(sums[1] == 175088);
    CHECK(sums[2] == 175122);
}

TEST_CASE("tone operations match values computed by hand", "[data]") {
    CHECK(lafs::invert(one_pixel(0, 100, 255)).pixels == Bytes{255, 155, 0});
    CHECK(lafs::posterize(one_pixel(255, 100, 31), 3).pixels == Bytes{224, 96, 0});
    CHECK(lafs::posterize(one_pixel(255, 100, 31), 8).pixels == Bytes{255, 100, 31});
    CHECK(lafs::posterize(one_pixel(255, 100, 31), 0).pixels == Bytes{0, 0, 0});

    // A component of one value stays; 10 .. 20 is stretched, 15 to 127.5 cut off.
    Image three(3, 1);
    three.pixels = {10, 7, 0, 15, 7, 255, 20, 7, 9};
    CHECK(lafs::autocontrast(three).pixels == Bytes{0, 7, 0, 127, 7, 255, 255, 7, 9});
    CHECK(lafs::autocontrast(one_pixel(3, 4, 5)).pixels == Bytes{3, 4, 5});

    // 510 dark pixels and one bright: the step is 2, dark becomes 1 / 2 and bright (1 + 510) / 2.
    Image two(511, 1);
    two.pixels.assign(two.pixels.size(), 40);
    two.at(510, 0)[0] = two.at(510, 0)[1] = two.at(510, 0)[2] = 41;
    const Image equal = lafs::equalize(two);
    CHECK(int{equal.at(0, 0)[0]} == 0);
    CHECK(int{equal.at(510, 0)[0]} == 255);
    CHECK(lafs::equalize(three) == three);  // too few pixels for a step
    CHECK(lafs::equalize(one_pixel(9, 8, 7)).pixels == Bytes{9, 8, 7});

    // The middle of 3 x 3: smoothed (8 * 13 + 5 * 26) / 13 = 18; factor 2 gives 18 + 2 * (26 - 18).
    Image nine(3, 3);
    nine.pixels.assign(nine.pixels.size(), 13);
    nine.at(1, 1)[0] = 26;
    CHECK(int{lafs::adjust_sharpness(nine, 0).at(1, 1)[0]} == 18);
    CHECK(int{lafs::adjust_sharpness(nine, 2).at(1, 1)[0]} == 34);
    CHECK(int{lafs::adjust_sharpness(nine, 2).at(0, 1)[0]} == 13);
    CHECK(lafs::adjust_sharpness(nine, 1) == nine);
    CHECK(lafs::adjust_sharpness(two, 0) == two);  // nothing but edge
}

TEST_CASE("bad parameters of tone operations are refused", "[data]") {
    CHECK_THROWS_AS(lafs::posterize(one_pixel(1, 2, 3), 9), lafs::Error);
    CHECK_THROWS_AS(lafs::posterize(one_pixel(1, 2, 3), -1), lafs::Error);
    CHECK_THROWS_AS(lafs::adjust_sharpness(one_pixel(1, 2, 3), -0.1), lafs::Error);
    CHECK_THROWS_AS(lafs::autocontrast(Image()), lafs::Error);
    CHECK_THROWS_AS(lafs::equalize(Image()), lafs::Error);
}
