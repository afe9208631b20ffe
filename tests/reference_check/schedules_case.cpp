// 08: cosine schedules with warm-up and the teacher's temperature; their arguments are in the metadata.
#include <lafs/io/safetensors.hpp>
#include <lafs/optim/schedule.hpp>
#include <regex>

#include "cases.hpp"

namespace lafs_reference {

namespace {

std::vector<double> numbers_in(const std::string& text) {
    static const std::regex number(R"([-+]?\d+\.?\d*([eE][-+]?\d+)?)");
    std::vector<double> numbers;
    for (std::sregex_iterator at(text.begin(), text.end(), number), end; at != end; ++at)
        numbers.push_back(std::stod(at->str()));
    return numbers;
}

std::vector<double> values_of(const lafs::Schedule& schedule, std::size_t count) {
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i)
        values.push_back(schedule.at(static_cast<std::int64_t>(i)));
    return values;
}

void compare_schedule(Report& report, const lafs::SafetensorsFile& file, const std::string& name,
                      const lafs::Schedule& schedule) {
    const auto expected = file.read<double>(name);
    report.compare(name, values_of(schedule, expected.size()), expected, 1e-9);
}

}  // namespace

void check_schedules(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    // "base,final,epochs,iters,warmup_epochs,start: (...),(...)"
    const auto arguments = numbers_in(file.metadata("cosine_args"));
    lafs::require(arguments.size() % 6 == 0, "reference", "got ", arguments.size(),
                  " numbers in cosine_args, expected six for each schedule");
    for (std::size_t i = 0; 6 * i < arguments.size(); ++i) {
        const double* a = arguments.data() + 6 * i;
        const auto count = [a](int k) { return static_cast<std::int64_t>(a[k]); };
        const auto schedule = lafs::cosine_schedule(a[0], a[1], count(2), count(3), count(4), a[5]);
        compare_schedule(report, file, "cosine" + std::to_string(i), schedule);
    }
    // "warmup 0.07 -> 0.04 over 30 of 41 epochs"
    const auto teacher = numbers_in(file.metadata("teacher_temp"));
    lafs::require(teacher.size() == 4, "reference", "got ", teacher.size(),
                  " numbers in teacher_temp, expected 4");
    compare_schedule(
        report, file, "teacher_temp",
        lafs::teacher_temperature(teacher[0], teacher[1], static_cast<std::int64_t>(teacher[2])));
}

}  // namespace lafs_reference
