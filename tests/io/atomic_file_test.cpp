#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <lafs/io/atomic_file.hpp>
#include <string>
#include <thread>

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
    lafs_test::write_text(folder / ".a.lafs-tmp", "a long left-over of an earlier process");
    lafs_test::write_text(folder / "a.tmp", "somebody's own");
    lafs::write_file(folder / "a", "new");
    CHECK(read_text(folder / "a") == "new");
    CHECK(read_text(folder / "a.tmp") == "somebody's own");
    CHECK(count_entries(folder.path()) == 2);
}

TEST_CASE("links are followed, and stay links", "[io]") {
    TemporaryFolder folder;
    std::filesystem::create_directories(folder / "deep");
    lafs_test::write_text(folder / "deep" / "target", "old");
    std::filesystem::create_symlink("deep/target", folder / "one");
    std::filesystem::create_symlink(folder / "one", folder / "two");
    lafs::write_file(folder / "two", "new");
    CHECK(std::filesystem::is_symlink(folder / "one"));
    CHECK(std::filesystem::is_symlink(folder / "two"));
    CHECK(read_text(folder / "deep" / "target") == "new");
    // One that leads to a file that is not there yet makes it.
    std::filesystem::create_symlink("deep/later", folder / "three");
    lafs::write_file(folder / "three", "made");
    CHECK(std::filesystem::is_symlink(folder / "three"));
    CHECK(read_text(folder / "deep" / "later") == "made");
    CHECK(count_entries(folder / "deep") == 2);
    std::filesystem::create_symlink("circle", folder / "circle");
    CHECK(message_of([&] { lafs::write_file(folder / "circle", "x"); }).find("more than 40 links") !=
          std::string::npos);
}

TEST_CASE("pipes and devices are written to as they are", "[io]") {
    TemporaryFolder folder;
    const auto pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::string got;
    std::thread reader([&] { got = read_text(pipe); });
    lafs::write_file(pipe, "through the pipe");
    reader.join();
    CHECK(got == "through the pipe");
    CHECK(std::filesystem::is_fifo(pipe));
    lafs::write_file("/dev/null", "nothing");
    CHECK(std::filesystem::is_character_file("/dev/null"));
    std::filesystem::create_symlink("/dev/null", folder / "null");
    lafs::write_file(folder / "null", "nothing");
    CHECK(std::filesystem::is_symlink(folder / "null"));
    if (std::filesystem::exists("/dev/full"))
        CHECK(message_of([] { lafs::write_file("/dev/full", "x"); }).find("No space left") !=
              std::string::npos);
    CHECK(count_entries(folder.path()) == 2);
}

TEST_CASE("what cannot be written to is refused", "[io]") {
    TemporaryFolder folder;
    std::filesystem::create_directories(folder / "folder");
    CHECK(message_of([&] { lafs::write_file(folder / "folder", "x"); }).find("is a folder") !=
          std::string::npos);
    CHECK(message_of([&] { lafs::write_file(folder / "none" / "", "x"); }).find("name of a file") !=
          std::string::npos);
    lafs_test::write_text(folder / "kept", "old");
    ::chmod((folder / "kept").c_str(), 0444);
    if (::geteuid() != 0) {  // who may do everything may write here, too
        CHECK(message_of([&] { lafs::write_file(folder / "kept", "x"); }).find("Permission denied") !=
              std::string::npos);
        CHECK(read_text(folder / "kept") == "old");
    }
}

TEST_CASE("a file that is replaced keeps who may read it", "[io]") {
    TemporaryFolder folder;
    lafs_test::write_text(folder / "secret", "old");
    ::chmod((folder / "secret").c_str(), 0600);
    const bool root = ::geteuid() == 0 && ::chown((folder / "secret").c_str(), 1234, 1235) == 0;
    lafs::write_file(folder / "secret", "new");
    struct ::stat status = {};
    REQUIRE(::stat((folder / "secret").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(status.st_uid == (root ? 1234 : ::geteuid()));
}

TEST_CASE("names as long as the file system allows", "[io]") {
    TemporaryFolder folder;
    const std::string longest(255, 'n'), other = std::string(254, 'n') + "m";
    for (const std::string& name : {longest, other, std::string(250, 'k')}) {
        lafs::write_file(folder / name, name);
        CHECK(read_text(folder / name) == name);
    }
    CHECK(count_entries(folder.path()) == 3);
    CHECK(lafs::detail::temporary_name(folder / longest) != lafs::detail::temporary_name(folder / other));
    CHECK(lafs::detail::temporary_name("a") == ".a.lafs-tmp");
    CHECK(message_of([&] {
              lafs::write_file(folder / std::string(256, 'n'), "x");
          }).find("File name too long") != std::string::npos);
}

TEST_CASE("standard output under a name goes on behind what was printed", "[io]") {
    TemporaryFolder folder;
    const auto path = folder / "out";
    const ::pid_t child = ::fork();
    if (child == 0) {
        if (!std::freopen(path.c_str(), "w", stdout))
            ::_exit(3);
        std::printf("before ");
        lafs::write_file("/dev/stdout", "between ");
        lafs::write_file(path, "by name ");
        std::printf("after");
        std::fflush(stdout);
        ::_exit(0);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(read_text(path) == "before between by name after");
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
