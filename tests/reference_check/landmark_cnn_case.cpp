// 02: the landmark CNN in evaluation and in training mode, with gradients and running statistics.
#include <lafs/models/landmark_cnn.hpp>

#include "cases.hpp"
#include "tensors.hpp"

namespace lafs_reference {

namespace {

using lafs::Tensor;
using lafs::Variable;

class LandmarkCase {
public:
    LandmarkCase(const lafs::SafetensorsFile& file, Report& report) : file_(file), report_(report) {
        image_ = tensor_of(file, "image");
        lafs::LandmarkCnnConfig config;
        config.landmarks = file.info("grad_landmarks").shape.at(1);
        config.image_size = image_.shape(3);
        config.dropout = 0.0;
        cnn_ = lafs::LandmarkCnn<float>(config);
        const auto match = lafs::load_weights(cnn_, file, "weights.");
        report.check("weights", match.left_over.empty(), "names that the model lacks");
    }

    void run(bool training) {
        const std::string mode = training ? "train." : "eval.";
        cnn_.train(training);
        cnn_.zero_grad();
        const auto map = cnn_.stn.forward(Variable<float>(image_));
        const auto theta = cnn_.output_layer.forward(map);
        const auto landmarks =
            lafs::landmarks_from_theta(theta, static_cast<double>(cnn_.config.image_size - 1));
        compare(mode + "feature_map", map.value(), 1e-4);
        compare(mode + "theta", theta.value(), 1e-4);
        compare(mode + "landmarks", landmarks.value(), 1e-4);
        landmarks.backward(tensor_of(file_, "grad_landmarks"));
        compare_gradients(mode);
        if (training)
            for (const auto& [name, buffer] : cnn_.buffers())
                compare("train.running." + name, buffer, 1e-4);
    }

private:
    void compare_gradients(const std::string& mode) {
        // A bias in front of batch statistics has no effect: its gradient is zero but for rounding.
        double largest = 0.0;
        for (const auto& [name, parameter] : cnn_.parameters())
            largest = std::max(largest, file_.read<double>(mode + "grad_norm." + name).at(0));
        for (const auto& [name, parameter] : cnn_.parameters()) {
            double squares = 0.0;
            for (const float g : parameter.grad().span())
                squares += double{g} * g;
            const double norm = std::sqrt(squares);
            report_.compare(mode + "grad_norm." + name, std::span<const double>(&norm, 1),
                            std::span<const double>(file_.read<double>(mode + "grad_norm." + name)), 2e-3,
                            1e-4 * largest);
            if (file_.contains(mode + "grad." + name))
                compare(mode + "grad." + name, parameter.grad(), 2e-3);
        }
    }

    void compare(const std::string& name, const Tensor<float>& got, double allowed) {
        lafs_reference::compare(report_, file_, name, got, allowed);
    }

    const lafs::SafetensorsFile& file_;
    Report& report_;
    Tensor<float> image_;
    lafs::LandmarkCnn<float> cnn_;
};

}  // namespace

void check_landmark_cnn(const std::filesystem::path& path, Report& report) {
    const auto file = lafs::SafetensorsFile::open(path);
    LandmarkCase landmark_case(file, report);
    landmark_case.run(false);
    landmark_case.run(true);
}

}  // namespace lafs_reference
