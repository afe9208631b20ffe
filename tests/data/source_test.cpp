#include <cmath>
#include <lafs/data/source.hpp>
#include <lafs/data/source_pairs.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::FaceSource;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

TEST_CASE("a synthetic source opens from its text", "[data]") {
    const auto source = lafs::open_source("synthetic:ids=3,images=2,seed=9,first=4");
    CHECK(source->size() == 6);
    CHECK(source->identities() == 3);
    CHECK(source->label(5) == 2);
    CHECK(source->image(5) == lafs::SyntheticFaces(7, 2, 9).image(13));
    CHECK(source->name(3) == "s000000005/000001.png");
    CHECK_THROWS_AS(source->image(6), lafs::Error);
    CHECK_THROWS_AS(source->name(-1), lafs::Error);

    for (const char* text :
         {"synthetic:", "synthetic:ids=3", "synthetic:images=3", "synthetic:ids=3,images=2,colour=1",
          "synthetic:ids=x,images=2", "synthetic:ids=3,images=-2", "synthetic:ids=3,images=2.5",
          "synthetic:ids=3,ids=3,images=2", "synthetic:ids=0,images=2", "synthetic:ids,images=2",
          "synthetic:ids=3,images=99999999", "synthetic:ids=999999999,images=1000",
          "synthetic:ids=99999999999999999999,images=2", "synthetic:ids=3,,images=2", "no/such/folder"}) {
        INFO(text);
        CHECK_THROWS_AS(lafs::open_source(text), lafs::Error);
    }
    CHECK(message_of([] { lafs::open_source("synthetic:ids=3,images=2,colour=1"); }).find("colour=1") !=
          std::string::npos);
}

TEST_CASE("a program's own source opens by its scheme", "[data]") {
    lafs::register_source("plain", [](const std::string& rest) -> std::unique_ptr<FaceSource> {
        if (rest.empty())
            return nullptr;
        return std::make_unique<lafs::SyntheticSource>(lafs::SyntheticFaces(std::stoll(rest), 2, 0));
    });
    CHECK(lafs::open_source("plain:7")->identities() == 7);
    CHECK(lafs::open_source("synthetic:ids=3,images=2")->identities() == 3);
    CHECK(message_of([] { lafs::open_source("plain:"); }).find("got nothing for \"plain:\"") !=
          std::string::npos);
    const auto open = [](const std::string&) { return std::unique_ptr<FaceSource>(); };
    CHECK(message_of([&] { lafs::register_source("plain", open); }).find("scheme of another source") !=
          std::string::npos);
    CHECK_THROWS_AS(lafs::register_source("a:b", open), lafs::Error);
    CHECK_THROWS_AS(lafs::register_source("", open), lafs::Error);
    CHECK_THROWS_AS(lafs::register_source("empty", nullptr), lafs::Error);
    CHECK(message_of([] { lafs::open_source("palin:7"); }).find("none of: plain, synthetic") !=
          std::string::npos);
    const TemporaryFolder folder;  // a path with a colon is still a path
    lafs::write_image_folder(*lafs::open_source("plain:2"), folder / "palin:7");
    CHECK(lafs::open_source((folder / "palin:7").string())->size() == 4);
}

TEST_CASE("a source gives the same image on any thread", "[data]") {
    const auto source = lafs::open_source("synthetic:ids=4,images=2");
    std::vector<lafs::Image> first(8), second(8);
    std::thread other([&] {
        for (std::int64_t i = 8; i-- > 0;)
            second[static_cast<std::size_t>(i)] = source->image(i);
    });
    for (std::int64_t i = 0; i < 8; ++i)
        first[static_cast<std::size_t>(i)] = source->image(i);
    other.join();
    CHECK(first == second);
}

TEST_CASE("partition takes the first records and renumbers nothing it keeps", "[data]") {
    const std::shared_ptr<const FaceSource> all = lafs::open_source("synthetic:ids=10,images=10");
    const auto part = lafs::partition(all, 0.29);
    CHECK(part->size() == 29);
    CHECK(part->identities() == 3);
    CHECK(part->label(28) == 2);
    CHECK(part->name(28) == all->name(28));
    CHECK(lafs::partition(all, 1.0)->size() == 100);
    CHECK_THROWS_AS(lafs::partition(all, 0.0), lafs::Error);
    CHECK_THROWS_AS(lafs::partition(all, 0.001), lafs::Error);
    CHECK_THROWS_AS(lafs::partition(all, 1.5), lafs::Error);
    CHECK_THROWS_AS(lafs::partition(all, std::nan("")), lafs::Error);
}

TEST_CASE("few-shot keeps k images of every identity, by seed", "[data]") {
    const std::shared_ptr<const FaceSource> all = lafs::open_source("synthetic:ids=12,images=9");
    const auto shots = lafs::few_shot(all, 3, 1);
    CHECK(shots->size() == 36);
    CHECK(shots->identities() == 12);
    std::map<std::int64_t, std::set<std::string>> names;
    for (std::int64_t i = 0; i < 36; ++i)
        names[shots->label(i)].insert(shots->name(i));
    for (const auto& [label, own] : names)
        CHECK(own.size() == 3);
    int equal = 0;
    const auto again = lafs::few_shot(all, 3, 1), other = lafs::few_shot(all, 3, 2);
    for (std::int64_t i = 0; i < 36; ++i) {
        CHECK(again->name(i) == shots->name(i));
        equal += other->name(i) == shots->name(i);
    }
    CHECK(equal < 30);
    CHECK(message_of([&] { lafs::few_shot(all, 10, 1); }).find("has 9 images") != std::string::npos);
    CHECK_THROWS_AS(lafs::few_shot(all, 0, 1), lafs::Error);
}

TEST_CASE("pairs are balanced, different, deterministic, with disjoint folds", "[data]") {
    const auto source = lafs::open_source("synthetic:ids=20,images=5");
    const auto pairs = lafs::make_pairs(*source, 200, 5, 7);
    REQUIRE(pairs.size() == 200);
    std::set<std::pair<std::int64_t, std::int64_t>> unique;
    std::map<std::int64_t, std::set<std::size_t>> folds_of_identity;
    for (std::size_t i = 0; i < 200; ++i) {
        CHECK(pairs[i].same == (i % 40 < 20));
        CHECK(pairs[i].same == (source->label(pairs[i].a) == source->label(pairs[i].b)));
        CHECK(pairs[i].a != pairs[i].b);
        unique.insert({pairs[i].a, pairs[i].b});
        for (const std::int64_t image : {pairs[i].a, pairs[i].b})
            folds_of_identity[source->label(image)].insert(i / 40);
    }
    CHECK(unique.size() == 200);
    for (const auto& [identity, folds] : folds_of_identity)
        CHECK(folds.size() == 1);
    const auto again = lafs::make_pairs(*source, 200, 5, 7), other = lafs::make_pairs(*source, 200, 5, 8);
    int same_again = 0, same_other = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        same_again += again[i].a == pairs[i].a && again[i].b == pairs[i].b;
        same_other += other[i].a == pairs[i].a && other[i].b == pairs[i].b;
    }
    CHECK(same_again == 200);
    CHECK(same_other < 50);
}

TEST_CASE("pairs that cannot be made are refused", "[data]") {
    CHECK_THROWS_AS(lafs::make_pairs(*lafs::open_source("synthetic:ids=20,images=5"), 30, 20, 0),
                    lafs::Error);
    CHECK_THROWS_AS(lafs::make_pairs(*lafs::open_source("synthetic:ids=1,images=5"), 20, 1, 0), lafs::Error);
    CHECK_THROWS_AS(lafs::make_pairs(*lafs::open_source("synthetic:ids=5,images=1"), 20, 1, 0), lafs::Error);
    // Two identities of two images have 2 same pairs and 4 different ones.
    CHECK_THROWS_AS(lafs::make_pairs(*lafs::open_source("synthetic:ids=2,images=2"), 6, 1, 0), lafs::Error);
    CHECK(lafs::make_pairs(*lafs::open_source("synthetic:ids=2,images=2"), 4, 1, 0).size() == 4);
}

TEST_CASE("a source written as a folder with pairs reads back the same", "[data]") {
    TemporaryFolder folder;
    const auto source = lafs::open_source("synthetic:ids=4,images=3,seed=2");
    const auto pairs = lafs::make_pairs(*source, 8, 2, 1);
    lafs::write_image_folder(*source, folder / "faces");
    lafs::write_pairs(folder / "pairs.txt", lafs::pairs_as_files(*source, pairs, 2, folder / "faces"));

    const auto read = lafs::open_source((folder / "faces").string());
    REQUIRE(read->size() == source->size());
    CHECK(read->identities() == 4);
    for (std::int64_t i = 0; i < read->size(); ++i) {
        CHECK(read->label(i) == source->label(i));
        CHECK(read->name(i) == source->name(i));
        CHECK(read->image(i) == source->image(i));
    }
    const lafs::PairList list = lafs::read_pairs(folder / "pairs.txt", folder / "faces");
    CHECK(list.folds == 2);
    REQUIRE(list.pairs.size() == 8);
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(list.pairs[i].same == pairs[i].same);
        CHECK(lafs::load_image(list.pairs[i].a) == source->image(pairs[i].a));
        CHECK(lafs::load_image(list.pairs[i].b) == source->image(pairs[i].b));
    }
    CHECK_THROWS_AS(lafs::write_pairs(folder / "odd.txt", {1, {{"a/1.png", "a/2.png", true}}}), lafs::Error);
}
