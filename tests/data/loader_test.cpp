#include <atomic>
#include <chrono>
#include <lafs/core/random.hpp>
#include <lafs/data/loader.hpp>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs::Loader;

/// What a maker has done, shared with its copies.
struct Counts {
    std::atomic<int> begun{0}, filling{0}, most_filling{0}, filled{0};
    std::atomic<std::int64_t> furthest{-1};
};

/// Batches of random numbers; some steps or parts fail.
struct Numbers {
    struct Batch {
        std::int64_t step = -1;
        std::vector<double> values;
    };

    std::shared_ptr<Counts> counts = std::make_shared<Counts>();
    std::int64_t size = 5;
    std::set<std::int64_t> bad_steps{};
    std::set<std::pair<std::int64_t, std::int64_t>> bad_parts{};
    std::chrono::microseconds slowness{0};

    Batch begin(std::int64_t step) {
        ++counts->begun;
        counts->furthest = std::max<std::int64_t>(counts->furthest, step);
        if (bad_steps.contains(step))
            throw std::runtime_error("step " + std::to_string(step));
        return {step, std::vector<double>(static_cast<std::size_t>(size))};
    }
    std::int64_t parts(const Batch& batch) const { return std::ssize(batch.values); }
    void fill(Batch& batch, std::int64_t part) const {
        const int now = ++counts->filling;
        for (int most = counts->most_filling; now > most;)
            counts->most_filling.compare_exchange_weak(most, now);
        std::this_thread::sleep_for(slowness * (part % 3));  // later parts overtake earlier ones
        --counts->filling;
        ++counts->filled;
        if (bad_parts.contains({batch.step, part}))
            throw std::runtime_error("part " + std::to_string(part) + " of " + std::to_string(batch.step));
        batch.values[static_cast<std::size_t>(part)] = expected(batch.step, part);
    }

    static double expected(std::int64_t step, std::int64_t part) {
        return lafs::normal_at(3, static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(part));
    }
};

void check_batch(const Numbers::Batch& batch, std::int64_t step, std::int64_t size = 5) {
    REQUIRE(batch.step == step);
    REQUIRE(std::ssize(batch.values) == size);
    for (std::int64_t part = 0; part < size; ++part)
        REQUIRE(batch.values[static_cast<std::size_t>(part)] == Numbers::expected(step, part));
}

}  // namespace

TEST_CASE("batches come in order and are the same for any number of workers", "[data]") {
    for (const int workers : {0, 1, 4, 9}) {
        for (const std::int64_t size : {1, 5, 23}) {
            Numbers maker;
            maker.size = size;
            maker.slowness = std::chrono::microseconds(50);
            Loader<Numbers> loader(maker, workers, 30);
            CHECK(loader.workers() == workers);
            for (std::int64_t step = 0; step < 30; ++step)
                check_batch(loader.get(step), step, size);
            CHECK(maker.counts->begun == 30);
            CHECK(maker.counts->filled == 30 * size);
        }
    }
}

TEST_CASE("loading begins at any step, and goes on at another", "[data]") {
    for (const int workers : {0, 3}) {
        Numbers maker;
        Loader<Numbers> loader(maker, workers, 1000);
        for (const std::int64_t step : {700, 701, 702, 5, 6, 999, 6, 6, 0, 1})
            check_batch(loader.get(step), step);
    }
}

TEST_CASE("workers run ahead, no further than told, and not before the first step is known", "[data]") {
    Numbers maker;
    Loader<Numbers> loader(maker, 2, 100, 3);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(maker.counts->begun == 0);
    const auto begun_after = [&](std::int64_t step, int expected) {
        check_batch(loader.get(step), step);
        for (int i = 0; i < 2000 && maker.counts->begun < expected; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return maker.counts->furthest.load();
    };
    const std::int64_t first = begun_after(50, 4);
    CHECK(first >= 53);
    CHECK(first <= 54);
    check_batch(loader.get(51), 51);
    for (std::int64_t step = 52; step < 100; ++step)
        check_batch(loader.get(step), step);
    CHECK(maker.counts->furthest == 99);  // nothing beyond the end
}

TEST_CASE("parts of one batch are filled at the same time", "[data]") {
    Numbers maker;
    maker.size = 12;
    maker.slowness = std::chrono::milliseconds(5);
    Loader<Numbers> loader(maker, 4, 1);
    check_batch(loader.get(0), 0, 12);
    CHECK(maker.counts->most_filling >= 2);
}

TEST_CASE("what a worker throws arrives at its step, and the steps behind can be had", "[data]") {
    for (const int workers : {0, 1, 4}) {
        Numbers maker;
        maker.bad_steps = {4};
        maker.bad_parts = {{2, 3}, {2, 1}, {2, 4}};
        maker.slowness = std::chrono::microseconds(100);
        Loader<Numbers> loader(maker, workers, 8);
        for (int round = 0; round < 2; ++round)
            for (std::int64_t step = 0; step < 8; ++step) {
                const std::string message =
                    lafs_test::message_of([&] { check_batch(loader.get(step), step); });
                CHECK(message == (step == 2 ? "part 1 of 2" : step == 4 ? "step 4" : ""));  // the first part
            }
    }
}

TEST_CASE("a loader that is dropped stops its workers", "[data]") {
    for (int i = 0; i < 20; ++i) {
        Numbers maker;
        maker.slowness = std::chrono::microseconds(300);
        Loader<Numbers> loader(maker, 4, 100);
        if (i % 2)
            check_batch(loader.get(7), 7);
    }
    SUCCEED("every destructor came back");
}

TEST_CASE("steps and settings outside their ranges are refused", "[data]") {
    CHECK_THROWS_AS(Loader<Numbers>({}, -1, 10), lafs::Error);
    CHECK_THROWS_AS(Loader<Numbers>({}, 1, 10, 0), lafs::Error);
    Loader<Numbers> loader({}, 1, 10);
    CHECK_THROWS_AS(loader.get(10), lafs::Error);
    CHECK_THROWS_AS(loader.get(-1), lafs::Error);
    check_batch(loader.get(9), 9);
}
