#include <lafs/core/device_choice.hpp>

#include "catch.hpp"
#include "check_contains.hpp"

TEST_CASE("device_choice: the processor, or a GPU by its number", "[core]") {
    CHECK(lafs::parse_device("cpu") == lafs::DeviceChoice{false, 0});
    CHECK(lafs::parse_device("cuda") == lafs::DeviceChoice{true, 0});
    CHECK(lafs::parse_device("cuda:0") == lafs::DeviceChoice{true, 0});
    CHECK(lafs::parse_device("cuda:11") == lafs::DeviceChoice{true, 11});
    CHECK(lafs::device_text({true, 11}) == "cuda:11");
    CHECK(lafs::device_text({}) == "cpu");
}

TEST_CASE("device_choice: what is neither is refused by its text", "[core]") {
    for (const char* text : {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "cuda: 1",
                             "cuda0", "cuda:99999999999999999999"}) {
        INFO(text);
        CHECK_THROWS_AS(lafs::parse_device(text), lafs::Error);
    }
    try {
        lafs::parse_device("gpu:1");
        FAIL("accepted");
    } catch (const lafs::Error& error) {
        lafs_test::check_contains(error.what(), "\"gpu:1\"");
    }
}
