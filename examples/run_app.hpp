// Programs whose command line CLI11 reads: parsing belongs to the run, since --help is output too.
#pragma once

#include <CLI/CLI.hpp>

#include "run_program.hpp"

/// Parses the command line, then runs the program's body. Returns the exit code of the program.
template <class Body>
int run_program(CLI::App& app, int argc, const char* const* argv, const Body& body) {
    return run_program([&]() -> int {
        try {
            app.parse(argc, argv);
        } catch (const CLI::ParseError& error) {
            return app.exit(error);
        }
        return body();
    });
}
