// parallel_for: every task once, exceptions, nesting, any number of threads.
#include <lafs/core/threads.hpp>
#include <string>

#include "catch.hpp"

using namespace lafs;

namespace {

/// Sets the number of threads for one scope.
struct WithThreads {
    explicit WithThreads(int count) { set_threads(count); }
    ~WithThreads() { set_threads(before); }
    int before = threads();
};

}  // namespace

TEST_CASE("every task runs once", "[core]") {
    for (const int count : {1, 2, 5}) {
        const WithThreads team(count);
        CHECK(threads() == count);
        for (const std::int64_t tasks : {0, 1, 2, 7, 1000}) {
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
            parallel_for(tasks, [&](std::int64_t task) { ++runs[static_cast<std::size_t>(task)]; });
            for (const auto& n : runs)
                CHECK(n == 1);
        }
    }
}

TEST_CASE("ranges cover everything, the last one cut short", "[core]") {
    std::vector<std::atomic<int>> seen(1003);
    parallel_ranges(1003, 100, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
            ++seen[static_cast<std::size_t>(i)];
    });
    for (const auto& n : seen)
        CHECK(n == 1);
}

TEST_CASE("an exception in a task arrives at the caller, and the team goes on", "[core]") {
    const WithThreads team(3);
    for (int round = 0; round < 20; ++round) {
        CHECK_THROWS_AS(parallel_for(50, [](std::int64_t task) { require(task != 31, "task", "failed"); }),
                        Error);
        std::atomic<int> runs{0};
        parallel_for(50, [&](std::int64_t) { ++runs; });
        CHECK(runs == 50);
    }
}

TEST_CASE("nested loops run in the calling task", "[core]") {
    const WithThreads team(2);
    std::atomic<int> runs{0};
    parallel_for(8, [&](std::int64_t) { parallel_for(8, [&](std::int64_t) { ++runs; }); });
    CHECK(runs == 64);
}

TEST_CASE("loops from several threads do not mix", "[core]") {
    const WithThreads team(2);
    std::atomic<int> runs{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int round = 0; round < 50; ++round)
                parallel_for(10, [&](std::int64_t) { ++runs; });
        });
    for (auto& caller : callers)
        caller.join();
    CHECK(runs == 4 * 50 * 10);
}

TEST_CASE("a number of threads that makes no sense is refused", "[core]") {
    CHECK_THROWS_AS(set_threads(0), Error);
    CHECK_THROWS_AS(set_threads(100'000), Error);
}

TEST_CASE("errors read [operation] what came", "[core]") {
    try {
        fail("crop", "got ", 3, " x ", 4, ", expected ", 5);
    } catch (const Error& error) {
        CHECK(std::string(error.what()) == "[crop] got 3 x 4, expected 5");
    }
    CHECK_NOTHROW(require(true, "x", "y"));
}
