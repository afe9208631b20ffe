// Verification sets between this library and Python's own pickle; skipped without a Python.
#include <cstdlib>
#include <iostream>
#include <lafs/data/verification_bin.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::VerificationBin;
using lafs_test::TemporaryFolder;

namespace {

/// Runs a script with a file's path as its argument; whether it ends without an error.
bool python(const TemporaryFolder& folder, const std::string& script, const std::filesystem::path& file) {
    lafs_test::write_text(folder / "script.py", script);
    const std::string command =
        "python3 '" + (folder / "script.py").string() + "' '" + file.string() + "' > /dev/null 2>&1";
    return std::system(command.c_str()) == 0;
}

bool have_python(const TemporaryFolder& folder) {
    const bool found = python(folder, "import pickle", folder.path());
    if (!found)
        std::cout << "SKIPPED: no python3\n";
    return found;
}

}  // namespace

TEST_CASE("Python reads what is written here", "[data]") {
    const TemporaryFolder folder;
    if (!have_python(folder))
        return;
    std::vector<std::byte> large(70'000);
    for (std::size_t i = 0; i < large.size(); ++i)
        large[i] = static_cast<std::byte>(i * i % 251);
    const std::span<const std::byte> whole(large);
    // 300 images, of which every third is stored once for all, and an empty one.
    std::vector<std::span<const std::byte>> images;
    std::vector<std::uint8_t> same;
    for (std::size_t i = 0; i < 300; ++i)
        images.push_back(i % 3 == 0 ? whole : whole.subspan(i, i));
    for (std::size_t i = 0; i < 150; ++i)
        same.push_back(i % 4 == 1);
    images[7] = {};
    const auto path = folder / "written.bin";
    lafs::write_verification_bin(path, images, same);
    CHECK(std::filesystem::file_size(path) < 150'000);
    CHECK(python(folder, R"(
import pickle, sys
bins, issame = pickle.load(open(sys.argv[1], "rb"))
large = bytes(i * i % 251 for i in range(70000))
expected = [large if i % 3 == 0 else large[i:2 * i] for i in range(300)]
expected[7] = b""
assert type(bins) is list and type(issame) is list
assert bins == expected
assert issame == [i % 4 == 1 for i in range(150)]
assert all(type(x) is bool for x in issame) and all(type(x) is bytes for x in bins)
)",
                 path));
}

TEST_CASE("what Python writes is read here, at every protocol", "[data]") {
    const TemporaryFolder folder;
    if (!have_python(folder))
        return;
    for (int protocol = 0; protocol <= 5; ++protocol) {
        const auto path = folder / "python.bin";
        REQUIRE(python(folder,
                       R"(
import pickle, sys
every = bytes(range(256))
bins = [every * (i % 9 + 1) for i in range(2400)]
bins[5] = bins[4]
pickle.dump((bins, [i % 3 == 0 for i in range(1200)]), open(sys.argv[1], "wb"), protocol=)" +
                           std::to_string(protocol) + ")\n",
                       path));
        INFO("protocol " << protocol);
        const auto bin = VerificationBin::open(path);
        REQUIRE(bin.images() == 2400);
        REQUIRE(bin.pairs() == 1200);
        CHECK(bin.first_copy(5) == 4);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < bin.images(); ++i) {
            const auto bytes = bin.encoded(i);
            wrong += bytes.size() != 256 * ((i == 5 ? 4 : i) % 9 + 1);
            for (std::size_t k = 0; k < bytes.size(); ++k)
                wrong += bytes[k] != static_cast<std::byte>(k % 256);
        }
        for (std::size_t i = 0; i < bin.pairs(); ++i)
            wrong += bin.same(i) != (i % 3 == 0);
        CHECK(wrong == 0);
    }
}
