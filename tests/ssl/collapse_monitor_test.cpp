// The collapse monitor warns once, after enough bad steps in a row.
#include <lafs/ssl/collapse_monitor.hpp>

#include "catch.hpp"

using namespace lafs;

namespace {

/// Steps until the first warning, or -1.
int first_warning(CollapseMonitor& monitor, double loss, double entropy, int steps) {
    for (int i = 1; i <= steps; ++i)
        if (monitor.observe(loss, entropy))
            return i;
    return -1;
}

}  // namespace

TEST_CASE("a loss that sits at ln K is reported once", "[ssl]") {
    CollapseMonitor monitor(1000, {.patience = 10});
    CHECK(first_warning(monitor, std::log(1000.0), 6.9, 10) == 10);
    CHECK(first_warning(monitor, std::log(1000.0), 6.9, 100) == -1);
    CHECK(first_warning(monitor, 5.0, 6.0, 1) == -1);
    CHECK(first_warning(monitor, std::log(1000.0), 6.9, 9) == -1);
    const auto warning = monitor.observe(std::log(1000.0), 6.9);
    REQUIRE(warning);
    CHECK(warning->find("ln K = 6.907755") != std::string::npos);
    CHECK(warning->find("--warmup-teacher-temperature 0.04") != std::string::npos);  // what to try
}

TEST_CASE("an entropy of 0 is reported", "[ssl]") {
    CollapseMonitor monitor(1000, {.patience = 10});
    CHECK(first_warning(monitor, 0.01, 1e-6, 9) == -1);
    const auto warning = monitor.observe(0.01, 1e-6);
    REQUIRE(warning);
    CHECK(warning->find("a higher --teacher-temperature") != std::string::npos);
}

TEST_CASE("a run that learns is not reported", "[ssl]") {
    CollapseMonitor monitor(1000, {.patience = 10});
    for (int i = 0; i < 200; ++i)
        CHECK_FALSE(monitor.observe(6.9 - 0.02 * i, 6.0 - 0.01 * i));
}

TEST_CASE("options that make no sense are refused", "[ssl]") {
    CHECK_THROWS_AS(CollapseMonitor(1), Error);
    CHECK_THROWS_AS(CollapseMonitor(10, {.patience = 0}), Error);
}
