#include <lafs/io/pytorch_writer.hpp>
#include <lafs/io/weights_file.hpp>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"

using lafs::DType;
using lafs::open_weights;
using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;

TEST_CASE("the content of a file decides, not its name", "[io]") {
    TemporaryFolder folder;
    const std::vector<float> values = {1.5f, -2.0f, 3.0f};
    lafs::SafetensorsWriter safetensors;
    safetensors.metadata("colour_order", "BGR");
    safetensors.add("a.b", {3}, values);
    safetensors.save(folder / "x.pth");
    lafs::PyTorchWriter pytorch;
    pytorch.add_bytes("a.b", DType::float32, {3}, std::as_bytes(std::span(values)));
    pytorch.save(folder / "x.safetensors");

    const auto first = open_weights(folder / "x.pth"), second = open_weights(folder / "x.safetensors");
    CHECK(std::string(first.format()) == "safetensors file");
    CHECK(std::string(second.format()) == "PyTorch checkpoint");
    CHECK(first.metadata().at("colour_order") == "BGR");
    CHECK(second.metadata().empty());
    CHECK(second.path() == folder / "x.safetensors");
    for (const lafs::WeightsFile* file : {&first, &second}) {
        CHECK(file->names() == std::vector<std::string>{"a.b"});
        CHECK(file->contains("a.b"));
        CHECK(!file->contains("a"));
        CHECK(file->info("a.b").dtype == DType::float32);
        CHECK(file->info("a.b").shape == std::vector<std::int64_t>{3});
        CHECK(file->info("a.b").bytes() == 12);
        CHECK(file->read<float>("a.b") == values);
        CHECK(file->read<double>("a.b") == std::vector<double>{1.5, -2.0, 3.0});
        const auto bytes = file->read_bytes("a.b");
        CHECK(std::memcmp(bytes.data(), values.data(), 12) == 0);
        CHECK(bytes.size() == 12);
        CHECK_THROWS_AS(file->read<std::int64_t>("a.b"), lafs::Error);
        CHECK_THROWS_AS(file->read<float>("a"), lafs::Error);
        CHECK_THROWS_AS(file->info("a"), lafs::Error);
        std::vector<float> two(2);
        CHECK_THROWS_AS(file->read("a.b", std::span<float>(two)), lafs::Error);
    }
}

TEST_CASE("a header as long as another format's mark is a header", "[io]") {
    TemporaryFolder folder;
    // 0x80 begins a pickle, "PK" (0x4B50) a zip archive.
    for (const std::size_t length : {std::size_t{0x80}, std::size_t{0x180}, std::size_t{0x4B50}}) {
        std::string header = "{}";
        header.resize(length, ' ');
        std::string bytes(8, '\0');
        bytes[0] = static_cast<char>(length & 0xFF);
        bytes[1] = static_cast<char>(length >> 8);
        lafs_test::write_text(folder / "x", bytes + header);
        CHECK(std::string(open_weights(folder / "x").format()) == "safetensors file");
    }
}

TEST_CASE("every element type is read as it is stored", "[io]") {
    TemporaryFolder folder;
    std::vector<std::byte> content;
    for (int i = 0; i < 16; ++i)
        content.push_back(static_cast<std::byte>(i & 1));
    lafs::SafetensorsWriter safetensors;
    lafs::PyTorchWriter pytorch;
    for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
        const auto type = static_cast<DType>(i);
        const auto count = static_cast<std::int64_t>(content.size() / lafs::size_of(type));
        safetensors.add_bytes(lafs::name(type), type, {count, 1}, content);
        pytorch.add_bytes(lafs::name(type), type, {count, 1}, content);
    }
    safetensors.save(folder / "a");
    pytorch.save(folder / "b");
    for (const char* name : {"a", "b"}) {
        const auto file = open_weights(folder / name);
        CHECK(file.names().size() == 10);
        for (const std::string& tensor : file.names()) {
            INFO(name << ' ' << tensor);
            CHECK(lafs::name(file.info(tensor).dtype) == tensor);
            CHECK(file.read_bytes(tensor) == content);
        }
    }
}

TEST_CASE("what is no file of weights is named", "[io]") {
    TemporaryFolder folder;
    const auto message = [&](const std::string& content) {
        lafs_test::write_text(folder / "model.pth", content);
        const std::string text = message_of([&] { open_weights(folder / "model.pth"); });
        CHECK(mentions(text, "model.pth"));
        return text;
    };
    CHECK(mentions(message(""), "is an empty file, expected a safetensors file or a PyTorch checkpoint"));
    CHECK(mentions(message("not weights"), "a file of 11 bytes that begins with 6e 6f 74 20 77 65 69 67"));
    CHECK(mentions(message("a"), "a file of 1 bytes that begins with 61,"));
    CHECK(mentions(message("<!DOCTYPE html><html>"), "a web page"));
    CHECK(mentions(message("version https://git-lfs.github.com/spec/v1\noid"), "Git LFS pointer"));
    CHECK(mentions(message("\xFF\xD8\xFF\xE0"), "a JPEG image"));
    CHECK(mentions(message("\x89PNG\r\n\x1A\n"), "a PNG image"));
    CHECK(mentions(message("\x89HDF\r\n"), "HDF5"));
    CHECK(mentions(message("\x1F\x8B\x08"), "gzip"));
    CHECK(mentions(message(std::string("\x93NUMPY\x01\0", 8)), "NumPy"));
    CHECK(mentions(message("PK\x03\x04 and nothing else"), "zip"));
    CHECK(mentions(message(std::string("\x10\0\0\0\0\0\0\0{\"a\"", 12)),
                   "header of 16 bytes, expected at most 4"));
    CHECK(mentions(message_of([&] { open_weights(folder / "absent.pth"); }), "absent.pth"));
    CHECK(mentions(message_of([&] { open_weights(folder.path()); }), "not a regular file"));
}

TEST_CASE("files of other people are told apart", "[io]") {
    const auto root = lafs_test::shared("data/checkpoints");
    if (!root)
        return;
    CHECK(mentions(message_of([&] { open_weights(*root / "legacy_not_zip.pt"); }), "PyTorch before 1.6"));
    CHECK(
        mentions(message_of([&] { open_weights(*root / "whole_pickled_model.pt"); }), "whole pickled model"));
    CHECK(std::string(open_weights(*root / "vit_small.pth").format()) == "PyTorch checkpoint");
    CHECK(open_weights(*root / "tiny.safetensors").info("fc1.weight").shape ==
          std::vector<std::int64_t>{20, 10});
}
