#include <lafs/io/zip_archive.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include "zip_bytes.hpp"

using lafs::ZipArchive;
using lafs_test::little;
using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;
using lafs_test::zip_bytes;
using lafs_test::ZipEntry;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Opens the bytes and reads every member, comparing checksums.
void read_all(const std::filesystem::path& path) {
    const auto archive = ZipArchive::open(path);
    for (const auto& member : archive.members())
        archive.checked_bytes(member);
}

}  // namespace

TEST_CASE("CRC-32 has its published check value", "[io]") {
    const std::string check = "123456789", longer(1003, 'x');
    CHECK(lafs::crc32(std::as_bytes(std::span(check))) == 0xCBF43926);
    CHECK(lafs::crc32({}) == 0);
    for (const std::size_t length : {1u, 7u, 8u, 9u, 1003u})
        CHECK(lafs::crc32(std::as_bytes(std::span(longer).first(length))) ==
              lafs_test::plain_crc32(longer.substr(0, length)));
}

TEST_CASE("stored members are read in every layout", "[io]") {
    const TemporaryFolder folder;
    const auto path = folder / "a.zip";
    ZipEntry second{"m/data/0", std::string("\0\1PK\5\6", 6)};
    for (const bool descriptor : {false, true})
        for (const bool zip64 : {false, true})
            for (const std::size_t alignment : {1u, 64u}) {
                second.descriptor = descriptor;
                second.zip64 = zip64;
                write_text(path, zip_bytes({{"m/data.pkl", "abc"}, second, {"m/", ""}}, zip64, alignment));
                const auto archive = ZipArchive::open(path);
                REQUIRE(archive.members().size() == 3);
                REQUIRE(archive.find("m/data/0"));
                CHECK(archive.find("data/0") == nullptr);
                CHECK(text_of(archive.checked_bytes(*archive.find("m/data.pkl"))) == "abc");
                CHECK(text_of(archive.checked_bytes(*archive.find("m/data/0"))) == second.content);
                CHECK(archive.checked_bytes(*archive.find("m/")).empty());
                if (alignment == 64)
                    CHECK(archive.find("m/data/0")->data % 64 == 0);
            }
    // A comment may hold what ends an archive.
    std::string commented = zip_bytes({{"x", "1"}});
    commented[commented.size() - 2] = 22;
    write_text(path, commented + "PK\5\6" + std::string(18, '\1'));
    CHECK(ZipArchive::open(path).members().size() == 1);
    write_text(path, zip_bytes({}));
    CHECK(ZipArchive::open(path).members().empty());
}

TEST_CASE("hostile zip archives end in a message", "[io]") {
    const TemporaryFolder folder;
    const auto path = folder / "bad.zip";
    const auto refused = [&](const std::string& content, const std::string& expected) {
        write_text(path, content);
        const std::string message = message_of([&] { read_all(path); });
        INFO(message);
        CHECK(mentions(message, "bad.zip"));
        CHECK(mentions(message, expected));
    };
    const ZipEntry good{"a", "content"};
    refused("", "0 bytes");
    refused("PK\3\4 and no more", "cut off");

    // A zip bomb: what would grow is not unpacked.
    ZipEntry bomb = good;
    bomb.method = 8;
    bomb.size = 4'000'000'000;
    refused(zip_bytes({bomb}), "\"a\" is compressed (7 bytes, to become 4000000000)");
    bomb.method = 0;
    refused(zip_bytes({bomb}), "stored as 7 bytes but has 4000000000");
    ZipEntry wrong = good;
    wrong.crc_error = 1;
    refused(zip_bytes({wrong}), "\"a\" at byte 31 is damaged: its CRC-32");

    refused(zip_bytes({good, good}), "\"a\" is there twice");
    ZipEntry shared{"b", "content"};
    shared.header = 0;
    refused(zip_bytes({good, shared}), "the local header is of \"a\", the directory says \"b\"");
    // The second member's header stands inside the first one's content.
    const std::string inner = zip_bytes({{"b", "12345678"}}).substr(0, 39);
    ZipEntry outer{"a", inner}, hidden{"b", "12345678"};
    hidden.header = 31;
    refused(zip_bytes({outer, hidden}), "\"b\" overlaps \"a\"");
    hidden.header = 1'000'000;
    refused(zip_bytes({outer, hidden}), "expected the local header of \"b\"");
    hidden.header = UINT64_MAX;
    hidden.local_name = "c";
    refused(zip_bytes({outer, hidden}), "the local header is of \"c\"");

    const std::string whole = zip_bytes({good});
    const std::size_t entry = whole.find("PK\1\2"), end = whole.find("PK\5\6");
    const auto with = [&](std::size_t at, const std::string& bytes) {
        return whole.substr(0, at) + bytes + whole.substr(at + bytes.size());
    };
    refused(with(entry, "XX"), "expected an entry of the directory");
    refused(with(entry + 20, little(1000, 4)), "reaches past byte " + std::to_string(entry));
    refused(with(entry + 20, little(UINT32_MAX, 4)), "reaches past byte");
    refused(with(entry + 28, little(65535, 2)), "the archive ends, expected 65535 more bytes");
    refused(with(entry + 30, little(65535, 2)), "archive ends");
    refused(with(end + 10, little(3, 2)), "got 3 members in a directory of 47 bytes");
    refused(with(end + 12, little(UINT32_MAX, 4)), "got a directory of 4294967295 bytes");
    refused(with(end + 16, little(UINT32_MAX, 4)), "at byte 4294967295, expected it before byte");
    refused(with(0, "XX"), "expected the local header of \"a\"");

    ZipEntry large = good;
    large.zip64 = true;
    const std::string whole64 = zip_bytes({large}, true);
    const std::size_t extra = whole64.find(little(1, 2) + little(24, 2) + little(7, 8));
    refused(std::string(whole64).replace(extra + 2, 2, little(8, 2)), "the zip64 field has 8 bytes");
    refused(std::string(whole64).replace(extra + 2, 2, little(25, 2)), "an extra field of 25 bytes");
    refused(std::string(whole64).replace(extra + 12, 8, little(UINT64_MAX, 8)), "reaches past");
    const std::size_t locator = whole64.find("PK\6\7");
    refused(std::string(whole64).replace(locator + 8, 8, little(UINT64_MAX - 3, 8)), "no zip64 directory");
    refused(std::string(whole64).replace(locator + 8, 8, little(5, 8)), "no zip64 directory");
    refused(std::string(whole64).replace(locator - 8, 8, little(UINT64_MAX - 3, 8)), "got a directory of");
    refused(std::string(whole64).replace(locator - 24, 8, little(UINT64_MAX / 2, 8)), "members in a");
}

TEST_CASE("every truncation and every flipped bit of an archive is refused or harmless", "[io]") {
    const TemporaryFolder folder;
    const auto path = folder / "x.zip";
    const std::string whole = zip_bytes({{"m/data.pkl", "some content"}, {"m/data/0", "more of it"}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        write_text(path, whole.substr(0, size));
        CHECK(!message_of([&] { read_all(path); }).empty());
    }
    int content_flips = 0;
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
        std::string flipped = whole;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
        write_text(path, flipped);
        const std::string message = message_of([&] { read_all(path); });
        if (bit / 8 >= 40 && bit / 8 < 52)
            content_flips += mentions(message, "\"m/data.pkl\" at byte 40 is damaged");
    }
    CHECK(content_flips == 12 * 8);
}
