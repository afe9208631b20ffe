#include <lafs/data/record_tools/bin.hpp>
#include <lafs/data/record_tools/info.hpp>
#include <lafs/data/record_tools/pack.hpp>
#include <lafs/data/record_tools/verify.hpp>
#include <lafs/data/source_pairs.hpp>
#include <map>
#include <string>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "record_bytes.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::Overwrite;
using lafs::RecordSource;
using lafs_test::check_contains;
using lafs_test::described_set;
using lafs_test::dot;
using lafs_test::image_payload;
using lafs_test::message_of;
using lafs_test::part;
using lafs_test::read_text;
using lafs_test::record_text;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;
namespace fs = std::filesystem;

namespace {

/// All files below a folder, by their path relative to it.
std::map<std::string, std::string> files_of(const fs::path& root) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file())
            files[fs::relative(entry.path(), root).string()] = read_text(entry.path());
    return files;
}

lafs::SetProperty pack(const lafs::FaceSource& source, const fs::path& out,
                       Overwrite overwrite = Overwrite::refuse) {
    return lafs::pack_records(source, lafs::check_images(source), out, overwrite);
}

/// Verifies a file with its index; returns its damaged records as `key offset reason` and its problems.
struct Verified {
    lafs::OpenedRecords opened;
    lafs::RecordCheck check;

    explicit Verified(const fs::path& path) : opened(path), check(lafs::check_records(opened)) {}

    std::string damaged() const {
        std::string text;
        for (const auto& record : check.damaged)
            text +=
                std::to_string(record.key) + " " + std::to_string(record.offset) + " " + record.reason + "\n";
        return text;
    }
    std::string problems() const {
        std::string text;
        for (const auto& problem : check.problems)
            text += problem + "\n";
        return text;
    }
};

}  // namespace

TEST_CASE("a folder is packed into the bytes of InsightFace's layout", "[data]") {
    TemporaryFolder folder;
    write_text(folder / "in" / "bob" / "1.pgm", dot(10));
    write_text(folder / "in" / "ann" / "b.pgm", dot(30));
    write_text(folder / "in" / "ann" / "a.pgm", dot(20));
    CHECK(pack(lafs::FolderSource(folder / "in"), folder / "train.rec") ==
          lafs::SetProperty{2, 1, 1, std::nullopt});
    const auto expected = record_text({image_payload(0, 0, "", {4, 6}), image_payload(0, 1, dot(20)),
                                       image_payload(0, 2, dot(30)), image_payload(1, 3, dot(10)),
                                       image_payload(0, 4, "", {1, 3}), image_payload(0, 5, "", {3, 4})});
    CHECK(read_text(folder / "train.rec") == expected.records);
    CHECK(read_text(folder / "train.idx") == expected.index);
    CHECK(read_text(folder / "property") == "2,1,1\n");
    CHECK(Verified(folder / "train.rec").check.good());

    // Nothing is overwritten unasked, and unpacked files have the bytes that were packed.
    const RecordSource source(folder / "train.rec");
    check_contains(message_of([&] { pack(source, folder / "train.rec"); }), "train.rec\" exists already");
    check_contains(message_of([&] { pack(source, folder / "other.rec"); }), "property\" exists already");
    CHECK(!fs::exists(folder / ".other.rec.lafs-tmp"));
    CHECK(lafs::unpack_records(source, folder / "out").empty());
    CHECK(files_of(folder / "out") == std::map<std::string, std::string>{{"0000000/000000001.pgm", dot(20)},
                                                                         {"0000000/000000002.pgm", dot(30)},
                                                                         {"0000001/000000003.pgm", dot(10)}});
    write_text(folder / "out" / "0000000" / "000000002.pgm", "mine");
    check_contains(message_of([&] { lafs::unpack_records(source, folder / "out"); }), "exists already");
    CHECK(read_text(folder / "out" / "0000000" / "000000002.pgm") == "mine");
    CHECK(lafs::unpack_records(source, folder / "out", Overwrite::allow).empty());
    CHECK(read_text(folder / "out" / "0000000" / "000000002.pgm") == dot(30));
    pack(lafs::FolderSource(folder / "out"), folder / "other.rec", Overwrite::allow);
    CHECK(read_text(folder / "other.rec") == expected.records);
}

TEST_CASE("unpacking stays in its folder, whatever the file holds", "[data]") {
    TemporaryFolder folder;
    const std::string evil = "../../../evil";
    write_text(folder / "x.rec", part(0, image_payload(0, 1, dot(1))) + part(0, image_payload(1, 2, evil)) +
                                     part(0, image_payload(16777216, UINT64_MAX - 9, dot(2))));
    const RecordSource source(folder / "x.rec");
    const auto damaged = lafs::unpack_records(source, folder / "deep" / "out");
    REQUIRE(damaged.size() == 1);
    check_contains(damaged[0], "record 2 at byte ");
    check_contains(damaged[0], "expected an image");
    CHECK(files_of(folder / "deep") ==
          std::map<std::string, std::string>{{"out/0000000/000000001.pgm", dot(1)},
                                             {"out/0000002/18446744073709551606.pgm", dot(2)}});
    fs::create_directories(folder / "elsewhere");
    fs::create_directories(folder / "links");
    fs::create_directory_symlink(folder / "elsewhere", folder / "links" / "0000000");
    check_contains(message_of([&] { lafs::unpack_records(source, folder / "links", Overwrite::allow); }),
                   "is a link to another place");
    CHECK(fs::is_empty(folder / "elsewhere"));
}

TEST_CASE("any source is packed; what it cannot show is left out or refused", "[data]") {
    TemporaryFolder folder;
    const auto faces = lafs::open_source("synthetic:ids=3,images=2");
    CHECK(pack(*faces, folder / "train.rec") == lafs::SetProperty{3, 112, 112, std::nullopt});
    const auto read = lafs::open_source(folder.path().string());
    REQUIRE(read->size() == 6);
    for (std::int64_t i = 0; i < 6; ++i) {
        CHECK(read->image(i) == faces->image(i));
        CHECK(read->label(i) == faces->label(i));
    }
    write_text(folder / "in" / "a" / "1.pgm", dot(10));
    write_text(folder / "in" / "b" / "1.jpg", "no picture");
    write_text(folder / "in" / "c" / "1.ppm", "P6\n1 2\n255\nabcdef");
    const lafs::FolderSource mixed(folder / "in");
    const auto check = lafs::check_images(mixed);
    REQUIRE(check.damaged.size() == 1);
    CHECK(check.damaged[0].first == 1);
    CHECK(lafs::pack_records(mixed, check, folder / "mixed.rec", Overwrite::allow) ==
          lafs::SetProperty{2, 112, 112, std::nullopt});
}

TEST_CASE("a check names every damaged record, and a repair leaves the rest", "[data]") {
    TemporaryFolder folder;
    auto payloads = described_set();
    payloads[2] = image_payload(5, 2, "no picture");
    const auto text = record_text(payloads);
    std::string bytes = text.records;
    bytes[text.offsets[4]] = 'x';       // image 4: no magic number
    bytes[text.offsets[6] + 35] = 'x';  // identity 6: labels that are no keys
    write_text(folder / "x.rec", bytes);
    write_text(folder / "x.idx", text.index);
    const Verified verified(folder / "x.rec");
    CHECK(!verified.check.good());
    CHECK(verified.check.damaged.size() == 3);
    CHECK(verified.check.whole_images == 3);
    check_contains(verified.damaged(), "2 " + std::to_string(text.offsets[2]) + " cannot be read");
    check_contains(verified.damaged(), "4 " + std::to_string(text.offsets[4]) + " got 0xced72378 at byte ");
    check_contains(verified.damaged(),
                   "6 " + std::to_string(text.offsets[6]) + " expected a record without an image");
    check_contains(verified.problems(), "1 of 2 records of identities are damaged or missing");

    fs::create_directories(folder / "new");
    lafs::repair_records(verified.opened, verified.check, folder / "new" / "y.rec");
    const auto expected = record_text({image_payload(0, 0, "", {4, 6}), image_payload(0, 1, dot(10)),
                                       image_payload(0, 2, dot(30)), image_payload(1, 3, dot(50)),
                                       image_payload(0, 4, "", {1, 3}), image_payload(0, 5, "", {3, 4})});
    CHECK(read_text(folder / "new" / "y.rec") == expected.records);
    CHECK(read_text(folder / "new" / "y.idx") == expected.index);
    CHECK(read_text(folder / "new" / "property") == "2,1,1\n");
    CHECK(Verified(folder / "new" / "y.rec").check.good());
    check_contains(message_of([&] {
                       lafs::repair_records(verified.opened, verified.check, folder / "x.rec",
                                            Overwrite::allow);
                   }),
                   "is the file itself");
    CHECK(read_text(folder / "x.rec") == bytes);
}

TEST_CASE("a repair keeps the labels and keys of a set without record 0", "[data]") {
    TemporaryFolder folder;
    const std::string first = image_payload(0, 4, dot(1), {3, 0.25f}), last = image_payload(8, 9, dot(3));
    write_text(folder / "x.rec",
               part(0, first) + part(0, image_payload(8, 5, "none")) + part(0, last) + "tail");
    const Verified verified(folder / "x.rec");
    CHECK(verified.check.damaged.size() == 2);
    CHECK(verified.check.problems.size() == 1);
    REQUIRE(!verified.check.notes.empty());
    check_contains(verified.check.notes[0], "x.idx is missing");
    lafs::repair_records(verified.opened, verified.check, folder / "y.rec");
    CHECK(read_text(folder / "y.rec") == part(0, first) + part(0, last));
    CHECK(read_text(folder / "y.idx") == "4\t0\n9\t" + std::to_string(part(0, first).size()) + "\n");
    CHECK(!fs::exists(folder / "property"));
    check_contains(
        message_of([&] { lafs::repair_records(verified.opened, verified.check, folder / "y.rec"); }),
        "exists already");
}

TEST_CASE("a set that was cut off is repaired to what is there", "[data]") {
    TemporaryFolder folder;
    const auto text = record_text(described_set());
    for (const bool with_index : {true, false}) {
        write_text(folder / "x.rec", text.records.substr(0, text.offsets[5] + 11));
        if (with_index)
            write_text(folder / "x.idx", text.index);
        const Verified verified(folder / "x.rec");
        check_contains(verified.damaged(), "5 " + std::to_string(text.offsets[5]) + " got a length of ");
        CHECK(verified.check.damaged.size() == (with_index ? 3 : 1));  // the index knows the two behind it
        CHECK(verified.check.whole_images == 4);
        lafs::repair_records(verified.opened, verified.check, folder / "y.rec", Overwrite::allow);
        const Verified repaired(folder / "y.rec");
        CHECK(repaired.check.good());
        CHECK(RecordSource(folder / "y.rec").size() == 4);
        fs::remove(folder / "x.idx");
    }
}

TEST_CASE("an index that does not fit is a problem of the set", "[data]") {
    TemporaryFolder folder;
    const auto text = record_text(described_set());
    write_text(folder / "x.rec", text.records);
    write_text(folder / "x.idx", text.index.substr(0, text.index.size() / 2));
    const Verified verified(folder / "x.rec");
    CHECK(verified.check.damaged.empty());
    CHECK(!verified.check.good());
    check_contains(verified.problems(), "x.idx");
    CHECK(verified.check.whole_images == 5);
}

TEST_CASE("every flipped bit of a frame, a number of labels or a class is noticed", "[data]") {
    TemporaryFolder folder;
    const auto text = record_text(described_set());
    write_text(folder / "x.idx", text.index);
    for (std::size_t record = 0; record < text.offsets.size(); ++record) {
        const bool image = record >= 1 && record <= 5;
        for (std::size_t bit = 0; bit < 8 * (image ? 16u : 12u); ++bit) {
            INFO("record " << record << " bit " << bit);
            std::string bytes = text.records;
            char& byte = bytes[text.offsets[record] + bit / 8];
            byte = static_cast<char>(byte ^ 1 << bit % 8);
            write_text(folder / "x.rec", bytes);
            const Verified verified(folder / "x.rec");
            CHECK(!verified.check.good());
            REQUIRE(verified.check.damaged.size() == 1);
            // Of two images that say different classes, either may be right.
            CHECK((verified.check.damaged[0].record == record || (record >= 4 && bit >= 96)));
            CHECK(verified.check.whole_images == (image ? 4 : 5));
        }
    }
    // Record 0 as a whole record that says something else: the other records are right.
    for (const float wrong : {5.0f, 7.0f, 4e9f}) {
        auto payloads = described_set();
        payloads[0] = image_payload(0, 0, "", {wrong, wrong + 2});
        write_text(folder / "x.rec", record_text(payloads).records);
        const Verified verified(folder / "x.rec");
        check_contains(verified.problems(), "other records say otherwise: it is not believed");
        CHECK(verified.check.damaged.empty());
        CHECK(verified.check.whole_images == 5);
        lafs::repair_records(verified.opened, verified.check, folder / "y.rec", Overwrite::allow);
        CHECK(Verified(folder / "y.rec").check.good());
        CHECK(RecordSource(folder / "y.rec").size() == 5);
    }
}

TEST_CASE("facts and lists of a set", "[data]") {
    TemporaryFolder folder;
    auto payloads = described_set();
    payloads[2] = image_payload(5, 2, "P6\n1 1\n255\n\xC8\x50\x28", {5, 0.5f});
    payloads[3] = image_payload(5, 3, "P6\n1 1\n255\n\xC8\x50\x28");
    const auto text = record_text(payloads);
    write_text(folder / "x.rec", text.records);
    write_text(folder / "x.idx", text.index);
    write_text(folder / "property", "3,112,112\n");
    const std::string facts = lafs::describe_records(folder / "x.rec");
    check_contains(facts, "layout:             InsightFace");
    check_contains(facts, "images:             5\n");
    check_contains(facts, "identities:         2\n");
    check_contains(facts, "images of each:     2 to 3, 2.5 on average");
    check_contains(facts, "property says 3 identities, the records have 2");
    check_contains(facts, "3 of 1 x 1 .pgm, 2 of 1 x 1 .ppm");
    check_contains(facts, "RGB (a guess: the middle is redder than blue in 100 % of 2 coloured images");
    const Verified verified(folder / "x.rec");
    CHECK(verified.check.good());
    REQUIRE(!verified.check.notes.empty());
    check_contains(verified.check.notes.back(), "property says 3 identities, the records have 2");
    const lafs::RecordFile file(folder / "x.rec");
    CHECK(lafs::list_record(file, 0) == "0\t0\t32\t1\t0\t6 8\tno image");
    CHECK(lafs::list_record(file, 2) == "2\t" + std::to_string(text.offsets[2]) + "\t46\t1\t2\t5 0.5\tppm");

    lafs::ColourCount colours;
    lafs::Image blue(8, 8);
    for (int y = 0; y < 8; ++y)
        for (int x = 0; x < 8; ++x)
            blue.at(x, y)[2] = 200;
    colours.add(blue);
    check_contains(colours.guess(), "BGR, red and blue swapped (a guess");
    lafs::ColourCount grey;
    grey.add(lafs::Image(8, 8));
    CHECK(grey.guess() == "grey");
}

TEST_CASE("pairs become a verification set in one file", "[data]") {
    TemporaryFolder folder;
    write_text(folder / "in" / "a" / "1.pgm", dot(10));
    write_text(folder / "in" / "a" / "2.pgm", dot(20));
    write_text(folder / "in" / "b" / "1.pgm", dot(30));
    write_text(folder / "pairs.txt", "1\t1\na\t1.pgm\t2.pgm\na\t1.pgm\tb\t1.pgm\n");
    const auto pairs = lafs::read_pairs(folder / "pairs.txt", folder / "in");
    lafs::write_pairs_bin(pairs, folder / "x.bin");
    const auto set = lafs::VerificationBin::open(folder / "x.bin");
    REQUIRE(set.pairs() == 2);
    CHECK((set.same(0) && !set.same(1)));
    std::string greys;
    for (std::size_t i = 0; i < 4; ++i)
        greys += static_cast<char>(set.image(i).pixels[0]);
    CHECK(greys == "\x0A\x14\x0A\x1E");
    CHECK(set.first_copy(2) == 0);
    check_contains(message_of([&] { lafs::write_pairs_bin(pairs, folder / "x.bin"); }), "exists already");
    write_text(folder / "in" / "b" / "1.pgm", "P5");
    check_contains(
        message_of([&] { lafs::write_pairs_bin(pairs, folder / "x.bin", lafs::Overwrite::allow); }),
        "b/1.pgm");
}

TEST_CASE("real faces come back from a record file byte by byte", "[data]") {
    const auto root = lafs_test::shared("data/celeb112/test");
    if (!root)
        return;
    TemporaryFolder folder;
    const auto whole = std::make_shared<lafs::FolderSource>(*root);
    const auto source = lafs::partition(whole, 0.2);
    CHECK(pack(*source, folder / "train.rec").identities == source->identities());
    const RecordSource records(folder / "train.rec");
    REQUIRE(records.size() == source->size());
    CHECK(lafs::unpack_records(records, folder / "out").empty());
    const lafs::FolderSource unpacked(folder / "out");
    for (std::int64_t i = 0; i < source->size(); ++i) {
        CHECK(records.label(i) == source->label(i));
        CHECK(records.encoded(i) == source->encoded(i));
        CHECK(read_text(unpacked.file(i)) == read_text(whole->file(i)));
    }
}
