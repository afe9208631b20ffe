// The functions of all cases.
#pragma once

#include "case.hpp"

namespace lafs_reference {

void check_landmark_cnn(const std::filesystem::path& file, Report& report);

}  // namespace lafs_reference
