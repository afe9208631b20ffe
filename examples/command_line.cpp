#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <utility>

#include "presets.hpp"
#include "run_program.hpp"

namespace {

/// The shortest text that reads back as the same number.
std::string exact_text(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// The last value of an option on a command line: `--name value` or `--name=value`; empty when it is not there.
std::string value_on(int argc, char** argv, const std::string& name) {
    std::string value;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == name && i + 1 < argc)
            value = argv[i + 1];
        else if (argument.starts_with(name + "="))
            value = argument.substr(name.size() + 1);
    }
    return value;
}

bool is_on(int argc, char** argv, const std::string& name) {
    return std::any_of(argv + 1, argv + argc, [&](const char* argument) { return name == argument; });
}

}  // namespace

CommandLine::Option CommandLine::Option::required() const {
    option_->required();
    return *this;
}

CommandLine::Option CommandLine::Option::needs(const Option& other) const {
    option_->needs(other.option_);
    return *this;
}

CommandLine::Option CommandLine::Option::one_of(const std::vector<std::string>& values) const {
    option_->check(CLI::IsMember(values));
    return *this;
}

std::size_t CommandLine::Option::count() const {
    return option_->count();
}

CommandLine::CommandLine(const std::string& description) : app_(std::make_unique<CLI::App>(description)) {
    app_->option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

CommandLine::~CommandLine() = default;

// clang-format off
CommandLine::Option CommandLine::option(const std::string& name, std::string& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
CommandLine::Option CommandLine::option(const std::string& name, std::filesystem::path& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
CommandLine::Option CommandLine::option(const std::string& name, int& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
CommandLine::Option CommandLine::option(const std::string& name, std::int64_t& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
CommandLine::Option CommandLine::option(const std::string& name, std::uint64_t& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
// clang-format on

CommandLine::Option CommandLine::option(const std::string& name, double& variable, const std::string& help) {
    CLI::Option* added = app_->add_option(name, variable, help);
    added->default_function([&variable] { return exact_text(variable); })->capture_default_str();
    return Option(added);
}

CommandLine::Option CommandLine::option(const std::string& name, std::vector<std::filesystem::path>& variable,
                                        const std::string& help) {
    CLI::Option* added = app_->add_option(name, variable, help);
    added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->default_function({})->default_str("");
    return Option(added);
}

CommandLine::Option CommandLine::option(const std::string& name,
                                        const std::function<void(const std::string&)>& use,
                                        const std::string& help) {
    return Option(app_->add_option_function<std::string>(name, use, help));
}

CommandLine::Option CommandLine::flag(const std::string& name, bool& variable, const std::string& help) {
    CLI::Option* added = app_->add_flag(name, variable, help);
    added->default_function([&variable] { return std::string(variable ? "true" : "false"); });
    return Option(added);
}

void CommandLine::config_file(const std::string& name, const std::string& help) {
    app_->set_config(name, "", help)->check(CLI::ExistingFile);
}

void CommandLine::presets(const std::string& program) {
    program_ = program;
    app_->add_option(
            "--preset", preset_,
            "A whole run by its name, or a file of one; what is given beside it wins. See --list-presets")
        ->configurable(false);
    app_->add_flag("--list-presets", list_presets_, "Print the presets of this program, and stop")
        ->configurable(false);
    app_->add_flag("--print-options", print_options_, "Print all options as --config takes them, and stop")
        ->configurable(false);
}

/// Values become defaults, in the order in which the program names its options.
void CommandLine::use_preset(const std::string& name) {
    const Preset preset = find_preset(name, program_, preset_folders());
    std::vector<std::pair<std::string, std::string>> values;
    for (const CLI::ConfigItem& item : app_->get_config_formatter()->from_file(preset.file.string()))
        values.emplace_back(item.name, CLI::detail::join(item.inputs, ","));  // taken apart at commas
    for (CLI::Option* option : app_->get_options()) {
        const auto at = std::find_if(values.begin(), values.end(), [&](const auto& value) {
            return option->get_configurable() && option->check_lname(value.first);
        });
        if (at == values.end())
            continue;
        try {
            const bool is_flag = option->get_expected_min() == 0;
            option->run_callback_for_default()->default_val(
                is_flag ? option->get_flag_value(at->first, at->second) : at->second);
            option->required(false);
        } catch (const CLI::Error& error) {
            lafs::fail("preset", preset.file, ": ", at->first, ": ", error.what());
        }
        values.erase(at);
    }
    lafs::require(values.empty(), "preset", preset.file, ": got ", values.empty() ? "" : values.front().first,
                  ", which is no option of ", program_, ", or is there twice");
}

/// `name = value` lines of all options, whatever gave them their values; those without a value are left out.
std::string CommandLine::options_text() {
    std::string text;
    for (CLI::Option* option : app_->get_options()) {
        if (!option->get_configurable() || option->get_lnames().empty())
            continue;
        std::vector<std::string> values = option->results();
        if (values.empty())
            values = {option->capture_default_str()->get_default_str()};
        for (const std::string& value : values)
            if (!value.empty() && value != "\"\"")
                text += option->get_lnames().front() + " = " + value + "\n";
    }
    return text;
}

int CommandLine::run(int argc, char** argv, const std::function<int()>& body) {
    if (!program_.empty() && is_on(argc, argv, "--list-presets"))
        return run_program([&] {
            std::fputs(presets_text(list_presets(preset_folders()), program_).c_str(), stdout);
            return 0;
        });
    if (const std::string name = value_on(argc, argv, "--preset"); !program_.empty() && !name.empty())
        if (const int code = run_program([&] {
                use_preset(name);
                return 0;
            }))
            return code;
    if (!program_.empty() && is_on(argc, argv, "--print-options"))
        for (CLI::Option* option : app_->get_options())
            option->required(false);
    CLI11_PARSE(*app_, argc, argv);
    if (print_options_) {
        std::fputs(options_text().c_str(), stdout);
        return 0;
    }
    return run_program(body);
}
