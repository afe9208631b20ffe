#include <lafs/data/bin_source.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

TEST_CASE("the images of a verification set are a set of faces", "[data]") {
    const auto file = lafs_test::shared("data/verification_bin/bytes_protocol4.bin");
    if (!file)
        return;
    const auto set = lafs::VerificationBin::open(*file);
    const auto source = lafs::open_faces(file->string());
    REQUIRE(source->size() == static_cast<std::int64_t>(2 * set.pairs()));
    CHECK(source->identities() == static_cast<std::int64_t>(set.pairs()));
    CHECK(source->label(0) == 0);
    CHECK(source->label(3) == 1);
    CHECK(source->name(2) == "pair0000001/a");
    CHECK(source->name(3) == "pair0000001/b");
    CHECK(source->image(3) == set.image(3));
    const auto bytes = source->encoded(1);
    CHECK(std::equal(bytes.begin(), bytes.end(), set.encoded(1).begin(), set.encoded(1).end()));
    CHECK_THROWS_AS(source->image(source->size()), lafs::Error);
    CHECK_THROWS_AS(source->name(-1), lafs::Error);
    const auto swapped = lafs::open_faces("bgr:" + file->string())->image(3);
    CHECK(swapped.pixels[0] == set.image(3).pixels[2]);
    CHECK(swapped == lafs::to_rgb(set.image(3), lafs::ColourOrder::bgr));
}

TEST_CASE("other sets open as before", "[data]") {
    CHECK(lafs::open_faces("synthetic:ids=2,images=3")->size() == 6);
    CHECK_THROWS_AS(lafs::open_faces("absent.bin"), lafs::Error);
    const lafs_test::TemporaryFolder folder;
    lafs_test::write_text(folder / "set.bin" / "ann" / "1.jpg", "x");  // a folder of this name
    CHECK(lafs::open_faces((folder / "set.bin").string())->name(0) == "ann/1.jpg");
}
