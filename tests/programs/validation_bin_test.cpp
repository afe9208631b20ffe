// Training that validates on a verification set in one file.
#include <lafs/data/source_pairs.hpp>
#include <lafs/data/verification_bin.hpp>

#include "catch.hpp"
#include "run_program.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::read_text, lafs_test::run_program, lafs_test::TemporaryFolder, lafs_test::write_text;

/// Synthetic faces as files, pairs of them as a list, and the same pairs as a .bin.
struct Faces {
    TemporaryFolder folder;
    fs::path images = folder / "images", pairs = folder / "pairs.txt", bin = folder / "faces.bin";

    Faces() {
        const auto source = lafs::open_source("synthetic:ids=8,images=2");
        lafs::write_image_folder(*source, images);
        const auto list = lafs::pairs_as_files(*source, lafs::make_pairs(*source, 20, 10, 1), 10, images);
        lafs::write_pairs(pairs, list);
        std::vector<lafs::MappedFile> files;
        std::vector<std::uint8_t> same;
        for (const lafs::Pair& pair : list.pairs) {
            files.emplace_back(pair.a);
            files.emplace_back(pair.b);
            same.push_back(pair.same);
        }
        std::vector<std::span<const std::byte>> encoded;
        for (const auto& file : files)
            encoded.push_back(file.bytes());
        lafs::write_verification_bin(bin, encoded, same);
    }

    lafs_test::ProgramResult train(const std::string& name,
                                   const std::vector<std::string>& validation) const {
        std::vector<std::string> arguments = {
            "--data",   images,       "--model", "tiny:depth=1,width=32,heads=1,hidden=32",
            "--epochs", "1",          "--batch", "4",
            "--out",    folder / name};
        arguments.insert(arguments.end(), validation.begin(), validation.end());
        return run_program("lafs_finetune", arguments);
    }
};

std::string accuracy_of(const std::string& text) {
    const std::size_t at = text.find("accuracy");
    REQUIRE(at != std::string::npos);
    return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a trainer validates on a .bin as on the list of its pairs", "[programs]") {
    const Faces faces;
    const auto list = faces.train("list", {"--pairs", faces.pairs, "--root", faces.images});
    const auto bin = faces.train("bin", {"--bin", faces.bin});
    INFO(list.errors << bin.errors);
    REQUIRE(list.exit_code == 0);
    REQUIRE(bin.exit_code == 0);
    CHECK(accuracy_of(bin.errors) == accuracy_of(list.errors));
    CHECK(accuracy_of(bin.errors).find("(20 pairs)") != std::string::npos);

    const auto refused = [&](const std::vector<std::string>& validation, const std::string& expected) {
        const auto result = faces.train("refused", validation);
        INFO(result.errors);
        CHECK(result.exit_code == 1);
        CHECK(result.errors.find(expected) != std::string::npos);
    };
    const std::string whole = read_text(faces.bin);
    write_text(faces.bin, whole.substr(0, whole.size() / 2));
    refused({"--bin", faces.bin}, "faces.bin");
    // The last image is damaged: found before the first step, not after the first epoch.
    write_text(faces.bin, std::string(whole).replace(whole.rfind("PNG"), 3, "GNP"));
    refused({"--bin", faces.bin}, "image 39 of ");
    CHECK(!std::filesystem::exists(faces.folder / "refused" / "log.jsonl"));
}
