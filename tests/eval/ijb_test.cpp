#include <cmath>
#include <cstdint>
#include <lafs/eval/ijb.hpp>
#include <lafs/eval/roc.hpp>
#include <lafs/io/safetensors.hpp>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

namespace {

using Numbers = std::vector<std::int64_t>;

/// Three images of template 7 (two of one medium), one of template 2; dim 2, image and mirror.
struct Example {
    std::vector<double> features = {2, 0, 1, 0, /**/ 1, 1, 0, 0, /**/ 0, 2, 0, 2, /**/ 3, 0, -1, 0};
    Numbers templates = {7, 2, 7, 7}, media = {1, 1, 1, 0};
    std::vector<double> scores = {1.0, 0.5, 0.5, 0.25};

    lafs::TemplateFeatures run(const lafs::IjbOptions& options = {}) const {
        return lafs::template_features(features, 4, templates, media, scores, options);
    }
};

}  // namespace

TEST_CASE("two templates by hand", "[eval]") {
    const Example example;
    SECTION("the published protocol") {
        // Sums (3, 0), (0, 4), (2, 0) of template 7, weighed 1, 0.5, 0.25:
        // medium 1: (1.5, 1), medium 0: (0.5, 0), together (2, 1).
        const lafs::TemplateFeatures result = example.run();
        CHECK(result.of(7)[0] == Approx(2 / std::sqrt(5.0)));
        CHECK(result.of(7)[1] == Approx(1 / std::sqrt(5.0)));
        CHECK(result.of(2)[0] == Approx(std::sqrt(0.5)));
        CHECK(result.of(2)[1] == Approx(std::sqrt(0.5)));
    }
    SECTION("image features of length 1") {
        // Unit features (1, 0), (0, 1), (1, 0), weighed 1, 0.5, 0.25;
        // medium 1: (0.5, 0.25), medium 0: (0.25, 0).
        const lafs::TemplateFeatures result = example.run({true, true, true});
        CHECK(result.templates == Numbers{2, 7});
        CHECK(result.dim == 2);
        const double r = std::sqrt(0.5), n = std::sqrt(0.75 * 0.75 + 0.25 * 0.25);
        CHECK(result.of(2)[0] == Approx(r));
        CHECK(result.of(2)[1] == Approx(r));
        CHECK(result.of(7)[0] == Approx(0.75 / n));
        CHECK(result.of(7)[1] == Approx(0.25 / n));
        const std::vector<double> scores = lafs::pair_scores(result, Numbers{2, 7, 7}, Numbers{7, 2, 7});
        CHECK(scores[0] == Approx(r / n));
        CHECK(scores[1] == scores[0]);
        CHECK(scores[2] == Approx(1.0));
    }
    SECTION("raw lengths, no detector") {
        // Sums (3, 0), (0, 4), (2, 0): medium 1 (1.5, 2), medium 0 (2, 0): (3.5, 2).
        const lafs::TemplateFeatures result = example.run({true, false, false});
        CHECK(result.of(7)[0] == Approx(3.5 / std::hypot(3.5, 2.0)));
        CHECK(result.of(7)[1] == Approx(2.0 / std::hypot(3.5, 2.0)));
    }
    SECTION("no mirrors") {
        const lafs::TemplateFeatures result = example.run({false, false, false});
        CHECK(result.dim == 4);
        CHECK(result.of(2)[0] == Approx(std::sqrt(0.5)));
        CHECK(result.of(2)[2] == 0.0);
    }
}

TEST_CASE("images one at a time give the bits of all at once", "[eval]") {
    const Example example;
    const lafs::TemplateFeatures all = example.run();
    lafs::TemplateAccumulator sums(4);
    for (const std::size_t i : {1, 3, 0, 2})  // template 2, then 7: medium 0, medium 1
        sums.add(std::span<const double>(example.features).subspan(4 * i, 4), example.templates[i],
                 example.media[i], example.scores[i], i);
    const lafs::TemplateFeatures streamed = std::move(sums).finish();
    CHECK(streamed.templates == all.templates);
    CHECK((streamed.features == all.features));
    CHECK(std::move(lafs::TemplateAccumulator(4)).finish().templates.empty());
}

TEST_CASE("images out of order are refused", "[eval]") {
    lafs::TemplateAccumulator sums(2, {false, true, true});
    const std::vector<double> feature = {1, 0};
    const auto add = [&](std::int64_t number, std::int64_t medium, double score = 1.0) {
        return lafs_test::message_of([&] { sums.add(feature, number, medium, score, 41); });
    };
    CHECK(add(3, 5).empty());
    CHECK(add(3, 4).find("image 41 of template 3, medium 4 after template 3, medium 5") != std::string::npos);
    CHECK(add(2, 9).find("expected ascending order") != std::string::npos);
    CHECK(add(4, 1, std::nan("")).find("got detector score nan for image 41") != std::string::npos);
    CHECK(lafs_test::message_of([&] {
              sums.add(std::span<const double>(feature).first(1), 5, 1, 1.0, 7);
          }).find("got 1 values for image 7, expected 2") != std::string::npos);
    CHECK(lafs_test::message_of([] { lafs::TemplateAccumulator(3); }).find("image and mirror") !=
          std::string::npos);
}

TEST_CASE("templates refuse what does not fit", "[eval]") {
    Example example;
    SECTION("an unknown template") {
        CHECK_THROWS_AS(lafs::pair_scores(example.run(), Numbers{2}, Numbers{3}), lafs::Error);
        CHECK_THROWS_AS(lafs::pair_scores(example.run(), Numbers{2}, Numbers{}), lafs::Error);
    }
    SECTION("lists of other lengths") {
        example.media.pop_back();
        CHECK_THROWS_AS(example.run(), lafs::Error);
    }
    SECTION("missing detector scores") {
        example.scores.pop_back();
        CHECK_THROWS_AS(example.run(), lafs::Error);
        CHECK_NOTHROW(example.run({true, false, true}));
    }
    SECTION("detector scores that are not numbers") {
        example.scores[1] = std::numeric_limits<double>::infinity();
        CHECK_THROWS_AS(example.run(), lafs::Error);
    }
    SECTION("a template whose images cancel") {
        example.features = {1, 0, 0, 0, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 0, /**/ -1, 0, 0, 0};
        example.scores = {1.0, 1.0, 1.0, 1.0};
        CHECK_THROWS_AS(example.run(), lafs::Error);
    }
    SECTION("an image and a mirror that cancel") {
        example.features = {1, 2, -1, -2, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 0, /**/ 1, 0, 0, 0};
        CHECK_THROWS_AS(example.run({true, true, true}), lafs::Error);
        CHECK(example.run().of(7)[0] == 1);  // as they are they count nothing
    }
    SECTION("NaN") {
        example.features[3] = std::numeric_limits<double>::quiet_NaN();
        CHECK_THROWS_AS(example.run(), lafs::Error);
    }
}

TEST_CASE("templates agree with the published implementation to the last bit", "[eval]") {
    // The file is of the normalised protocol, use_norm_score = False.
    const auto path = lafs_test::shared("reference/10_ijb_templates.safetensors");
    if (!path)
        return;
    const auto file = lafs::SafetensorsFile::open(*path);
    const std::vector<double> features = file.read<double>("features");
    const auto width = static_cast<std::size_t>(file.info("features").shape[1]);
    const lafs::TemplateFeatures templates = lafs::template_features(
        std::span<const double>(features), width, file.read<std::int64_t>("templates"),
        file.read<std::int64_t>("medias"), file.read<double>("detector_score"), {true, true, true});
    CHECK(templates.templates == file.read<std::int64_t>("unique_templates"));
    CHECK((templates.features == file.read<double>("template_features")));
    const std::vector<double> scores =
        lafs::pair_scores(templates, file.read<std::int64_t>("p1"), file.read<std::int64_t>("p2"));
    CHECK((scores == file.read<double>("score")));

    const Numbers labels = file.read<std::int64_t>("label");
    const lafs::RocCurve curve =
        lafs::roc_curve(scores, std::vector<std::uint8_t>(labels.begin(), labels.end()));
    const std::vector<double> far = file.read<double>("far"), tar = file.read<double>("tar");
    for (std::size_t i = 0; i < far.size(); ++i)
        CHECK(std::abs(lafs::tar_at_far(curve, far[i]) - tar[i]) < 1e-12);
}
