// How all programs end.
#pragma once

#include <cstdio>
#include <exception>

/// Runs a program's body: errors become one line on standard error and exit code 1.
template <class Body>
int run_program(const Body& body) {
    try {
        return body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
}
