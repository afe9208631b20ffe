// lafs_records as a user runs it.
#include <lafs/data/source_pairs.hpp>

#include "catch.hpp"
#include "run_program.hpp"
#include "shared_data.hpp"

namespace {

namespace fs = std::filesystem;
using lafs_test::check_contains, lafs_test::failure, lafs_test::read_text, lafs_test::run_program,
    lafs_test::TemporaryFolder, lafs_test::write_text;

/// Runs a command that must succeed; returns what it prints.
std::string records(const std::vector<std::string>& arguments) {
    const auto result = run_program("lafs_records", arguments);
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    return result.output;
}

/// Synthetic faces as a folder and as the set packed from it.
struct PackedFaces {
    TemporaryFolder folder;
    fs::path images = folder / "images", set = folder / "set", file = set / "train.rec";

    PackedFaces() {
        lafs::write_image_folder(*lafs::open_source("synthetic:ids=5,images=3"), images);
        fs::create_directories(set);
        check_contains(records({"pack", images, file}), "15 images of 5 identities written to");
    }
};

}  // namespace

TEST_CASE("a folder is packed, looked at, checked, listed and unpacked", "[programs]") {
    const PackedFaces faces;
    CHECK(read_text(faces.set / "property") == "5,112,112\n");
    const std::string facts = records({"info", faces.set});
    check_contains(facts, "layout:             InsightFace");
    check_contains(facts, "images:             15\n");
    check_contains(facts, "property:           5 identities, 112 x 112\n");
    check_contains(facts, "kinds:              15 of 112 x 112 .png\n");
    check_contains(facts, "colour order:       RGB (a guess");
    check_contains(records({"verify", faces.file}), "21 records, 15 whole images, 0 damaged records");
    const std::string list = records({"list", faces.file, "--first", "1", "--count", "2"});
    check_contains(list, "key\toffset\tbytes\tparts\tid\tlabels\tcontent\n1\t40\t");
    CHECK(std::count(list.begin(), list.end(), '\n') == 3);

    const fs::path out = faces.folder / "out";
    check_contains(records({"unpack", faces.file, out}), "15 images written to");
    const auto original = lafs::read_image_folder(faces.images), unpacked = lafs::read_image_folder(out);
    REQUIRE(unpacked.files.size() == 15);
    CHECK(unpacked.labels == original.labels);
    for (std::size_t i = 0; i < 15; ++i)
        CHECK(read_text(unpacked.files[i]) == read_text(original.files[i]));
    check_contains(failure("lafs_records", {"unpack", faces.file, out}), "--force overwrites it");
    check_contains(failure("lafs_records", {"pack", out, faces.file}), "--force overwrites it");
    const std::string before = read_text(faces.file);
    records({"pack", out, faces.file, "--force"});
    CHECK(read_text(faces.file) == before);
}

TEST_CASE("damaged records are named, and a repaired copy is whole", "[programs]") {
    const PackedFaces faces;
    std::string bytes = read_text(faces.file);
    const std::string index = read_text(faces.set / "train.idx");
    const auto offset_of = [&](int key) {
        const std::size_t line = index.find("\n" + std::to_string(key) + "\t");
        return static_cast<std::size_t>(std::stoul(index.substr(index.find('\t', line) + 1)));
    };
    bytes[offset_of(2)] ^= 1;
    bytes[offset_of(8) + 200] ^= 1;  // in the PNG of that record
    write_text(faces.file, bytes);
    const fs::path copy = faces.folder / "repaired" / "train.rec";
    fs::create_directories(copy.parent_path());
    const auto result = run_program("lafs_records", {"verify", faces.file, "--repair", copy});
    CHECK(result.exit_code == 1);
    check_contains(result.output, "damaged: record 2 at byte " + std::to_string(offset_of(2)) + ": got 0x");
    check_contains(result.output, "damaged: record 8 at byte " + std::to_string(offset_of(8)) + ": ");
    check_contains(result.output, "21 records, 13 whole images, 2 damaged records");
    check_contains(records({"verify", copy}), "19 records, 13 whole images, 0 damaged records");

    fs::remove(faces.set / "train.idx");
    const fs::path rebuilt = faces.folder / "rebuilt.idx";
    CHECK(run_program("lafs_records", {"verify", faces.file, "--write-index", rebuilt}).exit_code == 1);
    CHECK(read_text(rebuilt) == index);

    const auto unpacked = run_program("lafs_records", {"unpack", faces.set, faces.folder / "out"});
    CHECK(unpacked.exit_code == 1);
    check_contains(unpacked.errors, "damaged: [record file] " + faces.file.string() + " record 2 at byte ");
}

TEST_CASE("a set is packed without its damaged images only when told to", "[programs]") {
    TemporaryFolder folder;
    lafs::write_image_folder(*lafs::open_source("synthetic:ids=2,images=2"), folder / "images");
    const fs::path victim = lafs::read_image_folder(folder / "images").files[1];
    write_text(victim, "no picture");
    const std::string said = failure("lafs_records", {"pack", folder / "images", folder / "train.rec"});
    check_contains(said, "damaged: ");
    check_contains(said, victim.filename());
    check_contains(said, "1 of 4 images are damaged; --skip-damaged leaves them out");
    CHECK(!fs::exists(folder / "train.rec"));
    check_contains(records({"pack", folder / "images", folder / "train.rec", "--skip-damaged"}),
                   "3 images of 2 identities");
}

TEST_CASE("pairs are written as a verification set", "[programs]") {
    const PackedFaces faces;
    const auto source = lafs::open_source(faces.images);
    lafs::write_pairs(faces.folder / "pairs.txt",
                      lafs::pairs_as_files(*source, lafs::make_pairs(*source, 20, 1, 1), 1, faces.images));
    const fs::path out = faces.folder / "faces.bin";
    check_contains(records({"bin", out, "--pairs", faces.folder / "pairs.txt", "--root", faces.images}),
                   "20 pairs written to");
    CHECK(read_text(out).size() > 1000);
    check_contains(
        failure("lafs_records", {"bin", out, "--pairs", faces.folder / "pairs.txt", "--root", faces.images}),
        "--force overwrites it");
}

TEST_CASE("trainers take record files, and files that are none are refused", "[programs]") {
    const PackedFaces faces;
    const auto trained = run_program(
        "lafs_finetune", {"--data", faces.set, "--model", "tiny:depth=1,width=32,heads=1,hidden=32",
                          "--epochs", "1", "--batch", "5", "--few-shot", "2", "--out", faces.folder / "run"});
    INFO(trained.errors);
    CHECK(trained.exit_code == 0);
    write_text(faces.folder / "page.rec", "<!DOCTYPE html>");
    check_contains(failure("lafs_records", {"info", faces.folder / "page.rec"}), "a web page");
    check_contains(failure("lafs_records", {"verify", faces.folder / "none.rec"}), "No such file");
    check_contains(failure("lafs_records", {"info", faces.images}), "holds no file in .rec");
    CHECK(run_program("lafs_records", {}).exit_code != 0);
    check_contains(records({"--help"}), "unpack");
    if (const auto shared = lafs_test::shared("data/recordio/not_images/val.rec")) {
        const auto result = run_program("lafs_records", {"verify", *shared});
        CHECK(result.exit_code == 1);
        check_contains(result.output, "damaged: record 9999 at byte 609552: got ");
        check_contains(result.output, "10000 records, 0 whole images, 10000 damaged records");
    }
}

TEST_CASE("a nested set is told of, and packed if that is asked for", "[programs]") {
    const TemporaryFolder folder;
    lafs::write_image_folder(*lafs::open_source("synthetic:ids=2,images=2"), folder / "flat");
    for (const auto& person : fs::directory_iterator(folder / "flat"))
        fs::create_directories(folder / "set" / person.path().filename() / "video"),
            fs::copy(person, folder / "set" / person.path().filename()),
            fs::copy(person, folder / "set" / person.path().filename() / "video");
    for (const char* name : {"flat.set", "nested.set", "small.set"})
        fs::create_directory(folder / name);
    const auto flat = run_program("lafs_records", {"pack", folder / "set", folder / "flat.set/train.rec"});
    check_contains(flat.output, "4 images of 2 identities");
    check_contains(flat.errors, "warning: passed over 2 folders in " + (folder / "set").string());
    const auto nested =
        run_program("lafs_records", {"pack", folder / "set", folder / "nested.set/train.rec", "--recursive"});
    check_contains(nested.output, "8 images of 2 identities");
    CHECK(nested.errors.find("passed over") == std::string::npos);
    check_contains(failure("lafs_records",
                           {"pack", folder / "set", folder / "small.set/train.rec", "--max-pixels", "12543"}),
                   "expected at most 12543 pixels");
}
