// Runs the programs as a user does, and kills them.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "check_contains.hpp"
#include "temporary_folder.hpp"

namespace lafs_test {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments a, const Arguments& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

struct ProgramResult {
    int exit_code = -1;  ///< -1: ended by a signal
    std::string output, errors;
};

/// A running program of the examples folder; its streams go to files.
class Program {
public:
    /// `file_limit`: the largest file it may write in bytes, as on a full disk; 0: none.
    Program(const std::string& name, const Arguments& arguments, std::uint64_t file_limit = 0) {
        const std::string path = std::string(LAFS_PROGRAMS) + "/" + name;
        std::vector<char*> argv{const_cast<char*>(path.c_str())};
        for (const std::string& argument : arguments)
            argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        const std::string out = (scratch_ / "out").string(), err = (scratch_ / "err").string();
        process_ = fork();
        if (process_ == 0) {
            dup2(open(out.c_str(), O_CREAT | O_WRONLY, 0600), 1);
            dup2(open(err.c_str(), O_CREAT | O_WRONLY, 0600), 2);
            if (file_limit > 0) {
                const rlimit limit{file_limit, file_limit};
                setrlimit(RLIMIT_FSIZE, &limit);
                signal(SIGXFSZ, SIG_IGN);  // writes fail with EFBIG instead
            }
            execv(path.c_str(), argv.data());
            _exit(127);
        }
    }
    ~Program() {
        if (process_ > 0)
            kill();
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void kill() {
        ::kill(process_, SIGKILL);
        wait();
    }

    ProgramResult wait() {
        int status = 0;
        waitpid(process_, &status, 0);
        process_ = 0;
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(scratch_ / "out"),
                read_text(scratch_ / "err")};
    }

    /// Waits until the condition holds; false when the program ends, or half a minute passes, before.
    bool wait_until(const std::function<bool()>& condition) const {
        for (int i = 0; i < 30000; ++i) {
            if (condition())
                return true;
            siginfo_t info{};
            if (waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                info.si_pid != 0)
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }

private:
    TemporaryFolder scratch_;
    pid_t process_ = 0;
};

inline ProgramResult run_program(const std::string& name, const Arguments& arguments,
                                 std::uint64_t file_limit = 0) {
    return Program(name, arguments, file_limit).wait();
}

/// Runs a program that must fail; returns what it says.
inline std::string failure(const std::string& program, const Arguments& arguments,
                           std::uint64_t file_limit = 0) {
    const ProgramResult result = run_program(program, arguments, file_limit);
    CHECK(result.exit_code == 1);
    CHECK(result.errors.find("error: ") != std::string::npos);
    return result.errors;
}

/// Runs a program that has to succeed, and returns all that it said.
inline std::string succeed(const std::string& program, const Arguments& arguments) {
    const auto result = run_program(program, arguments);
    INFO(result.errors);
    CHECK(result.exit_code == 0);
    return result.output + result.errors;
}

}  // namespace lafs_test
