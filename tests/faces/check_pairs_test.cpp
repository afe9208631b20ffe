#include <lafs/data/image_codec.hpp>
#include <lafs/faces/check_pairs.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

namespace {

/// A set of 12 pairs over two images; pair i is of the same person when (i % every) is 0.
std::filesystem::path small_bin(const TemporaryFolder& folder, std::size_t pairs, std::size_t every,
                                std::span<const std::byte> a, std::span<const std::byte> b) {
    std::vector<std::span<const std::byte>> images;
    std::vector<std::uint8_t> same;
    for (std::size_t i = 0; i < pairs; ++i) {
        images.insert(images.end(), {a, i == 3 ? a : b});
        same.push_back(i % every == 0);
    }
    lafs::write_verification_bin(folder / "small.bin", images, same);
    return folder / "small.bin";
}

}  // namespace

TEST_CASE("pairs of a verification set embed each stored image once", "[train]") {
    const TemporaryFolder folder;
    const auto a = lafs::encode_png(lafs::Image(4, 4)), b = lafs::encode_png(lafs::Image(5, 4));
    const auto set = lafs::pair_set(lafs::VerificationBin::open(small_bin(folder, 12, 2, a, b)));
    CHECK(set.image_count() == 2);
    CHECK(set.folds == 10);
    REQUIRE(set.pairs.size() == 12);
    CHECK(set.pairs[0] == std::pair<std::size_t, std::size_t>(0, 1));
    CHECK(set.pairs[3] == std::pair<std::size_t, std::size_t>(0, 0));
    CHECK(set.same == std::vector<std::uint8_t>{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0});
    CHECK(set.image(1).width == 5);
    lafs::check_pair_set(set, "small.bin");
}

TEST_CASE("pairs that cannot be evaluated are refused before training", "[train]") {
    const TemporaryFolder folder;
    const auto png = lafs::encode_png(lafs::Image(4, 4));
    const auto message = [&](std::size_t pairs, std::size_t every, std::span<const std::byte> second) {
        const auto set =
            lafs::pair_set(lafs::VerificationBin::open(small_bin(folder, pairs, every, png, second)));
        return message_of([&] { lafs::check_pair_set(set, "small.bin"); });
    };
    CHECK(message(12, 2, png).empty());
    CHECK(mentions(message(12, 1, png), "\"small.bin\" has 12 pairs of the same person and 0 of two people"));
    CHECK(mentions(message(9, 2, png), "expected both kinds and at least 10 pairs"));
    CHECK(mentions(message(0, 1, png), "has 0 pairs"));
    CHECK(mentions(message(12, 2, std::span(png).first(30)), "image 1 of "));
}
