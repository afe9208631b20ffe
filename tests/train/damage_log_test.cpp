// What a training run says of its images.
#include <lafs/train/damage_log.hpp>
#include <memory>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

/// Four images, the last two of which are 100 x 120.
class Faces final : public lafs::FaceSource {
public:
    std::int64_t size() const override { return 4; }
    std::int64_t identities() const override { return 1; }
    std::int64_t label(std::int64_t) const override { return 0; }
    lafs::Image image(std::int64_t i) const override {
        return i < 2 ? lafs::Image(112, 112) : lafs::Image(100, 120);
    }
    std::string name(std::int64_t i) const override { return "id/" + std::to_string(i); }
};

}  // namespace

TEST_CASE("a run tells once how many images it resized", "[train]") {
    std::vector<std::string> told;
    const lafs::WarningSink before =
        lafs::set_warning_sink([&](const std::string& text) { told.push_back(text); });
    const auto source = std::make_shared<Faces>();
    const auto note = [&](lafs::DamageLog& log, std::vector<std::int64_t> indices) {
        lafs::ImageReads reads(std::move(indices));
        for (std::int64_t place = 0; place < reads.size(); ++place)
            reads.read(*source, place, false);
        lafs::StepResult result;
        log.note(reads, result);
    };
    lafs::DamageLog whole(source);
    note(whole, {2, 0});
    note(whole, {2});  // met again
    CHECK(told.empty());
    note(whole, {3, 1});
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with(
        "2 of 4 images of the training set are not 112 x 112 (the first: id/2, 100 x 120) and were resized"));
    note(whole, {2, 3});
    CHECK(whole.remarks().empty());
    CHECK(told.size() == 1);

    lafs::DamageLog stopped(source);
    note(stopped, {3});
    CHECK(told.size() == 1);
    CHECK(stopped.remarks().empty());
    REQUIRE(told.size() == 2);
    CHECK(told[1].starts_with("1 of 1 images of the training set are not 112 x 112 (the first: id/3"));
    lafs::set_warning_sink(before);
}
