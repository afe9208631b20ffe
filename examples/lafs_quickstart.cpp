// Reads a photograph of an aligned face, prints its embedding and its landmarks.
//
//   lafs_quickstart face.jpg model.safetensors     weights written by lafs_finetune
//   lafs_quickstart face.jpg part_fvit.pth         a published checkpoint
//   lafs_quickstart face.jpg                       random weights, to see that everything works
#include <cstdio>
#include <lafs/core/warning.hpp>
#include <lafs/data/image_codec.hpp>
#include <lafs/faces/face_model.hpp>

#include "run_program.hpp"

namespace {

int run(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: lafs_quickstart IMAGE [WEIGHTS.safetensors or .pth]\n");
        return 2;
    }
    // The network's input: 112 x 112 pixels, RGB, values in [-1, 1], as (1, 3, 112, 112).
    const lafs::Image photograph = lafs::load_image(argv[1]);
    if (photograph.width != 112 || photograph.height != 112)
        lafs::warn("the image is no face of 112 x 112 pixels and is resized: align it first (lafs_align)");
    const lafs::Image face = lafs::resize(photograph, 112, 112);
    auto images = lafs::Tensor<float>::empty({1, 3, 112, 112});
    lafs::to_planes(face, images.span());

    lafs::WeightsReport report;
    lafs::FaceModel<float> model = argc == 3 ? lafs::load_face_model(argv[2], {}, &report)
                                             : lafs::FaceModel<float>(lafs::parse_model("tiny"));
    if (argc == 3)
        std::fprintf(stderr, "%s\n", lafs::valid_utf8(report.text()).c_str());

    const lafs::Tensor<float> embedding = model.embed(images);
    std::printf("embedding, %lld values:\n", static_cast<long long>(embedding.size()));
    for (const float value : embedding.span())
        std::printf("%.5f ", static_cast<double>(value));

    if (model.has_landmarks()) {
        const lafs::EvaluationScope<float, lafs::Cpu> evaluation(model);
        const auto points = model.landmarks(lafs::Variable<float>(images)).value();
        std::printf("\nlandmarks, %lld points, x y in pixels:\n", static_cast<long long>(points.shape(1)));
        for (std::int64_t i = 0; i < points.shape(1); ++i)
            std::printf("%.1f %.1f\n", static_cast<double>(points.data()[2 * i]),
                        static_cast<double>(points.data()[2 * i + 1]));
    }
    std::printf("\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return run_program([&] { return run(argc, argv); });
}
