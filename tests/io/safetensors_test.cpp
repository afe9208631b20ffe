#include <cmath>
#include <cstdint>
#include <lafs/io/safetensors.hpp>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::DType;
using lafs::SafetensorsFile;
using lafs::SafetensorsWriter;
using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

namespace {

std::string length_bytes(std::uint64_t length) {
    std::string bytes(8, '\0');
    for (int i = 0; i < 8; ++i)
        bytes[static_cast<std::size_t>(i)] = static_cast<char>(length >> 8 * i);
    return bytes;
}

std::string file_of(const std::string& header, std::size_t data) {
    return length_bytes(header.size()) + header + std::string(data, '\1');
}

}  // namespace

TEST_CASE("a safetensors file has the bytes that the reference implementation writes", "[io]") {
    TemporaryFolder folder;
    const std::vector<float> weight = {1.0f, -2.0f};
    const std::vector<std::uint8_t> truth = {1, 0};
    SafetensorsWriter writer;
    writer.metadata("colour", "RGB");
    writer.add("u8", {3}, std::vector<std::uint8_t>{1, 2, 3});
    writer.add_bytes("bool", DType::boolean, {2}, std::as_bytes(std::span(truth)));
    writer.add("i8", {1}, std::vector<std::int8_t>{-1});
    writer.add("a.i32", {2}, std::vector<std::int32_t>{5, -6});
    writer.add("d.i16", {1}, std::vector<std::int16_t>{7});
    writer.add("\u00e9\"\n", {0, 2}, std::vector<float>{});
    writer.add("b.f32", {2, 1}, weight);
    writer.add("c.f16", {3}, std::vector<lafs::half>{lafs::half(1.0f), lafs::half(2.0f), lafs::half(3.0f)});
    writer.add("y.f64", {1}, std::vector<double>{0.5});
    writer.add("z.i64", {}, std::vector<std::int64_t>{-3});
    writer.save(folder / "x.safetensors");
    // The output of safetensors.numpy.save, version 0.8.0, for the same tensors.
    const std::string header =
        R"({"__metadata__":{"colour":"RGB"},"z.i64":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
        R"("y.f64":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},)"
        R"("b.f32":{"dtype":"F32","shape":[2,1],"data_offsets":[16,24]},)"
        "\"\u00e9\\\"\\n\":"
        R"({"dtype":"F32","shape":[0,2],"data_offsets":[24,24]},)"
        R"("a.i32":{"dtype":"I32","shape":[2],"data_offsets":[24,32]},)"
        R"("c.f16":{"dtype":"F16","shape":[3],"data_offsets":[32,38]},)"
        R"("d.i16":{"dtype":"I16","shape":[1],"data_offsets":[38,40]},)"
        R"("i8":{"dtype":"I8","shape":[1],"data_offsets":[40,41]},)"
        R"("u8":{"dtype":"U8","shape":[3],"data_offsets":[41,44]},)"
        R"("bool":{"dtype":"BOOL","shape":[2],"data_offsets":[44,46]}})";
    CHECK(header.size() == 616);
    const std::string data(
        "\xFD\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x00\x00\x00\x00\x00\xE0\x3F\x00\x00\x80\x3F\x00\x00\x00\xC0"
        "\x05\x00\x00\x00\xFA\xFF\xFF\xFF\x00\x3C\x00\x40\x00\x42\x07\x00\xFF\x01\x02\x03\x01\x00",
        46);
    CHECK(lafs_test::read_text(folder / "x.safetensors") == length_bytes(616) + header + data);
}

TEST_CASE("a header is filled up with spaces to 8 bytes", "[io]") {
    TemporaryFolder folder;
    for (int length = 1; length <= 8; ++length) {
        const std::string name(static_cast<std::size_t>(length), 'n');
        SafetensorsWriter writer;
        writer.add(name, {1}, std::vector<std::uint8_t>{9});
        writer.save(folder / "x");
        std::string header = "{\"" + name + R"(":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
        header.resize((header.size() + 7) / 8 * 8, ' ');
        CHECK(lafs_test::read_text(folder / "x") == length_bytes(header.size()) + header + "\x09");
    }
}

TEST_CASE("tensors and texts come back, converted when asked", "[io]") {
    TemporaryFolder folder;
    const auto path = folder / "x.safetensors";
    const std::vector<double> d = {0.1, 1e300, -0.0};
    const std::vector<lafs::half> h = {lafs::half(0.5f), lafs::half(-65504.0f)};
    const std::vector<lafs::bfloat16> b = {lafs::bfloat16(3.0f)};
    const std::vector<std::uint8_t> u = {0, 7, 255};
    SafetensorsWriter writer;
    writer.metadata("quote\"", "line\nümlaut");
    writer.add("d", {3}, d);
    writer.add("h", {1, 2}, std::span<const lafs::half>(h));
    writer.add("b", {1}, b);
    writer.add("u", {3, 1}, u);
    writer.add("empty", {4, 0, 2}, std::vector<float>{});
    writer.add("i", {2}, std::vector<std::int32_t>{-1, 300});
    CHECK_THROWS_AS(writer.add("d", {3}, d), lafs::Error);
    CHECK_THROWS_AS(writer.add("bad", {4}, d), lafs::Error);
    CHECK_THROWS_AS(writer.add("bad", {-3}, d), lafs::Error);
    writer.save(path);

    const auto file = SafetensorsFile::open(path);
    CHECK(file.metadata().size() == 1);
    CHECK(file.metadata("quote\"") == "line\nümlaut");
    CHECK_THROWS_AS(file.metadata("none"), lafs::Error);
    CHECK(file.names() == std::vector<std::string>{"b", "d", "empty", "h", "i", "u"});
    CHECK(file.info("h").dtype == DType::float16);
    CHECK(file.info("h").shape == std::vector<std::int64_t>{1, 2});
    CHECK(file.read<double>("d") == d);
    CHECK(file.read<float>("d")[0] == 0.1f);
    CHECK(std::isinf(file.read<float>("d")[1]));
    CHECK(file.read<float>("h") == std::vector<float>{0.5f, -65504.0f});
    CHECK(file.read<lafs::bfloat16>("h")[0].bits == 0x3F00);
    CHECK(file.read<double>("b") == std::vector<double>{3.0});
    CHECK(file.read<float>("empty").empty());
    CHECK(file.read<std::int64_t>("u") == std::vector<std::int64_t>{0, 7, 255});
    CHECK(file.read<std::int64_t>("i") == std::vector<std::int64_t>{-1, 300});
    CHECK_THROWS_AS(file.read<std::uint8_t>("i"), lafs::Error);
    CHECK_THROWS_AS(file.read<float>("i"), lafs::Error);
    CHECK_THROWS_AS(file.read<std::int32_t>("d"), lafs::Error);
    CHECK(mentions(message_of([&] { file.read<float>("none"); }), "none"));
    std::vector<float> short_buffer(2);
    CHECK_THROWS_AS(file.read("d", std::span<float>(short_buffer)), lafs::Error);
}

TEST_CASE("a text that is no UTF-8 is refused and the old file stays", "[io]") {
    TemporaryFolder folder;
    lafs_test::write_text(folder / "x", "old");
    SafetensorsWriter writer;
    writer.metadata("key", "\xFF\xFE");
    CHECK_THROWS_AS(writer.save(folder / "x"), lafs::Error);
    CHECK(lafs_test::read_text(folder / "x") == "old");
}

TEST_CASE("hostile safetensors files end in a message", "[io]") {
    TemporaryFolder folder;
    const auto path = folder / "bad.safetensors";
    const auto refused = [&](const std::string& content, const std::string& expected) {
        lafs_test::write_text(path, content);
        const std::string message = message_of([&] { SafetensorsFile::open(path); });
        INFO(message);
        CHECK(mentions(message, "bad.safetensors"));
        CHECK(mentions(message, expected));
    };
    const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
        return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
    };
    const std::string good = R"({"a":)" + tensor("F32", "[2]", "[0,8]");

    lafs_test::write_text(path, file_of(good + "}", 8));
    CHECK(SafetensorsFile::open(path).names().size() == 1);
    lafs_test::write_text(path, file_of("{}", 0));
    CHECK(SafetensorsFile::open(path).names().empty());

    refused("", "0 bytes");
    refused("1234567", "7 bytes");
    refused(length_bytes(100) + "{}", "header of 100 bytes");
    refused(length_bytes(UINT64_MAX) + "{}", "header of 18446744073709551615 bytes");
    refused(length_bytes(0), "not a JSON object");
    refused(file_of("[]", 0), "not a JSON object");
    refused(file_of("{", 0), "valid JSON");
    refused(file_of("{} x", 0), "valid JSON");
    refused(file_of(good + "}", 7), "past the 7 bytes");
    refused(file_of(good + "}", 9), "the file holds 9");
    refused(file_of(good + R"(,"a":)" + tensor("F32", "[2]", "[8,16]") + "}", 16), "twice");
    refused(file_of(good + R"(,"b":)" + tensor("F32", "[2]", "[4,12]") + "}", 12), "start at 8");
    refused(file_of(good + R"(,"b":)" + tensor("F32", "[2]", "[0,8]") + "}", 8), "start at 8");
    refused(file_of(good + R"(,"b":)" + tensor("F32", "[1]", "[12,16]") + "}", 16), "start at 8");
    refused(file_of(R"({"a":)" + tensor("F32", "[3]", "[0,8]") + "}", 8), "expected 12 bytes");
    refused(file_of(R"({"a":)" + tensor("F32", "[-2]", "[0,8]") + "}", 8), "-2");
    refused(file_of(R"({"a":)" + tensor("F32", "[2.0]", "[0,8]") + "}", 8), "2.0");
    refused(file_of(R"({"a":)" + tensor("F32", "[4611686018427387904,4]", "[0,0]") + "}", 0), "2^64");
    refused(file_of(R"({"a":)" + tensor("F32", "[99999999999999999999]", "[0,0]") + "}", 0), "9999999");
    refused(file_of(R"({"a":)" + tensor("F32", "[18446744073709551615]", "[0,0]") + "}", 0), "2^63");
    refused(file_of(R"({"a":)" + tensor("F32", "[2]", "[8,0]") + "}", 8), "start at 0");
    refused(file_of(R"({"a":)" + tensor("F32", "[2]", "[0,8,8]") + "}", 8), "3 numbers");
    refused(file_of(R"({"a":)" + tensor("C64", "[1]", "[0,8]") + "}", 8), "C64");
    refused(file_of(R"({"a":)" + tensor("F32", "[[2]]", "[0,8]") + "}", 8), "array");
    refused(file_of(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "incomplete");
    refused(file_of(R"({"a":{"dtype":"F32","dtype":"F32"}})", 8), "twice");
    refused(file_of(R"({"a":{"dtype":3}})", 0), "number 3");
    refused(file_of(R"({"a":{"other":{}}})", 0), "unknown key");
    refused(file_of(R"({"a":null})", 0), "null");
    refused(file_of(R"({"a":"b"})", 0), "text");
    refused(file_of(R"({"__metadata__":{"k":1}})", 0), "number 1");
    refused(file_of(R"({"__metadata__":{"k":"v","k":"v"}})", 0), "twice");
    refused(file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "twice");
    refused(file_of("{\"a\xFF\":{}}", 0), "valid JSON");
    // Endless nesting must cost neither stack nor memory.
    refused(file_of(R"({"a":)" + std::string(5'000'000, '['), 0), "array");
    refused(file_of(R"({"a":)" + std::string(1000, '{'), 0), "valid JSON");
}

TEST_CASE("every truncation of a file is refused", "[io]") {
    TemporaryFolder folder;
    SafetensorsWriter writer;
    writer.metadata("k", "v");
    writer.add("a", {3}, std::vector<float>{1, 2, 3});
    writer.save(folder / "whole");
    const std::string whole = lafs_test::read_text(folder / "whole");
    int accepted = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        lafs_test::write_text(folder / "part", whole.substr(0, size));
        accepted += message_of([&] { SafetensorsFile::open(folder / "part"); }).empty();
    }
    CHECK(accepted == 0);
}

TEST_CASE("what is no regular file is refused", "[io]") {
    TemporaryFolder folder;
    CHECK_THROWS_AS(SafetensorsFile::open(folder / "missing"), lafs::Error);
    CHECK_THROWS_AS(SafetensorsFile::open(folder.path()), lafs::Error);
    CHECK_THROWS_AS(SafetensorsFile::open("/dev/zero"), lafs::Error);
}

TEST_CASE("the reference files read", "[io]") {
    for (const char* name : {"reference", "data/checkpoints"}) {
        const auto root = lafs_test::shared(name);
        if (!root)
            continue;
        int files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(*root)) {
            if (entry.path().extension() != ".safetensors")
                continue;
            const auto file = SafetensorsFile::open(entry.path());
            CHECK(!file.names().empty());
            ++files;
        }
        CHECK(files >= 2);
    }
    if (const auto root = lafs_test::shared("reference")) {
        // The schedule's published formula gives these values without the file.
        const auto file = SafetensorsFile::open(*root / "08_schedules.safetensors");
        const auto schedule = file.read<double>("cosine1");
        REQUIRE(schedule.size() == 41 * 7);
        for (std::size_t i = 0; i < schedule.size(); ++i) {
            const double angle = std::acos(-1.0) * static_cast<double>(i) / 287;
            CHECK(schedule[i] == Approx(0.4 + (0.04 - 0.4) * (1 + std::cos(angle)) / 2).epsilon(1e-9));
        }
        const auto patches = SafetensorsFile::open(*root / "01_landmark_patches.safetensors");
        CHECK(patches.metadata("patch") == "8");
        CHECK(patches.read<float>("images").size() == patches.info("images").elements());
    }
}
