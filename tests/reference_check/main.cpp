// reference_check FOLDER: compares the library with every file of reference tensors of a folder.
//
// Exit status 0 when all files agree, 1 when one does not, 77 when the folder holds none of them.
#include <exception>

#include "cases.hpp"

namespace {

using namespace lafs_reference;

struct Case {
    const char* file;
    CaseFunction run;
};

constexpr Case cases[] = {
    {"02_landmark_cnn.safetensors", check_landmark_cnn},
};

/// Whether the case passed.
bool run(const Case& each, const std::filesystem::path& file) {
    Report report;
    std::cout << each.file << std::endl;
    try {
        each.run(file, report);
    } catch (const std::exception& error) {
        report.check(each.file, false, error.what());
    }
    std::cout << "    " << report.checks() - report.failures() << " of " << report.checks()
              << " checks passed, largest error " << std::setprecision(2) << 100.0 * report.worst()
              << " % of what is allowed\n";
    return report.failures() == 0 && report.checks() > 0;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: reference_check FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = arguments[1];
    int found = 0, failed = 0;
    for (const Case& each : cases)
        if (const auto file = folder / each.file; std::filesystem::exists(file)) {
            ++found;
            failed += !run(each, file);
        } else {
            std::cout << each.file << "\n    SKIPPED: absent\n";
        }
    std::cout << found - failed << " of " << found << " files agree\n";
    return failed ? 1 : found ? 0 : 77;
}
