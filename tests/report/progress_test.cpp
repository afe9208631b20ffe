#include <cstdio>
#include <lafs/report/progress.hpp>
#include <string>

#include "catch.hpp"

namespace {

/// What was written to a temporary stream, and a clock set by hand.
struct Stage {
    std::FILE* stream = std::tmpfile();
    double now = 100.0;

    ~Stage() { std::fclose(stream); }

    lafs::ProgressOptions options(bool terminal) {
        lafs::ProgressOptions result;
        result.stream = stream;
        result.terminal = terminal;
        result.clock = [this] { return now; };
        return result;
    }

    std::string text() const {
        std::string result(static_cast<std::size_t>(std::ftell(stream)), '\0');
        std::rewind(stream);
        result.resize(std::fread(result.data(), 1, result.size(), stream));
        return result;
    }
};

}  // namespace

TEST_CASE("without a terminal there is a line every ten seconds", "[train]") {
    Stage stage;
    {
        lafs::Progress progress("train", 50, 0, stage.options(false));
        for (int step = 0; step < 50; ++step) {
            stage.now += 0.5;
            progress.advance(32, "loss 3.21");
            CHECK(progress.images_per_second() == Approx(64.0));
            CHECK(progress.seconds_left() == Approx((49 - step) * 0.5));
        }
        progress.finish();
    }
    CHECK(stage.text() ==
          "train  40 %  20/50  64 images/s  0:15 left  loss 3.21\n"
          "train  80 %  40/50  64 images/s  0:05 left  loss 3.21\n"
          "train 100 %  50/50  64 images/s  took 0:25\n");
}

TEST_CASE("a terminal gets a bar that is redrawn and never wraps", "[train]") {
    Stage stage;
    {
        lafs::Progress progress("train", 4, 0, stage.options(true));
        for (int step = 0; step < 2; ++step) {
            stage.now += 1.0;
            progress.advance(8, std::string(100, 'x'));
        }
    }
    const std::string text = stage.text();
    CHECK(text.starts_with("\rtrain [#....]  25 %  1/4  8.00 images/s  0:03 left  xxx"));
    CHECK(text.find("\033[K\rtrain [##...]  50 %") != std::string::npos);
    CHECK(text.ends_with("\033[K\n"));  // the next message starts on a line of its own
    CHECK(text.find("\033[K") == 1 + 79);
}

TEST_CASE("the rate follows a change and a resumed run starts where it was", "[train]") {
    Stage stage;
    lafs::Progress progress("train", 1000, 900, stage.options(false));
    CHECK(progress.images_per_second() == 0.0);
    for (int step = 0; step < 10; ++step) {
        stage.now += 1.0;
        progress.advance(10);
    }
    CHECK(progress.seconds_left() == Approx(90.0));
    for (int step = 0; step < 60; ++step) {
        stage.now += 2.0;
        progress.advance(10);
    }
    CHECK(progress.images_per_second() == Approx(5.0).epsilon(0.01));
    CHECK(progress.seconds_left() == Approx(60.0).epsilon(0.01));
    CHECK_THROWS_AS(lafs::Progress("train", 5, 6), lafs::Error);
}

TEST_CASE("durations read like a clock", "[train]") {
    CHECK(lafs::format_duration(7.4) == "0:07");
    CHECK(lafs::format_duration(59.6) == "1:00");
    CHECK(lafs::format_duration(754) == "12:34");
    CHECK(lafs::format_duration(3723) == "1:02:03");
    CHECK(lafs::format_duration(NAN) == "?");
    CHECK(lafs::format_duration(INFINITY) == "?");
}

TEST_CASE("a line of its own leaves no rest of the bar", "[train]") {
    for (const bool terminal : {true, false}) {
        Stage stage;
        lafs::Progress progress("train", 2, 0, stage.options(terminal));
        stage.now += 20;
        progress.advance(1);
        const std::string before = stage.text();
        progress.print("lfw: 99 %");
        CHECK(stage.text() == before + (terminal ? "\r\033[K" : "") + "lfw: 99 %\n");
        progress.print("again");
        CHECK(stage.text().ends_with("lfw: 99 %\nagain\n"));
    }
}
