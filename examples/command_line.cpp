#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <lafs/core/error.hpp>

#include "run_program.hpp"

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
CommandLine::Option CommandLine::option(const std::string& name, double& variable, const std::string& help) { return Option(app_->add_option(name, variable, help)); }
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
    return Option(app_->add_flag(name, variable, help));
}

void CommandLine::config_file(const std::string& name, const std::string& help) {
    app_->set_config(name, "", help)->check(CLI::ExistingFile);
}

int CommandLine::run(int argc, char** argv, const std::function<int()>& body) {
    CLI11_PARSE(*app_, argc, argv);
    return run_program(body);
}
