#include <unistd.h>

#include <lafs/data/property.hpp>
#include <lafs/data/record_header.hpp>
#include <lafs/data/record_io.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "record_bytes.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::RecordFile;
using lafs::RecordWriter;
using lafs_test::check_contains;
using lafs_test::magic_bytes;
using lafs_test::message_of;
using lafs_test::part;
using lafs_test::read_text;
using lafs_test::TemporaryFolder;
using lafs_test::u32;
using lafs_test::write_text;

namespace {

std::string text_of(const lafs::RecordPayload& payload) {
    return {reinterpret_cast<const char*>(payload.bytes().data()), payload.bytes().size()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

/// What reading record i says.
std::string problem(const RecordFile& file, std::size_t i) {
    return message_of([&] { file.read(i); });
}

}  // namespace

TEST_CASE("a record has the bytes of the format", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "x.rec";
    {
        RecordWriter writer(path);
        writer.add(3, bytes_of("abcde"));
        writer.add(1, bytes_of(""));
        const std::string magic = magic_bytes;
        writer.add(2, bytes_of("abcd" + magic + "ef" + magic + "gh"));  // the second is not aligned
        writer.add(9, bytes_of(magic));
        CHECK(lafs_test::count_entries(folder.path()) == 2);  // only the temporary files
        writer.commit();
    }
    CHECK(lafs_test::count_entries(folder.path()) == 2);
    const std::string expected = part(0, "abcde") + part(0, "") + part(1, "abcd") +
                                 part(3, "ef" + magic_bytes + "gh") + part(1, "") + part(3, "");
    CHECK(read_text(path) == expected);
    CHECK(read_text(folder / "x.idx") == "3\t0\n1\t16\n2\t24\n9\t52\n");

    const RecordFile file(path);
    REQUIRE(file.size() == 4);
    CHECK(file.index_note().empty());
    CHECK(file.key(0) == 3);
    CHECK(file.find(2) == 2);
    CHECK(file.find(9) == 3);
    CHECK(!file.find(4));
    CHECK(text_of(file.read(0)) == "abcde");
    CHECK(text_of(file.read(1)).empty());
    CHECK(text_of(file.read(2)) == "abcd" + magic_bytes + "ef" + magic_bytes + "gh");
    CHECK(text_of(file.read(3)) == magic_bytes);
    CHECK(file.read(2).extent.parts == 2);
    check_contains(problem(file, 4), "got record 4");
}

TEST_CASE("a missing index is made by a scan, with the ids as keys", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "x.rec";
    const auto image = [](std::uint64_t id) { return lafs_test::image_payload(0, id, "picture"); };
    write_text(path, part(0, image(4)) + part(0, image(0)) + part(0, image(7)));
    const RecordFile ids(path);
    check_contains(ids.index_note(), "x.idx is missing");
    CHECK((ids.key(0) == 4 && ids.key(1) == 0 && ids.key(2) == 7));
    CHECK(ids.find(7) == 2);
    ids.write_index(folder / "y.idx");
    CHECK(read_text(folder / "y.idx") == "4\t0\n0\t40\n7\t80\n");

    write_text(path, part(0, image(4)) + part(0, image(4)));  // ids that are no keys
    CHECK(RecordFile(path).key(1) == 1);
    write_text(path, part(0, "no header") + part(0, image(4)));
    CHECK(RecordFile(path).key(1) == 1);
    // Of a writer that does not split: the magic number inside begins no record.
    write_text(path, part(0, "abcd" + magic_bytes + u32(30) + "efgh") + part(0, "next"));
    CHECK(RecordFile(path).size() == 2);
    CHECK(RecordFile(path).read(0).bytes().size() == 16);
    write_text(path, "");
    CHECK(RecordFile(path).size() == 0);
}

TEST_CASE("an index that does not fit is replaced by a scan", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "x.rec";
    write_text(path, part(0, "one") + part(0, "two") + part(0, "three"));  // at 0, 12, 24; 40 bytes
    const auto note = [&](const std::string& index) {
        write_text(folder / "x.idx", index);
        const RecordFile file(path);
        CHECK(file.size() == 3);
        CHECK(text_of(file.read(2)) == "three");
        return file.index_note();
    };
    CHECK(note("0\t0\n1\t12\n2\t24\n").empty());
    CHECK(note("2\t24\r\n0 0\r\n1\t 12\r\n\r\n").empty());
    check_contains(note(""), "x.idx does not fit the records: it is empty");
    check_contains(note("0\t0\n1\t12\n"), "no record reaches from byte 12 (key 1) to byte 40");
    check_contains(note("0\t0\n1\t13\n2\t24\n"), "from byte 0 (key 0) to byte 13");
    check_contains(note("1\t12\n2\t24\n"), "said to begin at byte 12");
    check_contains(note("0\t0\n1\t12\n2\t24\n3\t28\n"), "no record reaches from byte 24");
    check_contains(note("0\t0\n1\t12\n1\t24\n"), "the key 1 appears twice");
    check_contains(note("0\t0\n1\t12\n2\t12\n"), "two keys have the offset 12");
    check_contains(note("0\t0\nx\t12\n"), "x.idx line 2: got \"x?12\", expected key<TAB>offset");
    check_contains(note("0\t0\n1\t99999999999999999999\n"), "line 2");
    check_contains(note("0\t0\n1\t-12\n"), "line 2");
    check_contains(note("0\n"), "line 1");
}

TEST_CASE("a damaged record is named, and costs no other", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "x.rec";
    const std::string good = part(0, "first") + part(0, "second") + part(0, "third") + part(0, "last");
    const std::string index = "0\t0\n1\t16\n2\t32\n3\t48\n";
    const auto check = [&](std::string bytes, std::size_t damaged, const std::string& expected) {
        for (const bool with_index : {true, false}) {
            INFO(expected << (with_index ? " with" : " without") << " an index");
            write_text(path, bytes);
            std::filesystem::remove(folder / "x.idx");
            if (with_index)
                write_text(folder / "x.idx", index);
            const RecordFile file(path);
            CHECK(file.index_note().empty() == with_index);
            REQUIRE(file.size() == 4);
            for (std::size_t i = 0; i < 4; ++i)
                if (i != damaged)
                    CHECK(problem(file, i).empty());
            check_contains(problem(file, damaged), expected);
            check_contains(problem(file, damaged), path.string() + " record " + std::to_string(damaged) +
                                                       " at byte " + std::to_string(16 * damaged));
        }
    };
    const auto changed = [&](std::size_t at, const std::string& bytes) {
        return std::string(good).replace(at, bytes.size(), bytes);
    };
    check(changed(17, "\x22"), 1, "got 0xced7220a at byte 16, expected the magic number 0xced7230a");
    check(changed(20, u32(0x1FFFFFFF)), 1, "got a length of 536870911 bytes at byte 20, expected at most");
    check(changed(20, u32(0xFFFFFFFF)), 1, "got the part flag 7 at byte 20, expected 0 or 1");
    check(changed(20, u32(22)), 1, "got a length of 22 bytes");
    check(changed(20, u32(2u << 29 | 6)), 1, "got the part flag 2 at byte 20, expected 0 or 1");
    check(changed(20, u32(1u << 29 | 6)), 1, "at byte 3");  // the record does not go on
    check(good.substr(0, good.size() - 2), 3, "got a length of 4 bytes at byte 52, expected at most 2");
    check(good.substr(0, 50), 3, "got 2 bytes at byte 48, expected the 8 of a part's header");
}

TEST_CASE("records beyond a cut are named when the index knows them", "[data]") {
    TemporaryFolder folder;
    write_text(folder / "x.rec", part(0, "first"));
    write_text(folder / "x.idx", "0\t0\n1\t16\n2\t32\n");
    const RecordFile file(folder / "x.rec");
    REQUIRE(file.size() == 3);
    CHECK(text_of(file.read(0)) == "first");
    check_contains(problem(file, 2), "record 2 at byte 32: the file ends at byte 16");
}

TEST_CASE("a record that is too short or followed by nothing of the format is damaged", "[data]") {
    TemporaryFolder folder;
    write_text(folder / "x.rec", part(0, "a longer record") + part(0, "b"));
    write_text(folder / "x.idx", "0\t0\n1\t24\n");
    std::string bytes = read_text(folder / "x.rec");
    bytes[4] = 7;  // of 15
    write_text(folder / "x.rec", bytes + "junk");
    const RecordFile file(folder / "x.rec");
    check_contains(problem(file, 0), "it ends at byte 16, expected byte 24 (the next record)");
    check_contains(problem(file, 1), "it ends at byte 36, expected byte 40 (the end of the file)");
}

TEST_CASE("parts without an end, and thousands of them, are no trap", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "x.rec";
    std::string bytes = part(1, "begin");
    for (int i = 0; i < 50000; ++i)
        bytes += part(2, "");
    write_text(path, bytes);
    const RecordFile endless(path);
    CHECK(endless.size() == 1);
    check_contains(problem(endless, 0), "got 0 bytes at byte 400016, expected the 8 of a part's header");
    write_text(path, bytes + part(3, "end"));
    const RecordFile whole(path);
    CHECK(whole.read(0).bytes().size() == 5 + 4 * 50001 + 3);

    // Beginnings that all lead into the same long chain: following each to its end would take hours.
    bytes.clear();
    const std::uint32_t starts = 50000;
    for (std::uint32_t i = 0; i < starts; ++i)
        bytes += magic_bytes + u32(1u << 29 | 8 * (starts - i - 1));
    for (std::uint32_t i = 0; i < starts; ++i)
        bytes += part(2, "");
    write_text(path, bytes);
    CHECK(RecordFile(path).size() == starts);
    check_contains(problem(RecordFile(path), 0), "got a length of 399992 bytes at byte 4");
}

TEST_CASE("files that are no record files, or cannot be read, say so", "[data]") {
    TemporaryFolder folder;
    write_text(folder / "page.rec", "<!DOCTYPE html><p>Sign in</p>");
    check_contains(message_of([&] { RecordFile file(folder / "page.rec"); }), "a web page");
    write_text(folder / "lfs.rec", "version https://git-lfs.github.com/spec/v1\n");
    check_contains(message_of([&] { RecordFile file(folder / "lfs.rec"); }), "git lfs pull");
    check_contains(message_of([&] { RecordFile file(folder / "none.rec"); }), "none.rec\": No such file");
    check_contains(message_of([&] { RecordFile file(folder.path()); }), "not a regular file");
    check_contains(message_of([&] { RecordWriter writer(folder / "x.idx"); }), "expected a name in .rec");
    check_contains(message_of([&] { RecordWriter writer(folder / "no" / "x.rec"); }), "No such file");

    write_text(folder / "locked.rec", part(0, "x"));
    std::filesystem::permissions(folder / "locked.rec", std::filesystem::perms::none);
    const bool root = geteuid() == 0;  // who may read everything, so becomes somebody else
    if (!root || seteuid(65534) == 0) {
        check_contains(message_of([&] { RecordFile file(folder / "locked.rec"); }), "Permission denied");
        if (root)
            REQUIRE(seteuid(0) == 0);
    }
}

TEST_CASE("image records are taken apart and put together", "[data]") {
    const std::string text = lafs_test::image_payload(0.0f, 7, "JPEG", {12.0f, -1.5f});
    const lafs::ImageRecord record = lafs::parse_image_record(bytes_of(text), "here");
    CHECK(record.flag == 2);
    CHECK(record.class_label() == 12.0f);
    CHECK(record.label_at(1) == -1.5f);
    CHECK(record.id == 7);
    CHECK(record.image.size() == 4);
    const float labels[] = {12.0f, -1.5f};
    const auto made = lafs::make_image_record(0.0f, 7, labels, bytes_of("JPEG"));
    CHECK(std::string(reinterpret_cast<const char*>(made.data()), made.size()) == text);

    const auto refused = [&](const std::string& payload, const std::string& expected) {
        check_contains(message_of([&] { lafs::parse_image_record(bytes_of(payload), "here"); }), expected);
    };
    refused("", "here: got 0 bytes, expected at least the 24 of the header");
    refused(text.substr(0, 23), "got 23 bytes");
    refused(text.substr(0, 31), "got 2 labels, expected at most 1");
    refused(u32(0xFFFFFFFF) + text.substr(4), "got 4294967295 labels, expected at most 3");

    const auto range = [](const std::string& payload) {
        return lafs::key_range(lafs::parse_image_record(bytes_of(payload), ""));
    };
    CHECK(range(lafs_test::image_payload(0, 0, "", {73, 85})) == lafs::KeyRange{73, 85});
    CHECK(!range(lafs_test::image_payload(0, 0, "x", {73, 85})));
    CHECK(!range(lafs_test::image_payload(0, 0, "", {85, 73})));
    CHECK(!range(lafs_test::image_payload(0, 0, "", {1.5f, 73})));
    CHECK(!range(lafs_test::image_payload(0, 0, "", {0, 73})));
    CHECK(!range(lafs_test::image_payload(0, 0, "", {1, 73, 4})));
}

TEST_CASE("property files", "[data]") {
    TemporaryFolder folder;
    const auto path = folder / "property";
    const auto read = [&](const std::string& text) {
        write_text(path, text);
        return lafs::read_property(path);
    };
    CHECK(read("85742,112,96") == lafs::SetProperty{85742, 112, 96, std::nullopt});
    CHECK(read("12,112,112\r\n72\r\n") == lafs::SetProperty{12, 112, 112, 72});
    CHECK(read("12, 112, 112\n\n").identities == 12);
    for (const char* text : {"", "12", "12,112", "12;112;112", "12,112,112,3", "0,112,112", "-1,112,112",
                             "12,112,0", "12,112,99999", "x", "12,112,112\n72 x", "12,112,112\n-1"}) {
        INFO(text);
        check_contains(message_of([&] { read(text); }), "expected identities,height,width");
    }
    check_contains(message_of([&] { read(std::string(100000, '1')); }), "property");
    lafs::write_property(path, {12, 112, 112, std::nullopt});
    CHECK(read_text(path) == "12,112,112\n");
    lafs::write_property(path, {12, 112, 96, 72});
    CHECK(read_text(path) == "12,112,96\n72\n");
}

TEST_CASE("the shared record files are read, and their indices made again", "[data]") {
    const auto root = lafs_test::shared("data/recordio");
    if (!root)
        return;
    TemporaryFolder folder;
    struct Case {
        const char* name;
        std::size_t records, parts;  // of all records
    };
    // Counted with an independent reader in Python.
    for (const Case& c : {Case{"faces_small/train", 8, 8}, Case{"faces_testing/testing", 217, 217},
                          Case{"insightface_layout/train", 85, 85}, Case{"split_records/train", 5, 20},
                          Case{"vector_label/train", 12, 12}, Case{"no_index/val", 392, 392},
                          Case{"not_images/val", 10000, 10000}}) {
        INFO(c.name);
        const auto records = *root / (std::string(c.name) + ".rec"), index = lafs::record_index_path(records);
        const bool indexed = std::filesystem::exists(index);
        const RecordFile file(records);
        CHECK(file.index_note().empty() == indexed);
        REQUIRE(file.size() == c.records);
        std::size_t parts = 0;
        std::vector<std::string> payloads;
        for (std::size_t i = 0; i < file.size(); ++i) {
            parts += file.read(i).extent.parts;
            payloads.push_back(text_of(file.read(i)));
        }
        CHECK(parts == c.parts);

        // Without its index, and written again: the same bytes in all three files.
        std::filesystem::copy_file(records, folder / "x.rec",
                                   std::filesystem::copy_options::overwrite_existing);
        std::filesystem::remove(folder / "x.idx");
        const RecordFile scanned(folder / "x.rec");
        scanned.write_index(folder / "scanned.idx");
        RecordWriter writer(folder / "x.rec");
        for (std::size_t i = 0; i < file.size(); ++i)
            writer.add(file.key(i), bytes_of(payloads[i]));
        writer.commit();
        CHECK(read_text(folder / "x.rec") == read_text(records));
        CHECK(read_text(folder / "x.idx") == read_text(folder / "scanned.idx"));
        if (indexed)
            CHECK(read_text(folder / "x.idx") == read_text(index));
    }
}
