// reference_check FOLDER: compares the library with every file of reference tensors of a folder. A line for
// each file: its name, the worst error, what is allowed.
//
// Exit status 0 when all files agree, 1 when one does not, 77 when the folder holds none of them, 2 when
// there is no folder.
#include <exception>

#include "cases.hpp"

namespace {

using namespace lafs_reference;

struct Case {
    const char* file;
    CaseFunction run;
};

// clang-format off
constexpr Case cases[] = {
    {"01_landmark_patches.safetensors", check_landmark_patches},
    {"02_landmark_cnn.safetensors", check_landmark_cnn},
    {"03_vit.safetensors", check_vit},
    {"04_part_fvit_cosface.safetensors", check_part_fvit},
    {"05_dino_training.safetensors", check_dino},
    {"06_margin_losses.safetensors", check_margin_losses},
    {"07_layer_decay.json", check_layer_decay},
    {"08_schedules.safetensors", check_schedules},
    {"09_verification.safetensors", check_verification},
    {"10_ijb_templates.safetensors", check_ijb},
    {"11_lafs_checkpoint.pth", check_checkpoint},
    {"12_part_fvit.pth", check_checkpoint},
    {"13_mixup.safetensors", check_mixup},
    {"14_augmentations.safetensors", check_augmentations},
};
// clang-format on

/// Prints the case's line, after those of what failed, and says whether it passed.
bool run(const Case& each, const std::filesystem::path& file) {
    Report report;
    try {
        each.run(file, report);
    } catch (const std::exception& error) {
        report.check(each.file, false, error.what());
    }
    const bool passed = report.failures() == 0 && report.checks() > 0;
    std::cout << file.stem().string() << ", " << std::setprecision(3) << report.worst_error() << ", "
              << report.allowed() << (passed ? "" : ", FAILED") << std::endl;
    return passed;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: reference_check FOLDER\n";
        return 2;
    }
    const std::filesystem::path folder = arguments[1];
    if (!std::filesystem::is_directory(folder)) {
        std::cerr << "reference_check: " << folder.string() << " is not a folder\n";
        return 2;
    }
    int passed = 0, failed = 0;
    for (const Case& each : cases)
        if (const auto file = folder / each.file; std::filesystem::exists(file))
            ++(run(each, file) ? passed : failed);
    std::cout << passed << " passed, " << failed << " failed\n";
    if (passed + failed == 0)
        std::cerr << "reference_check: " << folder.string() << " holds no case, expected files such as "
                  << cases[0].file << '\n';
    return failed ? 1 : passed ? 0 : 77;
}
