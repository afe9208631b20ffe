// How all programs begin and end: what they say arrives, or they say that it did not.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <lafs/core/utf8.hpp>
#include <string>

namespace CLI {
class ParseError;
}

namespace program {

/// Prints one line `error: ...` on standard error.
inline void report_error(const std::string& what) {
    std::fprintf(stderr, "error: %s\n", lafs::valid_utf8(what).c_str());
}

/// A stream that is closed gets a place-holder to which nothing can be written (from which nothing can be read):
/// else the next file that is opened would take its number, and text would go into it. And a reader that goes away
/// is an error of the write, not the end of the program.
inline void guard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)
            (void)!::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    std::signal(SIGPIPE, SIG_IGN);
}

/// Whether all that was printed has arrived; else says why not.
inline bool output_arrived() {
    errno = 0;
    std::cout.flush();
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good())
        return true;
    report_error(std::string("cannot write standard output: ") +
                 (errno != 0 ? std::strerror(errno) : "some of it is lost"));
    return false;
}

}  // namespace program

/// Runs a program: errors become one line on standard error and exit code 1, and so does standard output that
/// could not be written to its end.
template <class Body>
int run_program(const Body& body) {
    program::guard_streams();
    int code = 1;
    try {
        code = body();
    } catch (const std::exception& error) {
        program::report_error(error.what());
    }
    return program::output_arrived() ? code : 1;
}

/// The same for a program whose command line CLI11 reads, for which it includes <CLI/CLI.hpp>: parsing belongs to the
/// run, since --help is output, too.
template <class App, class Body, class ParseError = CLI::ParseError>
int run_program(App& app, int argc, const char* const* argv, const Body& body) {
    return run_program([&]() -> int {
        try {
            app.parse(argc, argv);
        } catch (const ParseError& error) {
            return app.exit(error);
        }
        return body();
    });
}
