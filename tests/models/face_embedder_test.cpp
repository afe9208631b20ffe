// A recogniser as a function: its embeddings on any device are those of the model in double on the CPU.
#include <lafs/faces/face_embedder.hpp>
#include <lafs/io/weights.hpp>

#include "device_values.hpp"
#include "temporary_folder.hpp"

TEST_CASE("face_embedder: host images to embeddings, on every device", "[models]") {
    const lafs_test::TemporaryFolder folder;
    const auto file = folder / "model.safetensors";
    {
        lafs::manual_seed(9);
        lafs::FaceModel<float> model(lafs::parse_model("grid-tiny:depth=1,dim=32,heads=1,mlp=32"));
        lafs::save_weights(model, file, lafs::model_metadata(model.spec()));
    }
    const auto images = lafs::uniform_tensor<float>({2, 3, 112, 112}, 4);
    const auto expected = lafs::load_face_model<double>(file).embed(lafs::cast<double>(images));
    REQUIRE(expected.shape() == lafs::Shape{2, 32});

    const lafs::FaceEmbedder embed = lafs::face_embedder<lafs_test::Device>(file);
    const lafs::Tensor<float> rows = embed(images);
    REQUIRE(rows.shape() == expected.shape());
    for (std::int64_t i = 0; i < expected.size(); ++i)
        CHECK(rows.data()[i] == Approx(expected.data()[i]).margin(1e-5));
    CHECK_THROWS_AS(lafs::face_embedder<lafs_test::Device>(folder / "none.safetensors"), lafs::Error);
}
