// Options of a program. CLI11, which takes seconds to compile, is included by command_line.cpp alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

class CommandLine {
public:
    /// One option, to be constrained further.
    class Option {
    public:
        explicit Option(CLI::Option* option) : option_(option) {}
        Option required() const;
        Option needs(const Option& other) const;
        Option one_of(const std::vector<std::string>& values) const;
        /// How often it was given.
        std::size_t count() const;

    private:
        CLI::Option* option_;
    };

    /// Options that are given twice take the last value; --help shows the defaults, which are the variables'
    /// values.
    explicit CommandLine(const std::string& description);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;

    Option option(const std::string& name, std::string& variable, const std::string& help);
    Option option(const std::string& name, std::filesystem::path& variable, const std::string& help);
    Option option(const std::string& name, int& variable, const std::string& help);
    Option option(const std::string& name, std::int64_t& variable, const std::string& help);
    Option option(const std::string& name, std::uint64_t& variable, const std::string& help);
    Option option(const std::string& name, double& variable, const std::string& help);
    /// May be given several times; all values count.
    Option option(const std::string& name, std::vector<std::filesystem::path>& variable,
                  const std::string& help);
    /// What `use` throws as lafs::Error is an error of the command line.
    Option option(const std::string& name, const std::function<void(const std::string&)>& use,
                  const std::string& help);
    Option option(const std::string& name, const std::function<void(std::int64_t)>& use,
                  const std::string& help);
    Option flag(const std::string& name, bool& variable, const std::string& help);
    /// Reads options from a file that this option names, too: `name = value` lines (lafs/train/config_file.hpp). What
    /// the command line gives wins; names that are no options end the run.
    void config_file(const std::string& name, const std::string& help);
    /// Adds --preset, --list-presets and --print-options (presets.hpp). A preset's values take the place of the
    /// defaults: what is given in any other way wins.
    void presets(const std::string& program);

    /// Parses, then runs the program's body, whose errors become one line on standard error and exit code 1.
    /// Returns the exit code of the program.
    int run(int argc, char** argv, const std::function<int()>& body);

private:
    void use_preset(const std::string& name);
    /// The arguments of the program, those of its file of options in front.
    std::vector<std::string> with_config(std::vector<std::string> arguments);
    std::string options_text();

    std::unique_ptr<CLI::App> app_;
    std::string config_option_, config_;
    std::vector<std::pair<std::string, std::string>> config_lines_;  // an option, and where in the file it is
    std::string program_, preset_;                                   // of presets
    bool list_presets_ = false, print_options_ = false;
};
