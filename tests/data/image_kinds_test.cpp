// Images of every kind: the pixels that Pillow gives, or a refusal that names the kind.
#include <lafs/data/image_codec.hpp>
#include <string>
#include <vector>

#include "base64.hpp"
#include "catch.hpp"
#include "check_contains.hpp"
#include "data/fixture_images.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains, lafs_test::decode_base64, lafs_test::fixture_file, lafs_test::message_of;

namespace {

using Bytes = std::vector<std::byte>;

std::string refusal(const Bytes& file) {
    return message_of([&] { lafs::decode_image(file, "x"); });
}

std::string refusal(const std::string& file) {
    return message_of([&] { lafs::decode_image(std::as_bytes(std::span(file)), "x"); });
}

/// The file with some bytes replaced.
Bytes changed(Bytes file, std::size_t at, const std::vector<int>& bytes) {
    for (const int byte : bytes)
        file.at(at++) = static_cast<std::byte>(byte);
    return file;
}

Bytes cut(Bytes file, std::size_t size) {
    file.resize(size);
    return file;
}

std::size_t place_of(const Bytes& file, std::string_view text) {
    return std::string_view(reinterpret_cast<const char*>(file.data()), file.size()).find(text);
}

}  // namespace

TEST_CASE("images of every kind have Pillow's pixels", "[data]") {
    for (const auto& fixture : lafs_test::image_fixtures)
        lafs_test::check_fixture(fixture);
}

TEST_CASE("kinds of images that nobody here reads are named", "[data]") {
    for (const auto& fixture : lafs_test::foreign_image_fixtures) {
        const std::string message = refusal(decode_base64(fixture.file)), name = fixture.name;
        const std::string kind = name.ends_with(".webp")  ? "a WebP image"
                                 : name.ends_with(".tif") ? "a TIFF image"
                                 : name.ends_with(".jp2") ? "a JPEG 2000 image"
                                                          : "a JPEG image with arithmetic coding";
        check_contains(message, "image x cannot be read: it is " + kind);
        check_contains(message, "LAFS_OPENCV=ON");
    }
    check_contains(refusal(std::string("GIF89a\6\0\5\0", 10)), "it is a GIF image, which takes OpenCV");
    check_contains(refusal(std::string("\0\0\0\x18"
                                       "ftypheic",
                                       12)),
                   "it is a HEIC image, expected JPEG, PNG");
    check_contains(refusal(std::string("\0\0\0\x1C"
                                       "ftypavif",
                                       12)),
                   "it is an AVIF image, which takes OpenCV");
    check_contains(refusal("P7\nWIDTH 1\n"), "it is a PAM image, expected");
    check_contains(refusal("no image at all"), "a file of 15 bytes that begins with 6e 6f");

    const Bytes jpeg = fixture_file("baseline.jpg");
    const std::size_t frame = place_of(jpeg, "\xFF\xC0");
    check_contains(refusal(changed(jpeg, frame + 4, {12})), "it is a JPEG image of 12 bits a sample");
    check_contains(refusal(changed(jpeg, frame + 1, {0xC3})), "it is a lossless JPEG image");
    check_contains(refusal(changed(jpeg, frame + 1, {0xC5})), "it is a hierarchical JPEG image");
    check_contains(refusal(changed(jpeg, frame + 1, {0xCA})), "it is a JPEG image with arithmetic coding");
    check_contains(refusal(changed(jpeg, frame + 1, {0xF7})), "it is a JPEG-LS image");

    const std::size_t table = place_of(jpeg, "\xFF\xDB");
    check_contains(refusal(changed(jpeg, table + 4, {3})), "has no quantisation table");

    Bytes png = fixture_file("rgb.png");
    const std::string chunk("\0\0\0\4CgBI\0\0\0\0\0\0\0\0", 16);
    const auto bytes = std::as_bytes(std::span(chunk));
    png.insert(png.begin() + 8, bytes.begin(), bytes.end());
    check_contains(refusal(png), "(CgBI)");
}

TEST_CASE("a codec of the program reads what the library does not", "[data]") {
    const Bytes webp = lafs_test::fixture_file("lossless.webp");
    lafs::set_image_codec("mine", [](std::span<const std::byte>) { return lafs::Image(6, 5); });
    CHECK(lafs::decode_image(webp).height == 5);
    CHECK(lafs::decode_image(fixture_file("rgb.png")).at(0, 0)[1] == 230);  // ours are ours
    lafs::set_max_image_pixels(29);
    check_contains(refusal(webp), "6 x 5, expected at most 29 pixels");
    lafs::set_image_limits({});
    lafs::set_image_codec("mine",
                          [](std::span<const std::byte>) -> lafs::Image { lafs::fail("mine", "not today"); });
    check_contains(refusal(webp), "it is a WebP image, which mine does not read ([mine] not today)");
    lafs::set_image_codec("", {});
    check_contains(refusal(webp), "LAFS_OPENCV");
}

TEST_CASE("damaged BMP images are refused", "[data]") {
    const Bytes bmp = fixture_file("palette_4.bmp"), runs = fixture_file("runs_8.bmp");
    check_contains(refusal(cut(bmp, 20)), "truncated at byte 20");
    check_contains(refusal(cut(bmp, 60)), "truncated at byte 60");
    check_contains(refusal(cut(bmp, bmp.size() - 2)), "truncated at byte");
    CHECK(lafs::decode_image(cut(bmp, bmp.size() - 1)) ==
          lafs::decode_image(bmp));  // padding of the last row
    check_contains(refusal(cut(runs, runs.size() - 12)), "truncated at byte");
    check_contains(refusal(changed(bmp, 14, {16})), "BMP header of 16 bytes");
    check_contains(refusal(changed(bmp, 28, {2})), "BMP image of 2 bits");
    check_contains(refusal(changed(bmp, 30, {1})), "of 4 bits a pixel with compression 1");
    check_contains(refusal(changed(bmp, 30, {4})), "compression 4");
    check_contains(refusal(changed(bmp, 18, {0})), "0 x 5");
    check_contains(refusal(changed(bmp, 18, {0xFF, 0xFF, 0xFF, 0x7F})), "expected at most");
    check_contains(refusal(changed(bmp, 22, {0, 0, 0, 0x80})), "expected at most");
    check_contains(refusal(changed(bmp, 46, {0, 0, 0, 1})), "a palette of 16777216 colours");
    check_contains(refusal(changed(bmp, 10, {0xFF, 0xFF})), "its pixels begin at 65535");
    const Bytes masks = fixture_file("rgb_565.bmp");
    check_contains(refusal(changed(masks, 54, {0, 0})), "with the mask 0");
    check_contains(refusal(changed(masks, 54, {5})), "with the mask 63493, expected bits side by side");
    check_contains(refusal(changed(masks, 56, {1})), "expected bits side by side");
}

TEST_CASE("a small file is a large image only if the program says so", "[data]") {
    const Bytes large =
        changed(fixture_file("runs_8.bmp"), 18, {0x70, 0x17, 0, 0, 0xA0, 0x0F});  // 6000 x 4000
    check_contains(refusal(large), "says it is 6000 x 4000 in 1116 bytes, expected at most 20000000 pixels");
    lafs::set_max_image_pixels(24'000'000);
    CHECK(lafs::decode_image(large).height == 4000);
    lafs::set_image_limits({});
}

TEST_CASE("damaged PNM images are refused", "[data]") {
    check_contains(refusal("P5 2 2 255\n123"), "truncated at byte 14");
    check_contains(refusal("P5 2 2 256\n1234567"), "truncated at byte 18");
    check_contains(refusal("P4 9 2\n123"), "truncated at byte 10");
    check_contains(refusal("P1 3 2\n01010"), "truncated at byte 12");
    check_contains(refusal("P2 2 2 255\n1 2 3"), "truncated");
    check_contains(refusal("P2 2 2 255\n1 2 333333"), "has the value 333333");
    check_contains(refusal("P2 2 2 255\n1 2 300 4"),
                   "has the value 300 in front of byte 18, expected at most 255");
    check_contains(refusal("P2 2 2 255\n1 -2 3 4"), "damaged value at byte 13");
    check_contains(refusal("P2 2 2 255\n1 2a 3 4"), "damaged value at byte 13");
    check_contains(refusal("P1 2 2\n0121"), "damaged value at byte 9, expected 0 or 1");
    check_contains(refusal("P5 2 2 0\n1234"), "the largest value 0, expected 1 to 65535");
    check_contains(refusal("P5 2 2 65536\n12341234"), "the largest value 65536");
    check_contains(refusal("P5 2 2"), "truncated at byte 6");
    check_contains(refusal("P5 -2 2 255\n1234"), "damaged width at byte 3");
    check_contains(refusal("P5 0 2 255\n1234"), "0 x 2");
    check_contains(refusal("P5 99999999999 2 255\n1234"), "damaged width");
    check_contains(refusal("P6 2147483647 2147483647 65535\n1234"), "expected at most");
    check_contains(refusal("P3 # all of it is a comment"), "truncated");
}
