#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <lafs/io/atomic_file.hpp>
#include <string>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs_test::count_entries;
using lafs_test::message_of;
using lafs_test::read_text;
using lafs_test::TemporaryFolder;

TEST_CASE("an atomic file replaces the old one whole", "[io]") {
    TemporaryFolder folder;
    const auto path = folder / "weights.bin";
    lafs::write_file(path, "old");
    CHECK(read_text(path) == "old");
    {
        lafs::AtomicFile file(path);
        file.write("first ");
        CHECK(read_text(path) == "old");
        file.write("second");
        file.commit();
        CHECK_THROWS_AS(file.write("more"), lafs::Error);
    }
    CHECK(read_text(path) == "first second");
    CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("an atomic file without commit leaves nothing behind", "[io]") {
    TemporaryFolder folder;
    lafs::write_file(folder / "a", "old");
    { lafs::AtomicFile(folder / "a").write("half"); }
    CHECK(read_text(folder / "a") == "old");
    CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("what a killed writer left is overwritten", "[io]") {
    TemporaryFolder folder;
    lafs_test::write_text(folder / "a.tmp", "a long left-over of an earlier process");
    lafs::write_file(folder / "a", "new");
    CHECK(read_text(folder / "a") == "new");
    CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("two writers of one file do not mix", "[io]") {
    TemporaryFolder folder;
    lafs::AtomicFile first(folder / "a");
    CHECK_THROWS_AS(lafs::AtomicFile(folder / "a"), lafs::Error);
    first.write("first");
    first.commit();
    CHECK(read_text(folder / "a") == "first");
}

TEST_CASE("a missing folder is named with the system's reason", "[io]") {
    TemporaryFolder folder;
    const std::string message = message_of([&] { lafs::write_file(folder / "none" / "a", "x"); });
    CHECK(message.find("none") != std::string::npos);
    CHECK(message.find("No such file") != std::string::npos);
}

TEST_CASE("when no more bytes can be written the old file stays whole", "[io]") {
    TemporaryFolder folder;
    const auto path = folder / "weights.bin";
    lafs::write_file(path, "old");
    const ::pid_t child = ::fork();
    if (child == 0) {  // a file size limit fails write() as a full disk does, in this process only
        std::signal(SIGXFSZ, SIG_IGN);
        const ::rlimit limit{100000, 100000};
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0)
            ::_exit(3);
        const std::string message = message_of([&] { lafs::write_file(path, std::string(1 << 20, 'x')); });
        const bool named = message.find("weights.bin") != std::string::npos &&
                           message.find("File too large") != std::string::npos;
        ::_exit(named ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(read_text(path) == "old");
    CHECK(count_entries(folder.path()) == 1);
}
