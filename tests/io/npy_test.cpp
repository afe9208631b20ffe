#include <cstring>
#include <lafs/io/npy.hpp>
#include <lafs/io/spool_file.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

using lafs_test::check_contains;
using lafs_test::count_entries;
using lafs_test::message_of;
using lafs_test::read_text;
using lafs_test::TemporaryFolder;

namespace {

template <class T>
std::string written(const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
    const TemporaryFolder folder;
    lafs::write_npy(folder / "a.npy", shape, values);
    return read_text(folder / "a.npy");
}

/// A whole file of one block of 128 bytes and data, as numpy.save writes it.
std::string expected(const std::string& dictionary, const std::string& data) {
    std::string header("\x93NUMPY\x01\x00\x76\x00", 10);
    header += dictionary;
    header.resize(127, ' ');
    return header + "\n" + data;
}

}  // namespace

TEST_CASE("npy files have the bytes of numpy.save", "[io]") {
    CHECK(written<float>({2, 3}, {0, 1, -2, 0.5f, 1e10f, 3}) ==
          expected("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                   std::string("\0\0\0\0\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f\xf9\x02\x15\x50\0\0\x40\x40", 24)));
    CHECK(written<lafs::half>({2, 1}, {lafs::half(1.0f), lafs::half(-0.5f)}) ==
          expected("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1), }",
                   std::string("\0\x3c\0\xb8", 4)));
    CHECK(written<std::int64_t>({1}, {-2}) ==
          expected("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }",
                   std::string("\xfe\xff\xff\xff\xff\xff\xff\xff", 8)));
    CHECK(written<std::uint8_t>({}, {7}) ==
          expected("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "\7"));
    CHECK(written<double>({0, 512}, {}) ==
          expected("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 512), }", ""));
    // Many axes: a header of several blocks of 64 bytes.
    const std::vector<std::int64_t> shape(20, 1);
    const std::string long_header = written<std::int16_t>(shape, {5});
    CHECK(long_header.size() % 64 == 2);
    CHECK(long_header.substr(0, 10) == std::string("\x93NUMPY\x01\x00\xb6\x00", 10));
}

TEST_CASE("arrays that do not fit their shape are refused", "[io]") {
    const TemporaryFolder folder;
    const std::vector<float> values(6);
    const std::span<const float> span(values);
    CHECK(message_of([&] {
              lafs::write_npy(folder / "a.npy", {2, 4}, span);
          }).find("has 24 bytes") != std::string::npos);
    CHECK_THROWS_AS(lafs::write_npy(folder / "a.npy", {-2, -3}, span), lafs::Error);
    CHECK_THROWS_AS(lafs::write_npy(folder / "a.npy", {INT64_MAX, INT64_MAX, 6}, span), lafs::Error);
    const std::vector<lafs::bfloat16> brain(1);
    CHECK(message_of([&] {
              lafs::write_npy(folder / "a.npy", {1}, std::span<const lafs::bfloat16>(brain));
          }).find("got bfloat16") != std::string::npos);
    CHECK(count_entries(folder.path()) == 0);
}

TEST_CASE("a tensor comes back from its npy file", "[io]") {
    const TemporaryFolder folder;
    const auto x = lafs::Tensor<float>::from({2, 3}, {0, 1, -2, 0.5f, 1e10f, 3});
    lafs::save_npy(folder / "x.npy", x);
    CHECK(read_text(folder / "x.npy") == written<float>({2, 3}, x.to_vector()));
    const auto y = lafs::load_npy<float>(folder / "x.npy");
    CHECK(y.shape() == x.shape());
    CHECK(y.to_vector() == x.to_vector());
    CHECK(lafs::load_npy<double>(folder / "x.npy").to_vector()[4] == 1e10);
    CHECK(lafs::load_npy<lafs::bfloat16>(folder / "x.npy").at(1, 0) == 0.5f);
    lafs::save_npy(folder / "n.npy", lafs::Tensor<std::int64_t>::from({}, {1LL << 40}));
    CHECK(lafs::load_npy<std::int64_t>(folder / "n.npy").item() == 1LL << 40);
    check_contains(message_of([&] { lafs::load_npy<int>(folder / "n.npy"); }), "does not fit in int32");
    check_contains(message_of([&] { lafs::load_npy<float>(folder / "n.npy"); }),
                   "is int64, expected float32");
    CHECK_THROWS_AS(lafs::save_npy(folder / "u.npy", lafs::Tensor<float>()), lafs::Error);
    CHECK(count_entries(folder.path()) == 2);
}

namespace {

/// A .npy file of a dictionary as NumPy or others write it, in one of the versions.
std::string npy_file(const std::string& dictionary, const std::string& data, char version = 1) {
    std::string file =
        std::string("\x93NUMPY") + version + '\0' + static_cast<char>(dictionary.size()) + '\0';
    if (version > 1)
        file += std::string(2, '\0');
    return file + dictionary + data;
}

template <class T>
lafs::Tensor<T> read_back(const std::string& content) {
    const TemporaryFolder folder;
    lafs_test::write_text(folder / "x.npy", content);
    return lafs::load_npy<T>(folder / "x.npy");
}

}  // namespace

TEST_CASE("npy files of all versions and orders are read", "[io]") {
    const std::string bytes("\1\2\3\4\5\6", 6);
    using Bytes = std::vector<std::uint8_t>;
    for (const char version : {1, 2, 3}) {
        const auto x = read_back<std::uint8_t>(
            npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }   \n", bytes, version));
        CHECK(x.shape() == lafs::Shape{2, 3});
        CHECK(x.to_vector() == Bytes{1, 2, 3, 4, 5, 6});
    }
    const auto turned =
        read_back<int>(npy_file("{'shape': (2L, 3L), 'fortran_order': True, 'descr': '|i1'}", bytes));
    CHECK(turned.shape() == lafs::Shape{2, 3});
    CHECK(turned.to_vector() == std::vector<int>{1, 3, 5, 2, 4, 6});
    const auto cube =
        read_back<int>(npy_file("{'shape': (1, 3, 2), 'fortran_order': True, 'descr': '|i1'}", bytes));
    CHECK(cube.to_vector() == std::vector<int>{1, 4, 2, 5, 3, 6});
    CHECK(read_back<std::uint8_t>(
              npy_file("{\"descr\": \"|b1\", \"fortran_order\": False, \"shape\": ()}", "\1"))
              .item() == 1);
    CHECK(
        read_back<float>(npy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 5)}", "")).shape() ==
        lafs::Shape{0, 5});
}

TEST_CASE("damaged npy files are refused", "[io]") {
    const auto refused = [](const std::string& content, const std::string& message) {
        check_contains(message_of([&] { read_back<float>(content); }), message);
    };
    const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", data(4, '\0');
    CHECK(read_back<float>(npy_file(good, data)).item() == 0);
    refused("", "is no .npy file");
    refused("\x93NUMPX\1\0\0\0", "is no .npy file");
    refused(npy_file(good, data, 4), "got version 4, expected 1 .. 3");
    refused(npy_file(good, "").substr(0, 40), "ends within its header of 55 bytes");
    refused(npy_file(good, data).substr(0, 9), "ends within its header");
    refused(npy_file(good, data + "x"), "has 5 bytes of elements");
    refused(npy_file(good, ""), "has 0 bytes of elements");
    refused(npy_file("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", data), "type \">f4\"");
    refused(npy_file("{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}", data), "type \"<U4\"");
    refused(npy_file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", data),
            "no text in quotes");
    refused(npy_file("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", data), "neither True nor False");
    refused(npy_file("{'descr': '<f4', 'fortran_order': False}", data), "no descr, fortran_order or shape");
    refused(npy_file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", data),
            "the key descr");
    refused(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", data),
            "a shape that is none");
    refused(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", data),
            "a shape that is none");
    refused(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8)}", data),
            "do not fit its shape");
    refused(npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1)}", data),
            "got 6 axes");
    refused(npy_file(good + " 1", data), "text after the dictionary");
    refused(npy_file("{'descr': '<f4'", data), "no '}' where one belongs");
}

TEST_CASE("a spool file gives back what was written and leaves nothing", "[io]") {
    const TemporaryFolder folder;
    std::vector<int> values(100'000);
    std::iota(values.begin(), values.end(), 0);
    {
        lafs::SpoolFile file(folder.path());
        CHECK(file.bytes().empty());
        const auto bytes = std::as_bytes(std::span(values));
        for (std::size_t begin = 0; begin < bytes.size(); begin += 33'333)
            file.write(bytes.subspan(begin, std::min<std::size_t>(33'333, bytes.size() - begin)));
        REQUIRE(file.bytes().size() == bytes.size());
        CHECK(std::memcmp(file.bytes().data(), bytes.data(), bytes.size()) == 0);
        file.write(bytes.first(4));  // after it was mapped
        CHECK(file.bytes().size() == bytes.size() + 4);
        CHECK(count_entries(folder.path()) == 0);
    }
    CHECK(count_entries(folder.path()) == 0);
    CHECK(message_of([&] { lafs::SpoolFile(folder / "absent"); }).find("cannot make the temporary file") !=
          std::string::npos);
}
