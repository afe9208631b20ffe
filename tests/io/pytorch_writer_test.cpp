#include <lafs/io/pytorch_checkpoint.hpp>
#include <lafs/io/pytorch_writer.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::DType;
using lafs::PyTorchWriter;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

namespace {

std::string little_endian(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i)
        text += static_cast<char>(value >> 8 * i);
    return text;
}

/// A text that may hold zeros.
template <std::size_t size>
std::string literal(const char (&text)[size]) {
    return {text, size - 1};
}

/// A local header and its member; `fill` bytes of padding.
std::string local_member(const std::string& name, const std::string& data, std::uint32_t crc,
                         std::size_t fill) {
    return "PK\x03\x04" + little_endian(20, 2) + little_endian(0x800, 2) + little_endian(0, 6) +
           little_endian(crc, 4) + little_endian(data.size(), 4) + little_endian(data.size(), 4) +
           little_endian(name.size(), 2) + little_endian(fill + 4, 2) + name + "FB" + little_endian(fill, 2) +
           std::string(fill, 'Z') + data;
}

std::string directory_entry(const std::string& name, const std::string& data, std::uint32_t crc,
                            std::size_t offset) {
    return "PK\x01\x02" + little_endian(20, 2) + little_endian(20, 2) + little_endian(0x800, 2) +
           little_endian(0, 6) + little_endian(crc, 4) + little_endian(data.size(), 4) +
           little_endian(data.size(), 4) + little_endian(name.size(), 2) + std::string(12, '\0') +
           little_endian(offset, 4) + name;
}

std::string data_of(const std::vector<float>& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace

TEST_CASE("a checkpoint has the bytes of the format", "[io]") {
    TemporaryFolder folder;
    const std::vector<float> values = {1.0f, 2.0f};
    PyTorchWriter writer;
    writer.add_bytes("a.w", DType::float32, {1, 2}, std::as_bytes(std::span(values)));
    writer.save(folder / "x.pth");
    // Written down from the pickle and zip specifications; checksums by Python's zlib.crc32.
    const std::string pickle = literal(
                                   "\x80\x02"
                                   "ccollections\nOrderedDict\n)R("
                                   "X\x03\0\0\0"
                                   "a.w") +
                               literal(
                                   "ctorch._utils\n_rebuild_tensor_v2\n"
                                   "((X\x07\0\0\0storage"
                                   "ctorch\nFloatStorage\n") +
                               literal(
                                   "X\x01\0\0\0"
                                   "0"
                                   "X\x03\0\0\0"
                                   "cpu"
                                   "K\x02"
                                   "tQ"
                                   "K\0"
                                   "(K\x01K\x02t"
                                   "(K\x02K\x01t") +
                               literal(
                                   "\x89"
                                   "ccollections\nOrderedDict\n)R"
                                   "tR"
                                   "u.");
    const std::string data = data_of(values);
    struct Member {
        std::string name, bytes;
        std::uint32_t crc;
    };
    const Member members[] = {{"archive/data.pkl", pickle, 0},
                              {"archive/byteorder", "little", 0x19E33D85},
                              {"archive/data/0", data, 0},
                              {"archive/version", "3\n", 0x55679ED1}};
    const std::string written = lafs_test::read_text(folder / "x.pth");
    std::string expected, directory;
    for (const Member& member : members) {
        std::uint32_t crc = member.crc;
        if (crc == 0)
            crc = lafs::crc32(std::as_bytes(std::span(member.bytes)));
        const std::size_t offset = expected.size();
        const std::size_t fill = (64 - (offset + 34 + member.name.size()) % 64) % 64;
        directory += directory_entry(member.name, member.bytes, crc, offset);
        expected += local_member(member.name, member.bytes, crc, fill);
        CHECK((expected.size() - member.bytes.size()) % 64 == 0);
    }
    const std::string end = std::string("PK\x05\x06\0\0\0\0", 8) + little_endian(4, 2) + little_endian(4, 2) +
                            little_endian(directory.size(), 4) + little_endian(expected.size(), 4) +
                            little_endian(0, 2);
    CHECK(written == expected + directory + end);
}

TEST_CASE("a checkpoint that was written is read", "[io]") {
    TemporaryFolder folder;
    const std::vector<float> values = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
    const std::vector<std::int64_t> count = {-7};
    const std::vector<std::uint8_t> many(70'000, 3);
    PyTorchWriter writer;
    writer.add_bytes("w", DType::float32, {2, 1, 3}, std::as_bytes(std::span(values)));
    writer.add_bytes("batches", DType::int64, {}, std::as_bytes(std::span(count)));
    writer.add_bytes("empty", DType::float64, {4, 0}, {});
    writer.add_bytes("many", DType::uint8, {70'000}, std::as_bytes(std::span(many)));
    writer.save(folder / "x.pth");
    const auto file = lafs::PyTorchCheckpoint::open(folder / "x.pth");
    CHECK(file.names() == std::vector<std::string>{"batches", "empty", "many", "w"});
    CHECK(file.read<float>("w") == values);
    CHECK(file.read<std::int64_t>("batches") == count);
    CHECK(file.read<std::uint8_t>("many") == many);
    CHECK(file.read<double>("empty").empty());
    const auto shape = file.info("w").shape;
    CHECK(std::vector<std::int64_t>(shape.begin(), shape.end()) == std::vector<std::int64_t>{2, 1, 3});
    CHECK(file.skipped().empty());
}

TEST_CASE("a checkpoint refuses what it cannot hold, and leaves the old file", "[io]") {
    TemporaryFolder folder;
    const std::vector<float> values = {1.0f, 2.0f};
    const auto bytes = std::as_bytes(std::span(values));
    PyTorchWriter writer;
    writer.add_bytes("a", DType::float32, {2}, bytes);
    CHECK(message_of([&] { writer.add_bytes("a", DType::float32, {2}, bytes); }) ==
          "[checkpoint] the tensor \"a\" was added twice");
    CHECK_THROWS_AS(writer.add_bytes("b", DType::float32, {3}, bytes), lafs::Error);
    CHECK_THROWS_AS(writer.add_bytes("b", DType::float32, {-2}, bytes), lafs::Error);
    CHECK_THROWS_AS(writer.add_bytes("b", DType::float32, {INT64_MAX, 4}, bytes), lafs::Error);
    lafs_test::write_text(folder / "x.pth", "old");
    PyTorchWriter large;
    for (int i = 0; i < 66'000; ++i)
        large.add_bytes(std::to_string(i), DType::float32, {0}, {});
    const std::string message = message_of([&] { large.save(folder / "x.pth"); });
    CHECK(message.find("expected less than 4 GB and 65535") != std::string::npos);
    // More than 4 GB, of memory that is not there to be read: refused before a byte of it is looked at.
    PyTorchWriter huge;
    huge.add_bytes("a", DType::uint8, {std::int64_t{1} << 32}, {bytes.data(), std::size_t{1} << 32});
    CHECK(message_of([&] { huge.save(folder / "x.pth"); }).find("expected less than 4 GB") !=
          std::string::npos);
    CHECK(lafs_test::read_text(folder / "x.pth") == "old");
    CHECK(lafs_test::count_entries(folder.path()) == 1);
    CHECK(message_of([&] { writer.save(folder / "absent" / "x.pth"); }).find("cannot create") !=
          std::string::npos);
}
