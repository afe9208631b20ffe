// The log of a run: `log.jsonl`, one JSON object per line, `{"step":12,"loss":3.25,...}`.
//
// A line goes to the system in one write, so a killed run leaves whole lines and at most one broken one at
// the end. On resume the log is cut after the last whole line of a step that the saved state includes, and
// goes on as if nothing had happened. Appending allocates nothing once the line buffer has grown.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <lafs/core/error.hpp>
#include <lafs/core/utf8.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace lafs::inline LAFS_ABI {

/// One entry of a line: `{"loss", 3.25}`. Numbers that are not finite are written as null, bytes of texts that
/// are not UTF-8 as U+FFFD.
struct LogField {
    std::string_view key;
    std::variant<double, std::int64_t, bool, std::string_view> value;

    LogField(std::string_view name, double number) : key(name), value(number) {}
    LogField(std::string_view name, std::int64_t number) : key(name), value(number) {}
    LogField(std::string_view name, int number) : key(name), value(std::int64_t{number}) {}
    LogField(std::string_view name, bool flag) : key(name), value(flag) {}
    LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
    LogField(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
};

namespace detail {

inline constexpr std::string_view log_line_start = "{\"step\":";

/// The step of a whole line of the log, without its newline; nothing when the line is broken.
inline std::optional<std::int64_t> step_of_line(std::string_view line) {
    if (!line.starts_with(log_line_start) || !line.ends_with('}'))
        return std::nullopt;
    std::int64_t step = 0;
    const char* begin = line.data() + log_line_start.size();
    const auto [end, error] = std::from_chars(begin, line.data() + line.size(), step);
    if (error != std::errc() || (*end != ',' && *end != '}'))
        return std::nullopt;
    return step;
}

/// Bytes of the whole lines up to and including the last one of `step` or before.
inline std::uintmax_t log_length_at(const std::filesystem::path& path, std::int64_t step) {
    std::ifstream in(path, std::ios::binary);
    std::uintmax_t length = 0;
    for (std::string line; std::getline(in, line) && !in.eof();) {
        const std::optional<std::int64_t> found = step_of_line(line);
        if (!found || *found > step)
            break;
        length += line.size() + 1;
    }
    return length;
}

inline void append_json_text(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    while (!text.empty()) {
        const Utf8Step step = utf8_step(text);
        const char c = text[0];
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) {
            out += step.valid ? text.substr(0, step.size) : replacement_character;
        } else {
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        }
        text.remove_prefix(step.size);
    }
    out += '"';
}

template <class Number>
void append_json_number(std::string& out, Number value) {
    char buffer[32];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

inline void append_json_field(std::string& out, const LogField& field) {
    append_json_text(out, field.key);
    out += ':';
    if (const auto* number = std::get_if<double>(&field.value)) {
        if (std::isfinite(*number))
            append_json_number(out, *number);
        else
            out += "null";
    } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
        append_json_number(out, *integer);
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
        out += *flag ? "true" : "false";
    } else {
        append_json_text(out, std::get<std::string_view>(field.value));
    }
}

}  // namespace detail

/// Appends to a log. Only one process at a time may have it open.
class JsonlLog {
public:
    /// Starts an empty log. Throws with the system's reason when the file cannot be written.
    static JsonlLog create(const std::filesystem::path& path) { return JsonlLog(path, std::nullopt); }

    /// Continues the log of a run whose saved state is after `step`: later and broken lines are dropped. A
    /// log that is not there is started.
    static JsonlLog resume(const std::filesystem::path& path, std::int64_t step) {
        return JsonlLog(path, step);
    }

    JsonlLog(JsonlLog&& other) noexcept
        : path_(std::move(other.path_)),
          line_(std::move(other.line_)),
          descriptor_(std::exchange(other.descriptor_, -1)),
          last_step_(other.last_step_) {}
    JsonlLog& operator=(JsonlLog&&) = delete;
    ~JsonlLog() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }

    /// Writes one line. Throws when `step` is below that of an earlier line, and with the system's reason
    /// when the line cannot be written (a full disk); the log then still ends with a whole line.
    void append(std::int64_t step, std::span<const LogField> fields) {
        require(step >= last_step_, "log", "got step ", step, " after step ", last_step_, " in ", path_,
                ", expected steps that do not fall");
        line_ = detail::log_line_start;
        detail::append_json_number(line_, step);
        for (const LogField& field : fields) {
            line_ += ',';
            detail::append_json_field(line_, field);
        }
        line_ += "}\n";
        write_line();
        last_step_ = step;
    }

    /// The same for `log.append(12, {{"loss", 3.25}, {"lr", 1e-3}})`.
    void append(std::int64_t step, std::initializer_list<LogField> fields) {
        append(step, std::span<const LogField>(fields.begin(), fields.size()));
    }

private:
    JsonlLog(std::filesystem::path path, std::optional<std::int64_t> resume_step) : path_(std::move(path)) {
        descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (descriptor_ < 0)
            fail("log", "cannot open ", path_, ": ", std::strerror(errno));
        struct ::stat status = {};
        if (::fstat(descriptor_, &status) == 0 && !S_ISREG(status.st_mode))
            return;  // a device or a pipe: nothing to continue, and nothing to shorten
        try {
            require(::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, "log",
                    "another process is writing ", path_);
            const std::uintmax_t length = resume_step ? detail::log_length_at(path_, *resume_step) : 0;
            require(::ftruncate(descriptor_, static_cast<::off_t>(length)) == 0, "log", "cannot shorten ",
                    path_, ": ", std::strerror(errno));
        } catch (...) {
            ::close(descriptor_);
            throw;
        }
    }

    void write_line() {
        struct ::stat before = {};
        ::fstat(descriptor_, &before);
        for (std::string_view rest = line_; !rest.empty();) {
            const ::ssize_t written = ::write(descriptor_, rest.data(), rest.size());
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0) {
                const int reason = errno;
                [[maybe_unused]] const int cut = ::ftruncate(descriptor_, before.st_size);
                fail("log", "cannot write ", path_, ": ", std::strerror(reason));
            }
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    std::filesystem::path path_;
    std::string line_;
    int descriptor_ = -1;
    std::int64_t last_step_ = 0;
};

}  // namespace lafs::inline LAFS_ABI
