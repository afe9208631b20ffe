#include <lafs/train/best_checkpoint.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

lafs::BestCheckpoint saved_and_loaded(const lafs::BestCheckpoint& best) {
    const lafs_test::TemporaryFolder folder;
    lafs::SafetensorsWriter writer;
    best.save(writer);
    writer.add("other", {}, std::vector<float>{1});
    writer.save(folder / "state.safetensors");
    lafs::BestCheckpoint loaded;
    loaded.offer(0.99, 7);  // gone once loaded
    loaded.load(lafs::SafetensorsFile::open(folder / "state.safetensors"));
    return loaded;
}

}  // namespace

TEST_CASE("the first of the best validations stays", "[train]") {
    lafs::BestCheckpoint best;
    CHECK(best.epoch() == -1);
    CHECK(best.offer(0.0, 0));  // chance may be worse, but it is the best so far
    CHECK_FALSE(best.offer(0.0, 1));
    CHECK(best.offer(0.7, 2));
    CHECK_FALSE(best.offer(0.7, 3));
    CHECK_FALSE(best.offer(0.6, 4));
    CHECK(best.epoch() == 2);
    CHECK(best.accuracy() == 0.7);
    CHECK(best.offer(0.7000001, 5));
}

TEST_CASE("a resumed run knows the best so far", "[train]") {
    CHECK(saved_and_loaded({}).epoch() == -1);
    lafs::BestCheckpoint best;
    best.offer(1.0 / 3, 4);
    const auto loaded = saved_and_loaded(best);
    CHECK(loaded.epoch() == 4);
    CHECK(loaded.accuracy() == 1.0 / 3);
}

TEST_CASE("a best that is none is refused", "[train]") {
    const lafs_test::TemporaryFolder folder;
    lafs::SafetensorsWriter writer;
    writer.add("best.accuracy", {}, std::vector<double>{1.5});
    writer.add("best.epoch", {}, std::vector<std::int64_t>{3});
    writer.save(folder / "state.safetensors");
    lafs::BestCheckpoint best;
    CHECK_THROWS_AS(best.load(lafs::SafetensorsFile::open(folder / "state.safetensors")), lafs::Error);
}
