#include <cmath>
#include <cstdlib>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/image_ops.hpp>
#include <lafs/io/safetensors.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "reference_image.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::Box;
using lafs::Image;
using lafs_test::message_of;
using lafs_test::reference_image;
using lafs_test::TemporaryFolder;

namespace {

Image gradient(int width, int height) {
    Image image(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            image.at(x, y)[0] = static_cast<std::uint8_t>(x * 5);
            image.at(x, y)[1] = static_cast<std::uint8_t>(y * 7);
            image.at(x, y)[2] = static_cast<std::uint8_t>(x + y);
        }
    return image;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("PNG keeps every byte, JPEG nearly", "[data]") {
    TemporaryFolder folder;
    const Image image = gradient(33, 21);
    lafs::save_image(folder / "a.png", image);
    CHECK(lafs::load_image(folder / "a.png") == image);
    lafs::save_image(folder / "a.JPG", image);
    const Image jpeg = lafs::load_image(folder / "a.JPG");
    REQUIRE(jpeg.pixels.size() == image.pixels.size());
    double difference = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
        difference += std::abs(int{image.pixels[i]} - int{jpeg.pixels[i]});
    CHECK(difference / static_cast<double>(image.pixels.size()) < 4.0);
    CHECK_THROWS_AS(lafs::save_image(folder / "a.gif", image), lafs::Error);
    CHECK_THROWS_AS(lafs::save_image(folder / "b.png", Image{}), lafs::Error);
    CHECK(lafs_test::count_entries(folder.path()) == 2);
}

TEST_CASE("grey and colour PNM decode to RGB", "[data]") {
    const Image grey = lafs::decode_image(bytes_of(std::string("P5 2 1 255\n\x10\xF0", 13)));
    CHECK(grey.pixels == std::vector<std::uint8_t>{16, 16, 16, 240, 240, 240});
    const Image colour = lafs::decode_image(bytes_of(std::string("P6 1 1 255\n\x01\x02\x03", 14)));
    CHECK(colour.pixels == std::vector<std::uint8_t>{1, 2, 3});
}

TEST_CASE("bad images end in an error that names the file", "[data]") {
    TemporaryFolder folder;
    const auto refused = [&](const std::string& name, const std::string& content,
                             const std::string& expected) {
        lafs_test::write_text(folder / name, content);
        const std::string message = message_of([&] { lafs::load_image(folder / name); });
        INFO(message);
        CHECK(message.find(name) != std::string::npos);
        CHECK(message.find(expected) != std::string::npos);
    };
    refused("empty.jpg", "", "empty");
    refused("text.jpg", "no image at all", "cannot be read");
    refused("bomb.pgm", "P5 60000 60000 255\n1", "pixels");
    refused("small_bomb.pgm", "P5 5000 5000 255\n1", "in 18 bytes, expected at most 20000000 pixels");
    refused("wide.pgm", "P5 2000000000 1 255\n1", "wide.pgm");
    refused("short.pgm", "P5 100 100 255\n1", "truncated");
    refused("short.bmp",
            std::string("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x40\0\0\0\x40\0\0\0\1\0\x18\0", 30) +
                std::string(200, '\0'),
            "truncated");
    const std::vector<std::byte> jpeg = lafs::encode_jpeg(gradient(40, 40));
    const std::string whole(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
    refused("half.jpg", whole.substr(0, whole.size() / 2), "truncated");
    std::string codes = whole;
    const std::size_t table = codes.find("\xFF\xC4");
    REQUIRE(table != std::string::npos);
    codes[table + 5] = '\x7F';
    codes[table + 6] = codes[table + 7] = '\xFF';  // more codes than bytes
    refused("codes.jpg", codes, "Huffman table of ");
    refused("codes.jpg", codes, "at byte " + std::to_string(table + 4) + ", expected at most 256");
    codes = whole;
    codes[table + 2] = codes[table + 3] = '\0';
    refused("segment.jpg", codes, "segment of 0 bytes at byte " + std::to_string(table + 2));
    const std::vector<std::byte> png = lafs::encode_png(gradient(40, 40));
    refused("half.png", std::string(reinterpret_cast<const char*>(png.data()), png.size() / 2), "half.png");
    CHECK(message_of([&] { lafs::load_image(folder / "none.jpg"); }).find("none.jpg") != std::string::npos);
}

TEST_CASE("the program sets how large an image may be", "[data]") {
    const auto decode = [] { return lafs::decode_image(bytes_of("P5 8 8 255\n" + std::string(64, 'x'))); };
    CHECK(decode().width == 8);
    lafs::set_max_image_pixels(63);
    CHECK(message_of(decode).find("8 x 8, expected at most 63 pixels") != std::string::npos);
    CHECK_THROWS_AS(lafs::set_max_image_pixels(0), lafs::Error);
    lafs::set_image_limits({});
}

TEST_CASE("resampling matches values computed by hand", "[data]") {
    Image pair(2, 1);
    pair.pixels = {0, 0, 0, 100, 200, 40};
    const Image doubled = lafs::resize(pair, 4, 1);  // centres at -0.25, 0.25, 0.75, 1.25
    CHECK(doubled.pixels == std::vector<std::uint8_t>{0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40});
    CHECK(lafs::resize(pair, 1, 1).pixels == std::vector<std::uint8_t>{50, 100, 20});
    CHECK(lafs::resize(gradient(9, 4), 9, 4) == gradient(9, 4));
    CHECK_THROWS_AS(lafs::resize(pair, 0, 4), lafs::Error);
    CHECK_THROWS_AS(lafs::resized_crop(pair, Box{1, 0, 2, 1}, 4, 4), lafs::Error);
    CHECK_THROWS_AS(lafs::resized_crop(pair, Box{0, 0, 1, 0}, 4, 4), lafs::Error);
}

TEST_CASE("planes are normalised, in either colour order", "[data]") {
    Image image(2, 1);
    image.pixels = {0, 51, 255, 255, 102, 0};
    std::vector<float> planes(6);
    lafs::to_planes(image, planes);
    const std::vector<float> expected = {-1.0f, 1.0f, -0.6f, -0.2f, 1.0f, -1.0f};
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(planes[i] == Approx(expected[i]).margin(1e-6));
    CHECK(lafs::from_planes(planes, 2, 1) == image);
    const lafs::PixelFormat bgr{lafs::ColourOrder::bgr, 0.0f, 1.0f};
    lafs::to_planes(image, planes, bgr);
    CHECK(planes[0] == 1.0f);
    CHECK(planes[5] == 1.0f);
    CHECK(lafs::from_planes(planes, 2, 1, bgr) == image);
    std::vector<float> short_buffer(5);
    CHECK_THROWS_AS(lafs::to_planes(image, short_buffer), lafs::Error);
}

TEST_CASE("crops and mirrors equal those of Pillow", "[data]") {
    const auto path = lafs_test::shared("reference/14_augmentations.safetensors");
    if (!path)
        return;
    const auto file = lafs::SafetensorsFile::open(*path);
    const Image input = reference_image(file, "input");
    CHECK(lafs::flip_horizontal(input) == reference_image(file, "hflip"));
    int crops = 0;
    for (const std::string& name : file.names()) {
        if (!name.starts_with("resized_crop_bicubic"))
            continue;
        const auto number = [&](const char* key) {
            return static_cast<int>(lafs_test::parameter(name, key));
        };
        const Box box{number("left="), number("top="), number("width="), number("height=")};
        const Image expected = reference_image(file, name);
        INFO(name);
        CHECK(lafs::resized_crop(input, box, expected.width, expected.height) == expected);
        ++crops;
    }
    CHECK(crops > 0);
}

TEST_CASE("the shared photographs decode", "[data]") {
    if (const auto path = lafs_test::shared("data/orl/s1/1.pgm")) {
        const Image image = lafs::load_image(*path);
        CHECK(image.width == 92);
        CHECK(image.height == 112);
        CHECK(image.at(5, 5)[0] == image.at(5, 5)[2]);
    }
}
