#include <lafs/data/damaged.hpp>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs_test::message_of;

/// Ten one-pixel images, whose red is their index; some cannot be read.
class Faces final : public lafs::FaceSource {
public:
    explicit Faces(std::set<std::int64_t> bad, std::int64_t size = 10) : bad_(std::move(bad)), size_(size) {}

    std::int64_t size() const override { return size_; }
    std::int64_t identities() const override { return size_; }
    std::int64_t label(std::int64_t i) const override { return i; }
    std::string name(std::int64_t i) const override { return "id/" + std::to_string(i); }
    lafs::Image image(std::int64_t i) const override {
        lafs::require(!bad_.contains(i), "decode image", "image ", i, " is empty");
        lafs::Image image(1, 1);
        image.pixels = {static_cast<std::uint8_t>(i), 0, 0};
        return image;
    }

private:
    std::set<std::int64_t> bad_;
    std::int64_t size_;
};

}  // namespace

TEST_CASE("a damaged image is replaced by the next that can be read", "[data]") {
    const Faces faces({3, 4, 9});
    std::vector<lafs::DamagedImage> damaged;
    CHECK(lafs::next_readable_image(faces, 2, damaged).index == 2);
    CHECK(damaged.empty());
    const auto found = lafs::next_readable_image(faces, 3, damaged);
    CHECK(found.index == 5);
    CHECK(int{found.image.pixels[0]} == 5);
    REQUIRE(damaged.size() == 2);
    CHECK(damaged[0].index == 3);
    CHECK(damaged[1].name == "id/4");
    CHECK(damaged[1].error == "[decode image] image 4 is empty");
    CHECK(lafs::next_readable_image(faces, 9, damaged).index == 0);  // after the last, the first
}

TEST_CASE("a set without readable images is given up", "[data]") {
    std::vector<lafs::DamagedImage> damaged;
    CHECK(
        message_of([&] {
            lafs::next_readable_image(Faces({0, 1}, 2), 1, damaged);
        }) ==
        "[training set] no image can be read from id/1 on, the last of them because: [decode image] image 0 "
        "is empty");
    CHECK(damaged.size() == 2);
    std::set<std::int64_t> many;
    for (std::int64_t i = 0; i < 3000; ++i)
        many.insert(i);
    damaged.clear();
    CHECK_THROWS_AS(lafs::next_readable_image(Faces(many, 5000), 0, damaged), lafs::Error);
    CHECK(std::ssize(damaged) == lafs::damaged_in_a_row);
}

TEST_CASE("without permission a damaged image is an error that names it", "[data]") {
    lafs::ImageReads reads({1, 3});
    const Faces faces({3});
    CHECK(int{reads.read(faces, 0, false).pixels[0]} == 1);
    CHECK(message_of([&] { reads.read(faces, 1, false); }) ==
          "[training set] image 3, id/3, cannot be read: [decode image] image 3 is empty; --skip-damaged "
          "trains without such images");
}

TEST_CASE("damaged images are listed once each, and survive a resumed run", "[data]") {
    const Faces faces({3, 4, 9});
    lafs::DamageList list;
    CHECK(list.text().empty());
    const auto names = [&](std::vector<std::int64_t> indices) {
        lafs::ImageReads reads(std::move(indices));
        for (std::int64_t place = 0; place < reads.size(); ++place)
            reads.read(faces, place, true);
        std::string text;
        for (const auto* image : list.add(reads))
            text += image->name + " ";
        return text;
    };
    lafs::ImageReads reads({4, 2});
    CHECK(int{reads.read(faces, 0, true).pixels[0]} == 5);
    CHECK(reads.index(0) == 5);
    CHECK(reads.index(1) == 2);

    CHECK(names({0, 1, 2}).empty());
    CHECK(names({9, 4}) == "id/9 id/4 ");
    CHECK(names({3, 9}) == "id/3 ");
    CHECK(names({3, 4, 9}).empty());
    CHECK(list.size() == 3);
    CHECK(list.text() ==
          "3 damaged images passed over, replaced by the next of the set:\n"
          "  id/3: [decode image] image 3 is empty\n"
          "  id/4: [decode image] image 4 is empty\n"
          "  id/9: [decode image] image 9 is empty\n");
    CHECK(list.indices() == std::vector<std::int64_t>{3, 4, 9});

    lafs::DamageList resumed;
    resumed.restore({3, 4}, faces);
    list = resumed;
    CHECK(names({3, 4}).empty());
    CHECK(names({9}) == "id/9 ");

    std::set<std::int64_t> many;
    for (std::int64_t i = 0; i < 50; ++i)
        many.insert(i);
    lafs::DamageList long_list;
    lafs::ImageReads one({0});
    one.read(Faces(many, 60), 0, true);
    long_list.add(one);
    CHECK(long_list.text().ends_with("  and 30 more, see log.jsonl\n"));
}
