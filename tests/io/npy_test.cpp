#include <cstring>
#include <lafs/io/npy.hpp>
#include <lafs/io/spool_file.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs_test::count_entries;
using lafs_test::message_of;
using lafs_test::read_text;
using lafs_test::TemporaryFolder;

namespace {

template <class T>
std::string written(const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
    const TemporaryFolder folder;
    lafs::write_npy(folder / "a.npy", shape, std::span<const T>(values));
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
