// The functions of all cases.
#pragma once

#include "case.hpp"

namespace lafs_reference {

void check_landmark_patches(const std::filesystem::path& file, Report& report);
void check_landmark_cnn(const std::filesystem::path& file, Report& report);
void check_vit(const std::filesystem::path& file, Report& report);
void check_part_fvit(const std::filesystem::path& file, Report& report);
void check_dino(const std::filesystem::path& file, Report& report);
void check_margin_losses(const std::filesystem::path& file, Report& report);
void check_layer_decay(const std::filesystem::path& file, Report& report);
void check_schedules(const std::filesystem::path& file, Report& report);
void check_verification(const std::filesystem::path& file, Report& report);
void check_ijb(const std::filesystem::path& file, Report& report);
void check_checkpoint(const std::filesystem::path& file, Report& report);
void check_mixup(const std::filesystem::path& file, Report& report);
void check_augmentations(const std::filesystem::path& file, Report& report);

}  // namespace lafs_reference
