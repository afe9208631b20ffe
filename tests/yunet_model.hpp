// Face detection models as YuNet's of 2022 and of 2023, whose answer for any image of 64 x 64 is the same: for tests of
// what is done with that answer.
//
// Models of 2023 and later have four outputs for each stride of 8, 16 and 32: see data/yunet_outputs.hpp.
//
// FaceDetectorYN of OpenCV 4.5.4 to 4.7 reads three outputs: for each of 235 boxes of an image of 64 x 64,
// `loc` (14 values), `conf` (2) and `iou` (1). Boxes 224 to 231 are of 64 and 96 pixels around four centres.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lafs/data/alignment.hpp>
#include <opencv2/core/version.hpp>
#include <string>
#include <utility>
#include <vector>

namespace lafs_test {

/// Whether the OpenCV of this build reads such models.
inline constexpr bool reads_yunet_2022 = CV_VERSION_MAJOR == 4 && CV_VERSION_MINOR < 8;

/// A message of protocol buffers, field by field.
class ProtoMessage {
public:
    ProtoMessage& number(int field, std::uint64_t value) {
        return varint(static_cast<unsigned>(field) << 3).varint(value);
    }
    ProtoMessage& text(int field, const std::string& value) {
        varint(static_cast<unsigned>(field) << 3 | 2).varint(value.size());
        bytes_ += value;
        return *this;
    }
    ProtoMessage& message(int field, const ProtoMessage& value) { return text(field, value.bytes_); }
    const std::string& bytes() const { return bytes_; }

private:
    ProtoMessage& varint(std::uint64_t value) {
        for (; value >= 128; value >>= 7)
            bytes_ += static_cast<char>(value | 128);
        bytes_ += static_cast<char>(value);
        return *this;
    }

    std::string bytes_;
};

/// A face for the model to find: its points, its score, and the box it is found with (0 to 7).
struct PlantedFace {
    lafs::FivePoints points;
    double score = 1;
    std::size_t box = 0;
};

namespace yunet {

inline ProtoMessage tensor(const std::string& name, const std::vector<std::int64_t>& shape,
                           const std::vector<float>& values) {
    ProtoMessage message;
    for (const std::int64_t size : shape)
        message.number(1, static_cast<std::uint64_t>(size));
    message.number(2, 1).text(8, name);
    return message.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
}

inline ProtoMessage value_info(const std::string& name, const std::vector<std::int64_t>& shape) {
    ProtoMessage sizes;
    for (const std::int64_t size : shape)
        sizes.message(1, ProtoMessage().number(1, static_cast<std::uint64_t>(size)));
    return ProtoMessage().text(1, name).message(
        2, ProtoMessage().message(1, ProtoMessage().number(1, 1).message(2, sizes)));
}

/// output = bias, whatever the image: a 1 x 1 convolution of its mean colour with weights of 0.
inline void add_output(ProtoMessage& graph, const std::string& name, const std::vector<float>& bias) {
    const auto count = static_cast<std::int64_t>(bias.size());
    const ProtoMessage kernel =
        ProtoMessage().text(1, "kernel_shape").number(8, 1).number(8, 1).number(20, 7);
    graph.message(1, ProtoMessage()
                         .text(1, "mean")
                         .text(1, name + "_w")
                         .text(1, name + "_b")
                         .text(2, name)
                         .text(3, name + "_node")
                         .text(4, "Conv")
                         .message(5, kernel));
    graph.message(5, tensor(name + "_w", {count, 3, 1, 1}, std::vector<float>(bias.size() * 3)));
    graph.message(5, tensor(name + "_b", {count}, bias));
    graph.message(12, value_info(name, {1, count, 1, 1}));
}

}  // namespace yunet

namespace yunet {

/// A graph whose outputs depend on nothing, and the bytes of its file.
inline ProtoMessage constant_graph() {
    ProtoMessage graph;
    graph.message(
        1, ProtoMessage().text(1, "input").text(2, "mean").text(3, "mean_node").text(4, "GlobalAveragePool"));
    return graph.text(2, "yunet").message(11, value_info("input", {1, 3, 64, 64}));
}
inline std::string file_of(const ProtoMessage& graph) {
    return ProtoMessage()
        .number(1, 7)
        .message(7, graph)
        .message(8, ProtoMessage().text(1, "").number(2, 11))
        .bytes();
}

}  // namespace yunet

/// The bytes of an .onnx file as those of 2023 that finds these faces in every image of 64 x 64, at the anchors of
/// stride 16 that they number (0 to 15), with boxes of 16 x 16.
inline std::string yunet_model_2023(const std::vector<PlantedFace>& faces) {
    ProtoMessage graph = yunet::constant_graph();
    for (const std::size_t stride : {8, 16, 32}) {
        const std::size_t columns = 64 / stride, anchors = columns * columns;
        std::vector<float> classes(anchors), objects(anchors), boxes(anchors * 4), points(anchors * 10);
        for (const PlantedFace& face : stride == 16 ? faces : std::vector<PlantedFace>()) {
            classes[face.box] = static_cast<float>(face.score * face.score);
            objects[face.box] = 1;
            for (std::size_t k = 0; k < 5; ++k) {
                points[face.box * 10 + 2 * k] =
                    static_cast<float>(face.points[k].x / 16 - static_cast<double>(face.box % columns));
                points[face.box * 10 + 2 * k + 1] =
                    static_cast<float>(face.points[k].y / 16 - static_cast<double>(face.box / columns));
            }
        }
        const std::string end = "_" + std::to_string(stride);
        yunet::add_output(graph, "cls" + end, classes);
        yunet::add_output(graph, "obj" + end, objects);
        yunet::add_output(graph, "bbox" + end, boxes);
        yunet::add_output(graph, "kps" + end, points);
    }
    return yunet::file_of(graph);
}

/// The bytes of an .onnx file as those of 2022 that finds these faces in every image of 64 x 64.
inline std::string yunet_model(const std::vector<PlantedFace>& faces) {
    constexpr std::size_t boxes = 235, first = 224;
    constexpr double variance = 0.1;
    std::vector<float> loc(boxes * 14), conf(boxes * 2), iou(boxes);
    for (const PlantedFace& face : faces) {
        const std::size_t box = first + face.box;
        const double width = face.box % 2 == 0 ? 64 : 96;
        const double centre_x = face.box / 2 % 2 == 0 ? 16 : 48, centre_y = face.box / 4 == 0 ? 16 : 48;
        loc[box * 14 + 2] = loc[box * 14 + 3] = static_cast<float>(std::log(16 / width) / (2 * variance));
        for (std::size_t k = 0; k < 5; ++k) {
            loc[box * 14 + 4 + 2 * k] =
                static_cast<float>((face.points[k].x - centre_x) / (variance * width));
            loc[box * 14 + 5 + 2 * k] =
                static_cast<float>((face.points[k].y - centre_y) / (variance * width));
        }
        conf[box * 2 + 1] = static_cast<float>(face.score);
        iou[box] = static_cast<float>(face.score);
    }
    ProtoMessage graph = yunet::constant_graph();
    yunet::add_output(graph, "loc", loc);
    yunet::add_output(graph, "conf", conf);
    yunet::add_output(graph, "iou", iou);
    return yunet::file_of(graph);
}

}  // namespace lafs_test
