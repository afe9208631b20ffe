// Orientation: what files note, and how pictures are turned.
#include <lafs/data/exif.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/orientation.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::Image;
using lafs_test::message_of;

namespace {

/// An image whose rows are written as texts, a letter for each pixel.
Image lettered(const std::vector<std::string>& rows) {
    Image image(static_cast<int>(rows[0].size()), static_cast<int>(rows.size()));
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            for (int c = 0; c < 3; ++c)
                image.at(x, y)[c] = static_cast<std::uint8_t>(
                    rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)] + 40 * c);
    return image;
}

std::string number(bool little, unsigned value, int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
        text += static_cast<char>(value >> 8 * (little ? i : count - 1 - i));
    return text;
}

/// EXIF with two entries, the second of which is the orientation.
std::string exif(bool little, unsigned orientation, unsigned type = 3, unsigned count = 1,
                 unsigned entries = 2) {
    const auto two = [&](unsigned value) { return number(little, value, 2); };
    const auto four = [&](unsigned value) { return number(little, value, 4); };
    return std::string(little ? "II*\0" : "MM\0*", 4) + four(8) + two(entries) + two(256) + two(3) + four(1) +
           two(7) + two(0) + two(274) + two(type) + four(count) +
           (type == 3 ? two(orientation) + two(0) : four(orientation)) + four(0);
}

std::string segment(char marker, const std::string& content) {
    return std::string{'\xFF', marker} + number(false, static_cast<unsigned>(content.size() + 2), 2) +
           content;
}

int jpeg_orientation(const std::string& segments) {
    const std::string file = "\xFF\xD8" + segments + "\xFF\xDA";
    return lafs::image_orientation(std::as_bytes(std::span(file)));
}

std::string chunk(const std::string& type, const std::string& content) {
    return number(false, static_cast<unsigned>(content.size()), 4) + type + content + "crc!";
}

int png_orientation(const std::string& chunks) {
    const std::string file = "\x89PNG\r\n\x1a\n" + chunks;
    return lafs::image_orientation(std::as_bytes(std::span(file)));
}

const std::string mark("Exif\0\0", 6), xap("http://ns.adobe.com/xap/1.0/\0", 29);

}  // namespace

TEST_CASE("pictures are turned as Pillow turns them", "[data]") {
    const std::vector<std::vector<std::string>> expected = {
        {"abc", "def"},     {"cba", "fed"},     {"fed", "cba"},     {"def", "abc"},
        {"ad", "be", "cf"}, {"da", "eb", "fc"}, {"fc", "eb", "da"}, {"cf", "be", "ad"}};
    const Image image = lettered({"abc", "def"});
    for (int orientation = 1; orientation <= 8; ++orientation) {
        INFO(orientation);
        CHECK(lafs::oriented(image, orientation) ==
              lettered(expected[static_cast<std::size_t>(orientation - 1)]));
    }
    CHECK_THROWS_AS(lafs::oriented(image, 0), lafs::Error);
    CHECK_THROWS_AS(lafs::oriented(image, 9), lafs::Error);
    CHECK_THROWS_AS(lafs::oriented(Image(), 2), lafs::Error);
}

TEST_CASE("images are decoded upright", "[data]") {
    const Image image = lettered({"abc", "def"});
    const std::vector<std::byte> png = lafs::encode_png(image);
    const std::string plain(reinterpret_cast<const char*>(png.data()), png.size());
    for (const bool little : {true, false})
        for (unsigned orientation = 1; orientation <= 8; ++orientation) {
            std::string file = plain;
            file.insert(33, chunk("eXIf", exif(little, orientation)));
            CHECK(lafs::decode_image(std::as_bytes(std::span(file))) ==
                  lafs::oriented(image, static_cast<int>(orientation)));
        }
}

TEST_CASE("the orientation is found in JPEG and PNG files", "[data]") {
    for (const bool little : {true, false})
        for (unsigned orientation = 1; orientation <= 8; ++orientation) {
            const auto found = static_cast<int>(orientation);
            CHECK(jpeg_orientation(segment('\xE0', "JFIF") +
                                   segment('\xE1', mark + exif(little, orientation))) == found);
            CHECK(png_orientation(chunk("IHDR", "x") + chunk("eXIf", exif(little, orientation))) == found);
        }
    CHECK(jpeg_orientation(segment('\xE1', mark + exif(true, 6, 4))) == 6);  // of 32 bits
    CHECK(jpeg_orientation(segment('\xE1', mark + mark + exif(true, 6))) == 6);
    CHECK(jpeg_orientation("\xFF\xFF" + segment('\xE1', mark + exif(true, 6)).substr(1)) == 6);  // fill bytes
    const std::string whole = exif(false, 5);
    CHECK(jpeg_orientation(segment('\xE1', mark + whole.substr(0, 20)) +
                           segment('\xE1', mark + whole.substr(20))) == 5);
    CHECK(png_orientation(chunk("IDAT", "pixels") + chunk("eXIf", mark + whole)) == 5);  // behind the pixels

    const std::string xmp = "<x tiff:Orientation=\"7\"/>", element = "<tiff:Orientation>4</tiff:Orientation>";
    CHECK(jpeg_orientation(segment('\xE1', xap + xmp)) == 7);
    CHECK(jpeg_orientation(segment('\xE1', xap + element)) == 4);
    CHECK(jpeg_orientation(segment('\xE1', xap + xmp) + segment('\xE1', mark + exif(true, 2))) == 2);
    CHECK(jpeg_orientation(segment('\xE1', xap + xmp) + segment('\xE1', mark + exif(true, 1))) == 1);
    CHECK(jpeg_orientation(segment('\xE1', xap + xmp) + segment('\xE1', mark + exif(true, 2, 3, 1, 1))) == 7);
    CHECK(png_orientation(chunk("iTXt", std::string("XML:com.adobe.xmp\0\0\0\0\0", 22) + xmp)) == 7);
    const std::string hexadecimal = "\nexif\n      48\n4d4d002a00000008\n00010112000300000001000300000000\n";
    CHECK(png_orientation(chunk("tEXt", std::string("Raw profile type exif\0", 22) + hexadecimal)) == 3);
}

TEST_CASE("damaged notes count as none", "[data]") {
    const auto noted = [](const std::string& text) { return jpeg_orientation(segment('\xE1', mark + text)); };
    CHECK(noted("") == 1);
    for (const unsigned other : {0u, 9u, 65535u})
        CHECK(noted(exif(true, other)) == 1);
    CHECK(noted(exif(true, 6, 2)) == 1);     // a text
    CHECK(noted(exif(true, 6, 3, 2)) == 1);  // two numbers
    CHECK(noted(exif(true, 6, 4, 0)) == 1);
    CHECK(noted("XX" + exif(true, 6).substr(2)) == 1);
    CHECK(noted("MM" + exif(true, 6).substr(2)) == 1);
    for (std::size_t size = 0; size < 34; ++size)  // its entry ends at byte 34
        CHECK(noted(exif(true, 6).substr(0, size)) == 1);
    CHECK(noted(exif(true, 6).substr(0, 34)) == 6);
    CHECK(noted(exif(true, 6, 3, 1, 60000)) == 6);
    std::string far = exif(false, 6);
    far.replace(4, 4, "\xFF\xFF\xFF\xFF");
    CHECK(noted(far) == 1);
    far.replace(4, 4, std::string(4, '\0'));
    CHECK(noted(far) == 1);

    const std::string whole = segment('\xE1', mark + exif(true, 6));
    for (std::size_t size = 0; size < whole.size() - 2; ++size) {
        const std::string file = "\xFF\xD8" + whole.substr(0, size);
        CHECK(lafs::image_orientation(std::as_bytes(std::span(file))) == 1);
    }
    const std::string chunks = chunk("eXIf", exif(true, 6));
    for (std::size_t size = 0; size < chunks.size(); ++size)
        CHECK(png_orientation(chunks.substr(0, size)) == 1);
    CHECK(png_orientation(chunk("zTXt", std::string("Raw profile type exif\0\0damaged", 30))) == 1);
    CHECK(png_orientation(chunk("tEXt", "Raw profile type exif")) == 1);
    CHECK(png_orientation(chunk("iTXt", std::string("XML:com.adobe.xmp\0\1", 19))) == 1);
    CHECK(jpeg_orientation(segment('\xE1', xap + "tiff:Orientation=\"")) == 1);
    CHECK(jpeg_orientation(segment('\xE1', xap + "tiff:Orientation=7")) == 1);
}
