// Writes synthetic faces as an image folder with a list of verification pairs, for lafs_evaluate and others.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <lafs/core/random.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/data/synthetic_faces.hpp>
#include <lafs/io/atomic_file.hpp>
#include <sstream>
#include <string>

namespace {

std::string person_name(std::int64_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "person_%06lld", static_cast<long long>(number));
    return text;
}

std::string image_name(std::int64_t person, std::int64_t image) {
    char text[32];
    std::snprintf(text, sizeof text, "_%04lld.jpg", static_cast<long long>(image + 1));
    return person_name(person) + text;
}

void write_faces(const lafs::SyntheticFaces& faces, const std::filesystem::path& folder) {
    for (std::int64_t i = 0; i < faces.size(); ++i) {
        const std::int64_t person = faces.first_identity() + faces.label(i);
        const auto identity_folder = folder / person_name(person);
        std::filesystem::create_directories(identity_folder);
        lafs::save_image(identity_folder / image_name(person, i % faces.images_per_identity()),
                         faces.image(i));
    }
}

/// LFW's format; the folds have no identity in common, and in each as many pairs show one person as show two.
std::string pair_list(const lafs::SyntheticFaces& faces, std::int64_t folds, std::int64_t pairs,
                      std::uint64_t seed) {
    lafs::RandomSequence random(seed, 0);
    const std::int64_t people = faces.identities() / folds;
    const auto draw = [&](std::int64_t count) {
        return static_cast<std::int64_t>(random.integer(static_cast<std::uint64_t>(count)));
    };
    std::ostringstream list;
    list << folds << '\t' << pairs << '\n';
    for (std::int64_t fold = 0; fold < folds; ++fold) {
        const std::int64_t first = faces.first_identity() + fold * people;
        for (std::int64_t i = 0; i < pairs; ++i) {
            const std::int64_t a = draw(faces.images_per_identity());
            const std::int64_t b =
                (a + 1 + draw(faces.images_per_identity() - 1)) % faces.images_per_identity();
            list << person_name(first + draw(people)) << '\t' << a + 1 << '\t' << b + 1 << '\n';
        }
        for (std::int64_t i = 0; i < pairs; ++i) {
            const std::int64_t p = draw(people), q = (p + 1 + draw(people - 1)) % people;
            list << person_name(first + p) << '\t' << draw(faces.images_per_identity()) + 1 << '\t'
                 << person_name(first + q) << '\t' << draw(faces.images_per_identity()) + 1 << '\n';
        }
    }
    return list.str();
}

}  // namespace

int main(int argc, char** argv) try {
    CLI::App app{"Writes synthetic faces to OUT/images and verification pairs to OUT/pairs.txt."};
    std::string out;
    std::int64_t identities = 100, images = 10, first = 0, folds = 10, pairs = 100;
    std::uint64_t seed = 0;
    app.add_option("--out", out, "Folder to write")->required();
    app.add_option("--ids", identities, "Number of people")->capture_default_str();
    app.add_option("--images", images, "Images of each")->capture_default_str();
    app.add_option("--first", first,
                   "Number of the first person; other people than 0..N-1 are never seen by a "
                   "training on synthetic:ids=N")
        ->capture_default_str();
    app.add_option("--folds", folds, "Folds of the pair list")->capture_default_str();
    app.add_option("--pairs", pairs, "Pairs of one person, and as many of two, in each fold")
        ->capture_default_str();
    app.add_option("--seed", seed, "Seed of faces and pairs")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    lafs::require(folds >= 1 && identities / folds >= 2 && images >= 2 && pairs >= 1, "lafs_synthetic",
                  "got ", identities, " people of ", images, " images in ", folds,
                  " folds, expected two people in each fold and two images of each");
    const lafs::SyntheticFaces faces(identities, images, seed, first);
    write_faces(faces, std::filesystem::path(out) / "images");
    lafs::write_file(std::filesystem::path(out) / "pairs.txt", pair_list(faces, folds, pairs, seed));
    std::cout << faces.size() << " images in " << out << "/images, pairs in " << out << "/pairs.txt\n";
} catch (const std::exception& error) {
    std::cerr << "lafs_synthetic: " << error.what() << '\n';
    return 1;
}
