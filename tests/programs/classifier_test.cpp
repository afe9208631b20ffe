// The first program of the tutorial learns what it is said to learn, and goes on with the same bits.
#include "run_program.hpp"

namespace {

double accuracy(const lafs_test::ProgramResult& result) {
    const auto at = result.output.find("accuracy ");
    REQUIRE(at != std::string::npos);
    return std::stod(result.output.substr(at + 9));
}

}  // namespace

TEST_CASE("classifier: 99 % on digits that it never saw", "[programs]") {
    const lafs_test::TemporaryFolder folder;
    const std::string state = folder / "digits.safetensors";
    const auto untrained = lafs_test::run_program("classifier", {folder / "none", "0"});
    CHECK(accuracy(untrained) < 0.3);
    const auto trained = lafs_test::run_program("classifier", {state, "3000"});
    INFO(trained.output << trained.errors);
    REQUIRE(trained.exit_code == 0);
    CHECK(accuracy(trained) >= 0.99);
}

TEST_CASE("classifier: stopped and resumed, or never stopped", "[programs]") {
    const lafs_test::TemporaryFolder folder;
    const std::string whole = folder / "whole", parts = folder / "parts";
    const auto at_once = lafs_test::run_program("classifier", {whole, "300"});
    const auto half = lafs_test::run_program("classifier", {parts, "130"});
    CHECK(lafs_test::read_text(whole) != lafs_test::read_text(parts));
    const auto rest = lafs_test::run_program("classifier", {parts, "300"});
    REQUIRE((at_once.exit_code == 0 && half.exit_code == 0 && rest.exit_code == 0));
    CHECK(lafs_test::read_text(whole) == lafs_test::read_text(parts));
    CHECK(accuracy(at_once) == accuracy(rest));
    CHECK(accuracy(half) > 0.5);
}
