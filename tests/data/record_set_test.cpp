#include <fstream>
#include <lafs/data/source.hpp>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "record_bytes.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::MissingImages;
using lafs::RecordFile;
using lafs::RecordLayout;
using lafs::RecordSource;
using lafs_test::check_contains;
using lafs_test::described_set;
using lafs_test::dot;
using lafs_test::image_payload;
using lafs_test::message_of;
using lafs_test::record_text;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;

namespace {

std::vector<std::int64_t> labels_of(const lafs::FaceSource& source) {
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < source.size(); ++i)
        labels.push_back(source.label(i));
    return labels;
}

/// A folder with x.rec and x.idx.
struct SetFolder {
    TemporaryFolder folder;
    std::filesystem::path path = folder / "x.rec";

    explicit SetFolder(const std::vector<std::string>& payloads, bool with_index = true) {
        const auto text = record_text(payloads);
        write_text(path, text.records);
        if (with_index)
            write_text(folder / "x.idx", text.index);
    }
};

}  // namespace

TEST_CASE("a set with record 0 has the images and identities that it names", "[data]") {
    const SetFolder set(described_set());
    const auto source = lafs::open_source(set.path.string());
    CHECK(source->size() == 5);
    CHECK(source->identities() == 2);
    CHECK(labels_of(*source) == std::vector<std::int64_t>{0, 0, 0, 1, 1});
    for (std::int64_t i = 0; i < 5; ++i)
        CHECK(source->image(i).pixels ==
              std::vector<std::uint8_t>(3, static_cast<std::uint8_t>(10 * (i + 1))));
    CHECK(source->name(3) == "0000001/record 4");
    const auto bytes = source->encoded(3);
    CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == dot(40));
    CHECK_THROWS_AS(source->image(5), lafs::Error);
    CHECK_THROWS_AS(source->label(-1), lafs::Error);
    const auto& layout = dynamic_cast<const RecordSource&>(*source).layout();
    CHECK(layout.has_set_header);
    CHECK(layout.classes == std::vector<std::uint32_t>{5, 9});
    CHECK(layout.problems.empty());
    CHECK(lafs::open_source(set.folder.path().string())->size() == 5);  // the only .rec of its folder
}

TEST_CASE("keys, not places, say which record is which", "[data]") {
    TemporaryFolder folder;
    const auto payloads = described_set();
    const std::size_t order[] = {7, 2, 0, 5, 4, 1, 6, 3};
    std::string records, index;
    for (const std::size_t key : order) {
        index += std::to_string(key) + "\t" + std::to_string(records.size()) + "\n";
        records += lafs_test::part(0, payloads[key]);
    }
    write_text(folder / "x.rec", records);
    for (const bool with_index : {true, false}) {
        if (with_index)
            write_text(folder / "x.idx", index);
        const RecordSource source(folder / "x.rec");
        CHECK(labels_of(source) == std::vector<std::int64_t>{0, 0, 0, 1, 1});
        CHECK(source.name(4) == "0000001/record 5");
        CHECK(source.image(4).pixels[0] == 50);
        std::filesystem::remove(folder / "x.idx");
    }
}

TEST_CASE("a set without record 0 has an image in every record", "[data]") {
    const SetFolder set({image_payload(30, 0, dot(1)), image_payload(0, 1, dot(2), {7, 0.5f}),
                         image_payload(12, 2, dot(3)), image_payload(30, 3, dot(4))});
    const RecordSource source(set.path);
    CHECK(source.size() == 4);
    CHECK(labels_of(source) == std::vector<std::int64_t>{2, 0, 1, 2});
    CHECK(source.identities() == 3);
    CHECK(source.image(1).pixels[0] == 2);
    REQUIRE(source.layout().notes.size() == 1);
    check_contains(source.layout().notes[0], "labels reach from 7 to 30 with gaps: 3 identities");
}

TEST_CASE("records of identities are not needed, and not believed when they are wrong", "[data]") {
    auto payloads = described_set();
    const auto problem = [&] {
        const SetFolder set(payloads);
        const RecordSource source(set.path);
        CHECK(labels_of(source) == std::vector<std::int64_t>{0, 0, 0, 1, 1});
        return source.layout().problems.empty() ? std::string() : source.layout().problems[0];
    };
    SECTION("none") {
        payloads[0] = image_payload(0, 0, "", {6, 6});
        payloads.resize(6);
        CHECK(problem().empty());
    }
    SECTION("an identity without images") {
        payloads[0] = image_payload(0, 0, "", {6, 9});
        payloads.push_back(image_payload(0, 8, "", {6, 6}));
        CHECK(problem().empty());
    }
    SECTION("one is gone") {
        payloads.pop_back();
        check_contains(problem(), "1 of 2 records of identities are damaged or missing");
    }
    SECTION("one is no range") {
        payloads[7] = image_payload(0, 7, "", {4.5f, 6});
        check_contains(problem(), "1 of 2 records of identities are damaged or missing");
    }
    SECTION("they overlap") {
        payloads[7] = image_payload(0, 7, "", {3, 6});
        check_contains(problem(), "record 7 names the images 3 to 5, some of which another identity has");
    }
    SECTION("they lead beyond the images") {
        payloads[7] = image_payload(0, 7, "", {4, 4000000000.0f});
        check_contains(problem(), "record 7 names the images 4 to 3999999999");
    }
}

TEST_CASE("a label that is not its identity's is noticed, whichever image has it", "[data]") {
    for (const std::int64_t wrong : {0, 1, 2}) {
        auto payloads = described_set();
        payloads[static_cast<std::size_t>(wrong) + 1] =
            image_payload(6, static_cast<std::uint64_t>(wrong) + 1, dot(1));
        const SetFolder set(payloads);
        const RecordSource source(set.path);
        CHECK(source.identities() == 2);
        for (std::int64_t i = 0; i < 5; ++i)
            if (i != wrong)
                CHECK_NOTHROW(source.image(i));
        check_contains(message_of([&] { source.image(wrong); }), "got the label 6, expected 5");
    }
}

TEST_CASE("damaged images stay in the set and say what they are", "[data]") {
    const SetFolder set({image_payload(0, 0, dot(1)), image_payload(1.5f, 1, dot(2)),
                         image_payload(1, 2, "no pixels"), image_payload(1, 3, ""), "short",
                         image_payload(-1, 5, dot(2)), image_payload(2e9f, 6, dot(2)),
                         image_payload(1, 7, dot(7))});
    const RecordSource source(set.path);
    CHECK(source.size() == 8);
    CHECK(source.identities() == 2);
    CHECK(source.image(7).pixels[0] == 7);
    const auto says = [&](std::int64_t i, const std::string& expected) {
        const std::string message = message_of([&] { source.image(i); });
        check_contains(message, expected);
        check_contains(message, source.where(i));
    };
    says(1, "got the label 1.5, expected a whole number");
    says(2, "cannot be read");
    says(3, "it holds no image (0 bytes)");
    says(4, "got 5 bytes, expected at least the 24 of the header");
    says(5, "got the label -1");
    says(6, "got the label 2e+09");
    REQUIRE(!source.layout().problems.empty());
    check_contains(source.layout().problems[0], "4 records cannot be read, the first at byte ");
}

TEST_CASE("sets that cannot be used say why", "[data]") {
    const auto says = [](const std::vector<std::string>& payloads, const std::string& expected) {
        const SetFolder set(payloads);
        check_contains(message_of([&] { RecordSource source(set.path); }), expected);
    };
    says({}, "holds no records (0 bytes)");
    says({"a", "b"}, "holds no images: none of 2 records has a header and a class; the first says");
    says({image_payload(0, 0, "", {1, 1})}, "promises no images");
    auto cut = described_set();
    cut.resize(4);
    says(cut,
         "record 0 promises the images 1 to 5, but 2 of them are not in the file, the first is record 4");
    cut[0] = image_payload(0, 0, "", {4e9f, 4e9f});
    says(cut, "promises the images 1 to 3999999999, but 3999999996 of them are not in the file");

    const SetFolder set(cut);
    const RecordFile file(set.path);
    CHECK(lafs::read_record_layout(file, MissingImages::allowed).labels.size() == 3);

    TemporaryFolder folder;
    write_text(folder / "a.rec", "");
    write_text(folder / "b.rec", "");
    check_contains(message_of([&] { lafs::open_source(folder.path().string()); }), "several record files");
    check_contains(message_of([&] { lafs::open_source((folder / "c.rec").string()); }), "No such file");
}

TEST_CASE("a set whose record 0 is lost is still a set", "[data]") {
    auto text = record_text(described_set());
    text.records[0] = 'x';
    TemporaryFolder folder;
    write_text(folder / "x.rec", text.records);
    write_text(folder / "x.idx", text.index);
    const RecordSource source(folder / "x.rec");
    CHECK(source.size() == 6);  // five images, and the damaged record
    CHECK(labels_of(source) == std::vector<std::int64_t>{0, 0, 0, 0, 1, 1});
    check_contains(message_of([&] { source.image(0); }), "expected the magic number");
    check_contains(source.layout().problems[0], "record 0, which describes the set, is damaged");
}

TEST_CASE("keys too large for a float are taken from the records", "[data]") {
    // As if keys above 4 were rounded to even numbers: record 0 says 6 and 8 images for 5, ranges are off.
    auto payloads = described_set();
    payloads[7] = image_payload(0, 7, "", {4, 8});
    const SetFolder set(payloads);
    const RecordFile file(set.path);
    const RecordLayout layout = lafs::read_record_layout(file, MissingImages::refused, 4);
    CHECK(layout.labels == std::vector<std::uint32_t>{0, 0, 0, 1, 1});
    CHECK(layout.problems.empty());
    payloads[0] = image_payload(0, 0, "", {8, 10});
    const SetFolder rounded(payloads);
    const RecordFile rounded_file(rounded.path);
    CHECK(lafs::read_record_layout(rounded_file, MissingImages::refused, 4).labels.size() == 5);
}

TEST_CASE("few-shot and partition work over records, on any thread", "[data]") {
    const SetFolder set(described_set());
    const std::shared_ptr<const lafs::FaceSource> source = lafs::open_source(set.path.string());
    const auto shots = lafs::few_shot(source, 2, 3);
    CHECK(labels_of(*shots) == std::vector<std::int64_t>{0, 0, 1, 1});
    const auto part = lafs::partition(source, 0.6);
    CHECK(part->size() == 3);
    CHECK(part->identities() == 1);
    CHECK(part->name(2) == "0000000/record 3");
    CHECK(part->encoded(2) == source->encoded(2));
    std::vector<lafs::Image> first(5), second(5);
    std::thread other([&] {
        for (std::int64_t i = 5; i-- > 0;)
            second[static_cast<std::size_t>(i)] = source->image(i);
    });
    for (std::int64_t i = 0; i < 5; ++i)
        first[static_cast<std::size_t>(i)] = source->image(i);
    other.join();
    CHECK(first == second);
}

TEST_CASE("the shared sets have the images and labels of their lists", "[data]") {
    const auto root = lafs_test::shared("data/recordio");
    if (!root)
        return;
    struct Case {
        const char *name, *list;  // the list has the key and the class (or the first label) of each record
        std::int64_t images, identities;
        int width, height;  // of the first image
    };
    for (const Case& c : {Case{"faces_small/train.rec", "train.lst", 8, 2, 112, 112},
                          Case{"faces_testing/testing.rec", "testing.lst", 217, 25, 112, 112},
                          Case{"vector_label/train.rec", "train.lst", 12, 1, 780, 438},
                          Case{"insightface_layout/train.rec", "", 72, 12, 112, 112},
                          Case{"split_records/train.rec", "", 5, 1, 112, 112},
                          Case{"no_index/val.rec", "", 392, 20, 28, 28}}) {
        INFO(c.name);
        const RecordSource source(*root / c.name);
        REQUIRE(source.size() == c.images);
        CHECK(source.identities() == c.identities);
        CHECK(source.layout().problems.empty());
        CHECK((source.image(0).width == c.width && source.image(0).height == c.height));
        std::set<std::int64_t> labels;
        for (std::int64_t i = 0; i < source.size(); ++i) {
            CHECK_NOTHROW(source.image(i));
            labels.insert(source.label(i));
        }
        CHECK((*labels.begin() == 0 && *labels.rbegin() == c.identities - 1));
        if (!*c.list)
            continue;
        std::ifstream list((*root / c.name).parent_path() / c.list);
        std::map<std::uint64_t, double> expected;
        for (std::string line; std::getline(list, line);) {
            std::istringstream fields(line);
            std::uint64_t key = 0;
            fields >> key >> expected[key];
        }
        CHECK(expected.size() == static_cast<std::size_t>(c.images));
        for (std::int64_t i = 0; i < source.size(); ++i)
            CHECK(expected.at(source.file().key(source.record(i))) ==
                  source.layout().classes[static_cast<std::size_t>(source.label(i))]);
    }
    // Six images of each of twelve, as its record 0 and the records of the identities say.
    const RecordSource described(*root / "insightface_layout" / "train.rec");
    CHECK(described.layout().identity_records == 12);
    for (std::int64_t i = 0; i < 72; ++i)
        CHECK(described.label(i) == i / 6);
    // Nine labels a record: the class is the first, the rest stays readable.
    const RecordFile boxes(*root / "vector_label" / "train.rec");
    const auto payload = boxes.read(1);
    const auto record = lafs::parse_image_record(payload.bytes(), "");
    CHECK(record.flag == 9);
    CHECK(record.label_at(2) == 800.0f);
    CHECK(record.label_at(8) == 0.6566604127579737f);
    check_contains(message_of([&] { RecordSource source(*root / "not_images" / "val.rec"); }),
                   "holds no images: none of 10000 records");
}
