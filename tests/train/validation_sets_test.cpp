#include <lafs/data/source_pairs.hpp>
#include <lafs/train/validation_sets.hpp>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::check_contains, lafs_test::message_of, lafs_test::TemporaryFolder;
using Paths = std::vector<fs::path>;

/// A face of one colour.
std::vector<std::byte> png(std::uint8_t red, std::uint8_t blue) {
    lafs::Image image(16, 16);
    for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
        image.pixels[i] = red;
        image.pixels[i + 2] = blue;
    }
    return lafs::encode_png(image);
}

/// Twenty pairs of red and blue faces: same when both have one colour. The first `lies` labels are wrong.
void write_bin(const fs::path& file, std::size_t lies) {
    const auto red = png(250, 0), blue = png(0, 250);
    std::vector<std::span<const std::byte>> images;
    std::vector<std::uint8_t> same;
    for (std::size_t i = 0; i < 20; ++i) {
        images.insert(images.end(), {red, i % 2 == 0 ? red : blue});
        same.push_back((i % 2 == 0) != (i < lies));
    }
    lafs::write_verification_bin(file, images, same);
}

/// The mean of red and of blue, as an embedding.
lafs::Tensor<float> mean_colours(const lafs::Tensor<float>& images) {
    const std::int64_t batch = images.shape(0), plane = images.shape(2) * images.shape(3);
    auto rows = lafs::Tensor<float>::zeros({batch, 2});
    for (std::int64_t i = 0; i < batch; ++i)
        for (std::int64_t c = 0; c < 2; ++c)
            for (std::int64_t k = 0; k < plane; ++k)
                rows.data()[2 * i + c] +=
                    images.data()[(3 * i + 2 * c) * plane + k] / static_cast<float>(plane);
    return rows;
}

struct Sets {
    TemporaryFolder folder;
    Sets() {
        fs::create_directories(folder / "sets");
        write_bin(folder / "sets" / "easy.bin", 0);
        write_bin(folder / "sets" / "hard.bin", 4);
    }
    lafs::ValidationSets open() const {
        return lafs::ValidationSets(lafs::open_pair_sets({folder / "sets"}, {}, {}));
    }
};

}  // namespace

TEST_CASE("sets have the names of their files, each once", "[train]") {
    const Sets sets;
    fs::create_directories(sets.folder / "other");
    write_bin(sets.folder / "other" / "easy.bin", 0);
    const auto opened = lafs::open_pair_sets(
        {sets.folder / "sets", "bgr:" + (sets.folder / "other").string(), sets.folder / "other" / "easy.bin"},
        {}, {});
    REQUIRE(opened.size() == 4);
    CHECK(opened[0].name == "easy");
    CHECK(opened[1].name == "hard");
    CHECK(opened[2].name == "easy_2");
    CHECK(opened[3].name == "easy_3");
    CHECK(opened[2].file == sets.folder / "other" / "easy.bin");
    // Blue first: what is red in the file is blue.
    CHECK(opened[0].set.image(0).pixels[0] == 250);
    CHECK(opened[2].set.image(0).pixels[0] == 0);
    CHECK(opened[2].set.image(0).pixels[2] == 250);
    CHECK(opened[3].set.image(0).pixels[0] == 250);
    fs::create_directories(sets.folder / "empty");
    check_contains(message_of([&] { lafs::open_pair_sets({sets.folder / "empty"}, {}, {}); }),
                   "has no .bin files");
    check_contains(message_of([&] {
                       lafs::open_pair_sets({}, {"a", "b", "c"}, {"x", "y"});
                   }),
                   "got 3 times --pairs and 2 times --root");
}

TEST_CASE("each set counts, and their mean is that of their accuracies", "[train]") {
    const Sets sets;
    lafs::ValidationSets validation = sets.open();
    CHECK_THROWS_AS(validation.mean_accuracy(), lafs::Error);
    std::vector<std::string> lines;
    validation.verify(mean_colours, [&](const std::string& line) { lines.push_back(line); });
    // The colours answer every pair; four of twenty labels of the second set are wrong.
    REQUIRE(validation.results().size() == 2);
    CHECK(validation.results()[0].result.accuracy == 1.0);
    CHECK(validation.results()[1].result.accuracy == Approx(0.8));
    CHECK(validation.mean_accuracy() == Approx(0.9));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "easy: accuracy 100.00 % +- 0.00 % (20 pairs)");
    check_contains(lines[1], "hard: accuracy 80.00 % +- ");

    const auto fields = validation.log_fields();
    REQUIRE(fields.size() == 5);
    CHECK(fields[0].key == "accuracy");
    CHECK(std::get<double>(fields[0].value) == validation.mean_accuracy());
    CHECK(fields[1].key == "accuracy.easy");
    CHECK(fields[3].key == "accuracy.hard");
    CHECK(fields[4].key == "accuracy_std.hard");

    const fs::path path = sets.folder / "log.jsonl";
    auto log = lafs::JsonlLog::create(path);
    log.append(9, fields);
    log.append(19, fields);
    lafs::Report report("run");
    validation.add_to(report, path);
    const std::string html = report.html();
    for (const char* part : {"Accuracy on the validation sets", "easy", "hard", "mean", "80.00"})
        check_contains(html, part);
}

TEST_CASE("a set that cannot be verified stops the run before its first step", "[train]") {
    const Sets sets;
    const auto red = png(250, 0);
    std::vector<std::span<const std::byte>> images(24, red);
    lafs::write_verification_bin(sets.folder / "sets" / "same.bin", images, std::vector<std::uint8_t>(12, 1));
    check_contains(message_of([&] { sets.open(); }),
                   "same.bin\" has 12 pairs of the same person and 0 of two");
}
