#include <lafs/data/colour_guess.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/source.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs_test::mentions, lafs_test::message_of, lafs_test::TemporaryFolder;

namespace {

lafs::Image plain(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    lafs::Image image(8, 8);
    for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
        image.pixels[i] = red;
        image.pixels[i + 1] = green;
        image.pixels[i + 2] = blue;
    }
    return image;
}

lafs::ColourCount counted(int redder, int bluer, int grey) {
    lafs::ColourCount count;
    for (int i = 0; i < redder; ++i)
        count.add(plain(200, 100, 50));
    for (int i = 0; i < bluer; ++i)
        count.add(plain(50, 100, 200));
    for (int i = 0; i < grey; ++i)
        count.add(plain(90, 90, 90));
    return count;
}

}  // namespace

TEST_CASE("a set whose files hold blue first is read as RGB", "[data]") {
    const TemporaryFolder folder;
    std::filesystem::create_directories(folder / "ann");
    lafs::save_image(folder / "ann" / "1.png", plain(1, 2, 3));
    const auto plain_set = lafs::open_source(folder.path().string());
    const auto swapped = lafs::open_source("bgr:" + folder.path().string());
    CHECK(plain_set->image(0) == plain(1, 2, 3));
    CHECK(lafs::open_source("rgb:" + folder.path().string())->image(0) == plain(1, 2, 3));
    REQUIRE(swapped->image(0) == plain(3, 2, 1));
    CHECK(swapped->size() == 1);
    CHECK(swapped->identities() == 1);
    CHECK(swapped->label(0) == 0);
    CHECK(swapped->name(0) == "ann/1.png");
    // What is packed or exported of it is RGB, too.
    CHECK(lafs::decode_image(swapped->encoded(0), "encoded") == plain(3, 2, 1));
    CHECK(message_of([&] { swapped->image(1); }) == message_of([&] { plain_set->image(1); }));
    CHECK(mentions(message_of([] { lafs::open_source("bgr:/no/such/set"); }), "/no/such/set"));
}

TEST_CASE("the order of colours is taken off the front of a name", "[data]") {
    CHECK(lafs::split_colour_order("bgr:a/lfw.bin").name == "a/lfw.bin");
    CHECK(lafs::split_colour_order("bgr:a/lfw.bin").order == lafs::ColourOrder::bgr);
    CHECK(lafs::split_colour_order("rgb:lfw.bin").name == "lfw.bin");
    CHECK(lafs::split_colour_order("lfw.bin").name == "lfw.bin");
    CHECK(lafs::split_colour_order("bgrx").name == "bgrx");
    CHECK(lafs::split_colour_order("a/bgr:x").order == lafs::ColourOrder::rgb);
    CHECK(lafs::parse_colour_order("bgr") == lafs::ColourOrder::bgr);
    CHECK_THROWS_AS(lafs::parse_colour_order("BGR"), lafs::Error);
}

TEST_CASE("colours that contradict what was said are warned of", "[data]") {
    using lafs::ColourOrder;
    CHECK_FALSE(lafs::colour_warning("set", ColourOrder::rgb, counted(20, 0, 0)));
    CHECK_FALSE(lafs::colour_warning("set", ColourOrder::rgb, counted(10, 10, 0)));
    CHECK_FALSE(lafs::colour_warning("set", ColourOrder::rgb, counted(0, 7, 50)));  // too few to say so
    const auto warning = lafs::colour_warning("set", ColourOrder::rgb, counted(1, 19, 5));
    REQUIRE(warning);
    CHECK(mentions(*warning, "set is read as rgb, but looks like bgr"));
    CHECK(mentions(*warning, "only 5 % of 20 images"));
    CHECK(mentions(*warning, "--colour-order bgr"));
    const auto other = lafs::colour_warning("set", ColourOrder::bgr, counted(0, 20, 0));
    REQUIRE(other);
    CHECK(mentions(*other, "read as bgr, but looks like rgb"));

    // Images are looked at all over the set, the damaged ones passed over.
    std::vector<std::int64_t> seen;
    const auto count = lafs::count_colours(
        1000,
        [&](std::int64_t i) {
            seen.push_back(i);
            lafs::require(i != 0, "test", "damaged");
            return plain(200, 100, 50);
        },
        10);
    CHECK(seen == std::vector<std::int64_t>{0, 100, 200, 300, 400, 500, 600, 700, 800, 900});
    CHECK(count.redder == 9);
}

TEST_CASE("the library's own faces look like RGB", "[data]") {
    const auto faces = lafs::open_source("synthetic:ids=16,images=1");
    const auto count = lafs::count_colours(faces->size(), [&](std::int64_t i) { return faces->image(i); });
    CHECK_FALSE(lafs::colour_warning("faces", lafs::ColourOrder::rgb, count));
}
