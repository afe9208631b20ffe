#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <lafs/core/error.hpp>
#include <lafs/train/config_file.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "presets.hpp"
#include "run_program.hpp"

namespace {

/// The shortest text that reads back as the same number.
std::string exact_text(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
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

namespace {

template <class T, class Use>
CLI::Option* add_function(CLI::App& app, const std::string& name, const Use& use, const std::string& help) {
    const auto checked = [name, use](const T& value) {
        try {
            use(value);
        } catch (const lafs::Error& error) {
            throw CLI::ValidationError(name, error.what());
        }
    };
    return app.add_option_function<T>(name, checked, help);
}

}  // namespace

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
    return Option(add_function<std::string>(*app_, name, use, help));
}

CommandLine::Option CommandLine::option(const std::string& name, const std::function<void(std::int64_t)>& use,
                                        const std::string& help) {
    return Option(add_function<std::int64_t>(*app_, name, use, help));
}

CommandLine::Option CommandLine::flag(const std::string& name, bool& variable, const std::string& help) {
    CLI::Option* added = app_->add_flag(name, variable, help);
    added->default_function([&variable] { return std::string(variable ? "true" : "false"); });
    return Option(added);
}

void CommandLine::config_file(const std::string& name, const std::string& help) {
    config_option_ = name;
    app_->add_option(name, config_, help)->configurable(false);
}

namespace {

/// The value that an option has on the command line: behind it, or behind its `=`; the last one counts.
std::optional<std::string> value_on(const std::vector<std::string>& arguments, const std::string& option) {
    std::optional<std::string> value;
    for (std::size_t i = 0; i < arguments.size(); ++i)
        if (arguments[i] == option && i + 1 < arguments.size())
            value = arguments[i + 1];
        else if (arguments[i].starts_with(option + "="))
            value = arguments[i].substr(option.size() + 1);
    return value;
}

bool is_given(const std::vector<std::string>& arguments, const std::string& option) {
    return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
        return argument == option || argument.starts_with(option + "=");
    });
}

/// Whether a message has the option in it as a whole word.
bool names_option(const std::string& message, const std::string& option) {
    const std::size_t at = message.find(option);
    return at != std::string::npos && message.find_first_of("-_abcdefghijklmnopqrstuvwxyz0123456789",
                                                            at + option.size()) != at + option.size();
}

}  // namespace

std::vector<std::string> CommandLine::with_config(std::vector<std::string> arguments) {
    const auto file = config_option_.empty() ? std::nullopt : value_on(arguments, config_option_);
    if (!file)
        return arguments;
    const auto may_repeat = [this](const std::string& name) {
        const CLI::Option* known = app_->get_option_no_throw("--" + name);
        return known && known->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    };
    std::vector<std::string> all;
    for (const lafs::ConfigEntry& entry : lafs::read_config_file(*file, may_repeat)) {
        const std::string option = "--" + entry.name, line = *file + " line " + std::to_string(entry.line);
        const CLI::Option* known = app_->get_option_no_throw(option);
        lafs::require(known && known->get_configurable(), "config", line, ": got \"", entry.name,
                      "\", expected the name of an option (see --help)");
        lafs::require(!entry.value.empty() || known->get_expected_max() > 0, "config", line,
                      ": got no value for \"", entry.name, "\", expected true or false");
        if (is_given(arguments, option))
            continue;
        config_lines_.emplace_back(option, line);
        if (!entry.value.empty()) {
            all.push_back(option + "=" + entry.value);
        } else {
            all.push_back(option);  // CLI11 takes what follows an empty `=` for the value
            all.emplace_back();
        }
    }
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
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
    std::vector<lafs::ConfigEntry> values = lafs::read_config_file(preset.file);
    for (CLI::Option* option : app_->get_options()) {
        const auto at = std::find_if(values.begin(), values.end(), [&](const auto& value) {
            return option->get_configurable() && option->check_lname(value.name);
        });
        if (at == values.end())
            continue;
        try {
            const bool is_flag = option->get_expected_min() == 0;
            option->run_callback_for_default()->default_val(
                is_flag ? option->get_flag_value(at->name, at->value) : at->value);
            option->required(false);
        } catch (const CLI::Error& error) {
            lafs::fail("preset", preset.file, " line ", at->line, ": ", at->name, ": ", error.what());
        }
        values.erase(at);
    }
    lafs::require(values.empty(), "preset", preset.file, ": got ", values.empty() ? "" : values.front().name,
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
    return run_program([&] {
        std::vector<std::string> arguments(argv + 1, argv + argc);
        if (!program_.empty()) {
            if (is_given(arguments, "--list-presets")) {
                std::fputs(presets_text(list_presets(preset_folders()), program_).c_str(), stdout);
                return 0;
            }
            if (const auto name = value_on(arguments, "--preset"))
                use_preset(*name);
            if (is_given(arguments, "--print-options"))
                for (CLI::Option* option : app_->get_options())
                    option->required(false);
        }
        arguments = with_config(std::move(arguments));
        std::vector<const char*> pointers{argv[0]};
        for (const std::string& argument : arguments)
            pointers.push_back(argument.c_str());
        try {
            app_->parse(static_cast<int>(pointers.size()), pointers.data());
        } catch (const CLI::ParseError& error) {
            for (const auto& [option, line] : config_lines_)
                if (names_option(error.what(), option))
                    program::report_error(line + ":");
            return app_->exit(error);
        }
        if (print_options_) {
            std::fputs(options_text().c_str(), stdout);
            return 0;
        }
        return body();
    });
}
