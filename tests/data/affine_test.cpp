#include <cmath>
#include <cstdint>
#include <lafs/data/affine.hpp>
#include <vector>

#include "catch.hpp"
#include "small_images.hpp"

// Expected bytes are what Pillow 13 gives for the same image.

using lafs::Image, lafs::Filter;
using lafs_test::pattern_image;

namespace {

using Bytes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("rotation, shear and shift give Pillow's bytes", "[data]") {
    const Image image = pattern_image();
    CHECK(lafs::rotate(image, 17).pixels ==
          Bytes{128, 128, 128, 54,  137, 220, 95,  171, 140, 160, 151, 70,  214, 131, 124,
                35,  118, 175, 96,  179, 75,  163, 204, 73,  156, 64,  138, 158, 140, 68,
                82,  165, 147, 149, 74,  67,  225, 58,  135, 87,  135, 162, 140, 113, 76,
                138, 132, 48,  195, 59,  105, 146, 108, 191, 97,  180, 130, 128, 128, 128});
    CHECK(lafs::rotate(image, -40, Filter::bicubic).pixels ==
          Bytes{85,  231, 103, 68,  152, 167, 58,  162, 131, 51,  129, 255, 128, 128, 128,
                160, 110, 37,  142, 53,  49,  157, 238, 16,  135, 167, 103, 112, 229, 0,
                255, 51,  140, 203, 32,  188, 189, 87,  175, 175, 17,  160, 226, 115, 128,
                128, 128, 128, 26,  186, 200, 84,  189, 110, 71,  168, 63,  208, 115, 104});
    CHECK(lafs::shear_x(image, 0.3).pixels ==
          Bytes{5,   88,  171, 42,  125, 208, 79,  162, 207, 116, 199, 26,  148, 231, 58,
                80,  163, 131, 128, 211, 38,  176, 144, 86,  224, 51,  134, 251, 78,  161,
                162, 53,  72,  221, 48,  131, 88,  107, 190, 83,  166, 57,  128, 128, 128,
                237, 77,  160, 64,  147, 217, 134, 204, 44,  201, 28,  111, 128, 128, 128});
    CHECK(lafs::shear_y(image, -0.2, Filter::bicubic).pixels ==
          Bytes{0,   78,  161, 26,  109, 230, 63,  146, 255, 128, 128, 128, 128, 128, 128,
                48,  131, 235, 75,  196, 62,  104, 219, 142, 148, 139, 42,  159, 214, 69,
                107, 211, 43,  150, 53,  43,  227, 150, 73,  161, 27,  164, 243, 77,  153,
                171, 24,  79,  230, 41,  140, 158, 81,  196, 42,  163, 169, 95,  174, 5});
    CHECK(lafs::translate_x(image, 1.4).pixels ==
          Bytes{51,  134, 217, 88,  171, 152, 125, 208, 35,  148, 231, 58,  128, 128, 128,
                126, 209, 36,  174, 154, 84,  222, 49,  132, 251, 78,  161, 128, 128, 128,
                200, 27,  110, 157, 86,  169, 62,  145, 126, 98,  181, 8,   128, 128, 128,
                172, 102, 185, 89,  172, 152, 159, 139, 69,  201, 28,  111, 128, 128, 128});
    CHECK(lafs::translate_y(image, -1.25, Filter::bicubic).pixels ==
          Bytes{128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                0,   74,  157, 27,  110, 229, 62,  145, 255, 98,  217, 8,   133, 252, 43,
                35,  118, 237, 79,  198, 53,  123, 242, 97,  203, 58,  77,  246, 101, 156,
                97,  216, 71,  152, 43,  50,  244, 99,  106, 71,  78,  209, 126, 169, 36});
}

TEST_CASE("whole shifts and right angles move pixels and change none", "[data]") {
    const Image image = pattern_image();
    for (const Filter filter : {Filter::bilinear, Filter::bicubic}) {
        CHECK(lafs::transform_affine(image, {}, filter) == image);
        CHECK(lafs::rotate(image, 360, filter) == image);
        const Image left = lafs::translate_x(image, 2, filter, 9),
                    down = lafs::translate_y(image, -1, filter, 9);
        const Image half = lafs::rotate(image, 180, filter);
        for (int y = 0; y < 4; ++y)
            for (int x = 0; x < 5; ++x) {
                CHECK(int{left.at(x, y)[1]} == (x < 3 ? int{image.at(x + 2, y)[1]} : 9));
                CHECK(int{down.at(x, y)[2]} == (y > 0 ? int{image.at(x, y - 1)[2]} : 9));
                CHECK(half.at(x, y)[0] == image.at(4 - x, 3 - y)[0]);
            }
        CHECK(lafs::rotate(lafs::translate_x(image, 5, filter), 31, filter).pixels == Bytes(60, 128));
    }
    Image square(2, 2);
    square.pixels = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4};  // counter-clockwise: 2 4 over 1 3
    CHECK(lafs::rotate(square, 90).pixels == Bytes{2, 2, 2, 4, 4, 4, 1, 1, 1, 3, 3, 3});
    CHECK(lafs::rotate(square, -270).pixels == lafs::rotate(square, 90).pixels);
}

TEST_CASE("transforms without finite numbers are refused", "[data]") {
    CHECK_THROWS_AS(lafs::rotate(pattern_image(), std::nan("")), lafs::Error);
    CHECK_THROWS_AS(lafs::shear_x(pattern_image(), HUGE_VAL), lafs::Error);
    CHECK_THROWS_AS(lafs::translate_y(Image(), 1), lafs::Error);
    // Far away is outside, not an overflow.
    CHECK(lafs::translate_x(pattern_image(), 1e300).pixels == Bytes(60, 128));
}
