#include <lafs/train/knn_probe.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

namespace {

using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder;

/// A set in which images say who they show: the identity is in their brightness.
class ColouredSource final : public lafs::FaceSource {
public:
    std::int64_t size() const override { return 30; }
    std::int64_t identities() const override { return 10; }
    std::int64_t label(std::int64_t i) const override { return i / 3; }
    lafs::Image image(std::int64_t i) const override {
        lafs::Image image(lafs::face_size, lafs::face_size);
        std::fill(image.pixels.begin(), image.pixels.end(), static_cast<std::uint8_t>(20 * label(i) + i % 3));
        return image;
    }
    std::string name(std::int64_t i) const override { return std::to_string(i); }
};

/// A turn by the grey value: neighbours in grey are neighbours by cosine.
lafs::Tensor<float> turn(const lafs::Tensor<float>& images) {
    const std::int64_t batch = images.shape(0), values = images.size() / batch;
    auto rows = lafs::Tensor<float>::empty({batch, 2});
    for (std::int64_t i = 0; i < batch; ++i) {
        const float angle = images.data()[i * values];  // -1 .. 1 radians
        rows.data()[2 * i] = std::cos(angle);
        rows.data()[2 * i + 1] = std::sin(angle);
    }
    return rows;
}

lafs::ProbeOptions options() {
    static const bool registered = [] {
        lafs::register_source("coloured",
                              [](const std::string&) { return std::make_unique<ColouredSource>(); });
        return true;
    }();
    lafs::ProbeOptions result;
    result.data = registered ? "coloured:" : "";
    return result;
}

}  // namespace

TEST_CASE("a probe finds what features tell, by line, in the log and in the report", "[train]") {
    lafs::KnnProbe probe(options(), 1);
    CHECK_FALSE(probe.asked());
    CHECK_THROWS_AS(probe.verification(), lafs::Error);
    std::vector<std::string> lines;
    probe.ask(turn, [&](const std::string& line) { lines.push_back(line); });
    CHECK(probe.nearest().accuracy == 1.0);
    CHECK(probe.nearest().asked == 30);
    // Ten identities are too few for folds of their own: one pair of each and as many others in each fold.
    CHECK(probe.verification().pairs == 200);
    CHECK(probe.verification().accuracy > 0.99);
    REQUIRE(lines.size() == 1);
    check_contains(lines[0], "probe: nearest neighbour 100.00 % (30 images), verification ");

    const auto fields = probe.log_fields();
    REQUIRE(fields.size() == 3);
    CHECK(fields[0].key == "probe_knn");
    CHECK(std::get<double>(fields[0].value) == 1.0);
    CHECK(std::get<double>(fields[1].value) == probe.verification().accuracy);
    const TemporaryFolder folder;
    auto log = lafs::JsonlLog::create(folder / "log.jsonl");
    log.append(1, fields);
    lafs::Report report("run");
    probe.add_to(report, folder / "log.jsonl");
    check_contains(report.html(), "nearest neighbour 100.00 % of 30 images");
    check_contains(report.html(), "Verification on the probe set");

    // Features that tell nothing: the first other image is nearest to all.
    probe.ask(
        [](const lafs::Tensor<float>& images) {
            return lafs::Tensor<float>::full({images.shape(0), 2}, 1);
        },
        [](const std::string&) {});
    CHECK(probe.nearest().accuracy == Approx(3.0 / 30));  // image 0 finds image 1, all others image 0
    CHECK(probe.verification().accuracy == Approx(0.5));
}

TEST_CASE("a probe takes the first images and the pairs that are asked for", "[train]") {
    auto some = options();
    some.images = 9;  // three identities
    some.pairs = 40;
    some.neighbours = 3;
    lafs::KnnProbe probe(some, 1);
    probe.ask(turn, [](const std::string& line) { check_contains(line, "3 nearest neighbours"); });
    CHECK(probe.nearest().asked == 9);
    CHECK(probe.verification().pairs == 40);
    some.images = 3;
    check_contains(message_of([&] { lafs::KnnProbe(some, 1); }), "got 1 identities");
    some.neighbours = 0;
    CHECK_THROWS_AS(lafs::KnnProbe(some, 1), lafs::Error);
}

TEST_CASE("the pairs of a probe can be drawn from every set", "[train]") {
    for (const char* set : {"synthetic:ids=2,images=2", "synthetic:ids=19,images=2",
                            "synthetic:ids=20,images=2", "synthetic:ids=47,images=2"}) {
        const auto source = lafs::open_source(set);
        const auto pairs = lafs::detail::sure_pairs(lafs::detail::images_by_identity(*source));
        INFO(set << ": " << pairs);
        CHECK(static_cast<std::int64_t>(lafs::make_pairs(*source, pairs, 10, 3).size()) == pairs);
    }
}
