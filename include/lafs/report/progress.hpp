// Progress of a run on standard error: a bar with rate and time left on a terminal, else a plain line every
// few seconds, so that logs of batch systems stay readable.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <lafs/core/error.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// Where and how often progress is shown. The clock is for tests.
struct ProgressOptions {
    std::FILE* stream = stderr;
    double line_seconds = 10.0;       ///< between plain lines
    double refresh_seconds = 0.1;     ///< between redraws of the bar
    double smoothing_seconds = 10.0;  ///< the rate follows changes within about this time
    std::optional<bool> terminal;     ///< whether to draw the bar; asks the stream by default
    std::function<double()> clock;    ///< seconds; the steady clock by default
};

/// Seconds as 0:07, 12:34 or 1:02:03; "?" when they are not known.
inline std::string format_duration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0.0 || seconds > 1e9)
        return "?";
    const auto total = static_cast<long>(std::lround(seconds));
    char text[40];
    if (total >= 3600)
        std::snprintf(text, sizeof(text), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
    else
        std::snprintf(text, sizeof(text), "%ld:%02ld", total / 60, total % 60);
    return text;
}

/// Counts steps of a known total. Not for use by several threads.
class Progress {
public:
    /// Starts counting at `done` of `total` steps (`done` > 0 on resume). Throws unless 0 <= done <= total.
    Progress(std::string label, std::int64_t total, std::int64_t done = 0, ProgressOptions options = {})
        : label_(std::move(label)), total_(total), done_(done), options_(std::move(options)) {
        require(done >= 0 && done <= total, "progress", "got ", done, " of ", total, " steps done");
        if (!options_.clock)
            options_.clock = [] {
                return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
                    .count();
            };
        terminal_ = options_.terminal.value_or(::isatty(::fileno(options_.stream)) == 1);
        started_ = last_step_ = last_shown_ = options_.clock();
    }

    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Leaves the bar as it is, on a line of its own: an error message may follow.
    ~Progress() {
        if (bar_open_)
            std::fputc('\n', options_.stream);
    }

    /// Counts one step of `images` images. `note` is shown behind, e.g. "loss 3.21".
    void advance(std::int64_t images, std::string_view note = {}) {
        const double now = options_.clock();
        ++done_;
        measure(static_cast<double>(images), now - last_step_);
        last_step_ = now;
        if (now - last_shown_ >= (terminal_ ? options_.refresh_seconds : options_.line_seconds)) {
            show(note);
            last_shown_ = now;
        }
    }

    /// Writes a line of its own; a bar is drawn anew below it by the next step.
    void print(std::string_view line) {
        std::fprintf(options_.stream, "%s%.*s\n", bar_open_ ? "\r\033[K" : "", static_cast<int>(line.size()),
                     line.data());
        std::fflush(options_.stream);
        bar_open_ = false;
    }

    /// Shows the last state and the time it all took.
    void finish(std::string_view note = {}) {
        show(note);
        if (terminal_)
            std::fputc('\n', options_.stream);
        bar_open_ = false;
    }

    /// Images per second, a mean that forgets what is long past; 0 before the first step.
    double images_per_second() const { return weight_ > 0.0 ? images_ / weight_ : 0.0; }

    /// Seconds that the steps left would take at this rate.
    double seconds_left() const { return static_cast<double>(total_ - done_) * (weight_ / steps_); }

private:
    /// Sums of images, steps and seconds in which older steps count less. Equal steps give the plain mean.
    void measure(double images, double seconds) {
        const double keep = std::exp(-seconds / options_.smoothing_seconds);
        images_ = images_ * keep + images;
        steps_ = steps_ * keep + 1.0;
        weight_ = weight_ * keep + seconds;
    }

    void show(std::string_view note) {
        const double percent =
            total_ > 0 ? 100.0 * static_cast<double>(done_) / static_cast<double>(total_) : 100.0;
        char numbers[160];
        const std::string time = done_ < total_ ? format_duration(seconds_left()) + " left"
                                                : "took " + format_duration(options_.clock() - started_);
        std::snprintf(numbers, sizeof(numbers), "%3.0f %%  %lld/%lld  %.*f images/s  %s", std::floor(percent),
                      static_cast<long long>(done_), static_cast<long long>(total_),
                      images_per_second() < 10.0 ? 2 : 0, images_per_second(), time.c_str());
        std::string line = numbers;
        if (!note.empty())
            line.append("  ").append(note);
        if (terminal_)
            draw_bar(line, percent);
        else
            std::fprintf(options_.stream, "%s %s\n", label_.c_str(), line.c_str());
        std::fflush(options_.stream);
    }

    /// Redraws the line in place. Never as wide as the terminal: a wrapped line could not be redrawn.
    void draw_bar(const std::string& numbers, double percent) {
        ::winsize window = {};
        const bool known = ::ioctl(::fileno(options_.stream), TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
        const std::size_t width = known ? window.ws_col - 1u : 79u;
        const std::size_t text = label_.size() + numbers.size() + 4;
        const std::size_t cells = std::clamp<std::size_t>(width > text ? width - text : 0, 5, 30);
        const auto filled = static_cast<std::size_t>(percent / 100.0 * static_cast<double>(cells));
        std::string line =
            label_ + " [" + std::string(filled, '#') + std::string(cells - filled, '.') + "] " + numbers;
        line.resize(std::min(line.size(), width));
        std::fprintf(options_.stream, "\r%s\033[K", line.c_str());
        bar_open_ = true;
    }

    std::string label_;
    std::int64_t total_, done_;
    ProgressOptions options_;
    bool terminal_ = false, bar_open_ = false;
    double started_ = 0.0, last_step_ = 0.0, last_shown_ = 0.0;
    double images_ = 0.0, steps_ = 0.0, weight_ = 0.0;
};

}  // namespace lafs::inline LAFS_ABI
