#include <cmath>
#include <lafs/report/log.hpp>
#include <lafs/report/log_reader.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "catch.hpp"
#include "temporary_folder.hpp"

using lafs::JsonlLog;
using lafs_test::read_text;
using lafs_test::write_text;

TEST_CASE("a log has one JSON object per line", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    {
        JsonlLog log = JsonlLog::create(path);
        log.append(1, {{"loss", 3.25}, {"images", 32}, {"warm", true}, {"note", "a \"b\"\\\n\x01 é"}});
        CHECK(read_text(path).ends_with("}\n"));  // there before the next line
        log.append(2, {{"loss", std::nan("")}, {"norm", INFINITY}, {"lr", 1e-300}, {"third", 1.0 / 3.0}});
        log.append(2, {});
    }
    std::istringstream lines(read_text(path));
    std::string line;
    std::getline(lines, line);
    CHECK(line.starts_with("{\"step\":1,\"loss\":3.25,"));
    auto entry = nlohmann::json::parse(line);
    CHECK(entry["step"] == 1);
    CHECK(entry["images"] == 32);
    CHECK(entry["warm"] == true);
    CHECK(entry["note"] == "a \"b\"\\\n\x01 é");
    std::getline(lines, line);
    entry = nlohmann::json::parse(line);
    CHECK(entry["loss"].is_null());
    CHECK(entry["norm"].is_null());
    CHECK(entry["lr"] == 1e-300);
    CHECK(entry["third"] == 1.0 / 3.0);
    std::getline(lines, line);
    CHECK(line == "{\"step\":2}");
}

TEST_CASE("a resumed log ends with the step of the saved state", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    const std::string kept = "{\"step\":1,\"loss\":1}\n{\"step\":2}\n{\"step\":2,\"accuracy\":0.5}\n";
    const auto after_resume = [&](const std::string& before, std::int64_t step) {
        write_text(path, before);
        JsonlLog::resume(path, step);
        return read_text(path);
    };
    CHECK(after_resume(kept, 2) == kept);
    CHECK(after_resume(kept + "{\"step\":3,\"loss\":1}\n", 2) == kept);
    CHECK(after_resume(kept + "{\"step\":3,\"loss\":1}\n{\"step\":2}\n", 2) == kept);
    CHECK(after_resume(kept + "{\"step\":2,\"lo", 2) == kept);      // killed while writing
    CHECK(after_resume(kept + "{\"step\":2,\"a\":1}", 2) == kept);  // only the newline is missing
    CHECK(after_resume(kept + "{\"step\":2,\"lo\n", 2) == kept);
    CHECK(after_resume(kept + "\n", 2) == kept);
    CHECK(after_resume(kept + std::string(100, '\0'), 2) == kept);
    CHECK(after_resume(kept + "{\"step\":2x}\n", 2) == kept);
    CHECK(after_resume(kept, 1) == "{\"step\":1,\"loss\":1}\n");
    CHECK(after_resume(kept, 0).empty());
    CHECK(after_resume("", 5).empty());
    {
        write_text(path, kept + "{\"step\":3");
        JsonlLog log = JsonlLog::resume(path, 2);
        log.append(3, {{"loss", 0.5}});
    }
    CHECK(read_text(path) == kept + "{\"step\":3,\"loss\":0.5}\n");
    std::filesystem::remove(path);
    JsonlLog::resume(path, 2).append(3, {});
    CHECK(read_text(path) == "{\"step\":3}\n");
}

TEST_CASE("a log says what is wrong", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    CHECK_THROWS_AS(JsonlLog::create(folder / "absent" / "log.jsonl"), lafs::Error);
    JsonlLog log = JsonlLog::create(path);
    log.append(5, {});
    CHECK_THROWS_AS(log.append(4, {}), lafs::Error);
    CHECK(lafs_test::message_of([&] { JsonlLog::create(path); }).find("another process") !=
          std::string::npos);
    CHECK(read_text(path) == "{\"step\":5}\n");
    if (std::filesystem::exists("/dev/full")) {
        CHECK(lafs_test::message_of([] {
                  JsonlLog::create("/dev/full").append(1, {});
              }).find("No space left") != std::string::npos);
    }
    JsonlLog::resume("/dev/null", 7).append(8, {});  // a device takes every line
}

TEST_CASE("bytes that are not UTF-8 are replaced in a log", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    const std::string latin = "b\xE9\"\n", cut = "\xE2\x82", whole = "\xE2\x82\xAC";
    {
        JsonlLog log = JsonlLog::create(path);
        log.append(1, {{"name", std::string_view(latin)},
                       {"cut", std::string_view(cut)},
                       {"whole", std::string_view(whole)}});
    }
    CHECK(read_text(path) ==
          "{\"step\":1,\"name\":\"b\xEF\xBF\xBD\\\"\\u000a\",\"cut\":\"\xEF\xBF\xBD\","
          "\"whole\":\"\xE2\x82\xAC\"}\n");
    // Logs of earlier versions may have such bytes.
    write_text(path, "{\"step\":1,\"name\":\"\xE9\",\"loss\":2}\n");
    CHECK(lafs::read_log(path).at("loss").value == std::vector<double>{2});
}

TEST_CASE("a log is read back as curves", "[train]") {
    const lafs_test::TemporaryFolder folder;
    const auto path = folder / "log.jsonl";
    write_text(path,
               "{\"step\":1,\"loss\":4,\"note\":\"x\"}\n{\"step\":2,\"loss\":null,\"lr\":0.5}\n"
               "{\"step\":3,\"loss\":2}\n{\"step\":4,\"lo");
    const auto curves = lafs::read_log(path);
    CHECK(curves.size() == 2);
    CHECK(curves.at("loss").step == std::vector<double>{1, 3});
    CHECK(curves.at("loss").value == std::vector<double>{4, 2});
    CHECK(curves.at("lr").step == std::vector<double>{2});
    write_text(path, "{\"step\":1}\nnonsense\n{\"step\":2}\n");
    CHECK(lafs_test::message_of([&] { lafs::read_log(path); }).find("line 2") != std::string::npos);
    lafs_test::write_text(path, "{\"step\":1,\"note\":\"" + std::string(70'000, 'x') + "\"}\n");
    CHECK(lafs_test::message_of([&] { lafs::read_log(path); }).find("bytes, expected at most 65536") !=
          std::string::npos);
    CHECK_THROWS_AS(lafs::read_log(folder / "absent"), lafs::Error);
}
