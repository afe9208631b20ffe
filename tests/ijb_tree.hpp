// A small set laid out like IJB: synthetic faces, turned and shifted in larger pictures, with their points.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <lafs/data/alignment.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace lafs_test {

/// Identity k has the templates 10 k + 1 (images 0 and 1, one medium) and 10 k + 2 (images 2 and 3, two
/// media). All templates of the first kind are compared with all of the second. The first half of the
/// identities is in the gallery S1, the second but the last in S2; the probes are the second templates.
struct IjbTree {
    static constexpr int identities = 6;
    TemporaryFolder folder;
    std::filesystem::path root = folder / "IJBB";
    lafs::SyntheticFaces faces{identities, 4, 5};

    IjbTree() {
        std::string images, points;
        for (int k = 0; k < identities; ++k)
            for (int i = 0; i < 4; ++i) {
                const int index = 4 * k + i;
                const std::string name = std::to_string(index + 1) + ".png";
                images += name + " " + std::to_string(10 * k + 1 + i / 2) + " " +
                          std::to_string(100 * k + (i < 2 ? 7 : 10 - i)) + "\n";
                points += name + place_face(index, name) + "\n";
            }
        list("face_tid_mid.txt", images);
        list("name_5pts_score.txt", points);
        std::string pairs, galleries[2] = {"TEMPLATE_ID,SUBJECT_ID\n", "TEMPLATE_ID,SUBJECT_ID\n"};
        std::string probes = galleries[0];
        for (int a = 0; a < identities; ++a)
            for (int b = 0; b < identities; ++b)
                pairs += std::to_string(10 * a + 1) + " " + std::to_string(10 * b + 2) +
                         (a == b ? " 1\n" : " 0\n");
        for (int k = 0; k < identities; ++k) {
            if (k + 1 < identities)
                galleries[2 * k / identities] += std::to_string(10 * k + 1) + "," + std::to_string(k) + "\n";
            probes += std::to_string(10 * k + 2) + "," + std::to_string(k) + "\n";
        }
        list("template_pair_label.txt", pairs);
        list("1N_gallery_S1.csv", galleries[0]);
        list("1N_gallery_S2.csv", galleries[1]);
        list("1N_probe_mixed.csv", probes);
    }

    void list(const std::string& name, const std::string& text) const {
        write_text(root / "meta" / ("ijbb_" + name), text);
    }

private:
    /// Writes the picture of a face; returns its points and score as the list has them.
    std::string place_face(int index, const std::string& name) const {
        const double angle = 0.1 * (index % 5 - 2), scale = 1.0 + 0.05 * (index % 3);
        const lafs::Similarity turn{scale * std::cos(angle), scale * std::sin(angle), 30.0, 18.0 + index % 7};
        std::filesystem::create_directories(root / "loose_crop");
        lafs::save_image(root / "loose_crop" / name, lafs::warp(faces.image(index), turn, 190, 180));
        const auto landmarks = faces.landmarks(index);
        std::string text;
        char number[64];
        for (std::size_t k = 0; k < 5; ++k) {
            const lafs::Point p = turn({landmarks[k].x, landmarks[k].y});
            std::snprintf(number, sizeof number, " %.4f %.4f", p.x, p.y);
            text += number;
        }
        std::snprintf(number, sizeof number, " %.3f", 0.5 + 0.02 * index);
        return text + number;
    }
};

}  // namespace lafs_test
