#include <cstring>
#include <lafs/io/pytorch_checkpoint.hpp>
#include <string>
#include <vector>

#include "catch.hpp"
#include "shared_data.hpp"
#include "temporary_folder.hpp"
#include "zip_bytes.hpp"

using lafs::DType;
using lafs::PyTorchCheckpoint;
using lafs_test::little;
using lafs_test::mentions;
using lafs_test::message_of;
using lafs_test::TemporaryFolder;
using lafs_test::write_text;
using lafs_test::zip_bytes;
using lafs_test::ZipEntry;

namespace {

// Pickle opcodes by hand.

std::string text(const std::string& content) {
    return "X" + little(content.size(), 4) + content;
}
std::string integer(std::int64_t value) {
    return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8);
}
std::string tuple(const std::vector<std::int64_t>& values) {
    std::string bytes = "(";
    for (const std::int64_t value : values)
        bytes += integer(value);
    return bytes + "t";
}
std::string global(const std::string& module, const std::string& name) {
    return "c" + module + "\n" + name + "\n";
}
const std::string ordered_dict = global("collections", "OrderedDict") + ")R";

std::string storage(const std::string& type, const std::string& key, std::int64_t elements) {
    return "(" + text("storage") + global("torch", type) + text(key) + text("cuda:0") + integer(elements) +
           "tQ";
}

/// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict())
std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& strides) {
    return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(offset) + tuple(shape) +
           tuple(strides) + "\x89" + ordered_dict + "tR";
}

std::string dict(const std::string& entries) {
    return "}(" + entries + "u";
}

template <class T>
std::string raw(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

/// A checkpoint file of this root value and these storages.
std::string checkpoint(const std::string& root, const std::vector<ZipEntry>& storages = {},
                       const std::vector<ZipEntry>& more = {}) {
    std::vector<ZipEntry> entries = {{"archive/data.pkl", "\x80\x02" + root + "."}};
    for (ZipEntry entry : storages) {
        entry.name = "archive/data/" + entry.name;
        entries.push_back(entry);
    }
    entries.insert(entries.end(), more.begin(), more.end());
    return zip_bytes(entries, false, 64);
}

struct OneFile {
    TemporaryFolder folder;
    std::filesystem::path path = folder / "x.pth";

    PyTorchCheckpoint open(const std::string& bytes) const {
        write_text(path, bytes);
        return PyTorchCheckpoint::open(path);
    }
    void refused(const std::string& bytes, const std::string& expected) const {
        const std::string message = message_of([&] { open(bytes); });
        INFO(message);
        CHECK(mentions(message, "x.pth"));
        CHECK(mentions(message, expected));
    }
};

const std::vector<ZipEntry> six_floats = {{"0", raw<float>({0, 1, 2, 3, 4, 5})}};
const std::string floats = storage("FloatStorage", "0", 6);

}  // namespace

TEST_CASE("tensors are views of shared storages", "[io]") {
    const OneFile file;
    const auto read = file.open(
        checkpoint(dict(text("whole") + tensor(floats, 0, {2, 3}, {3, 1}) + text("transposed") +
                        tensor(floats, 0, {3, 2}, {1, 3}) + text("column") + tensor(floats, 1, {2}, {3}) +
                        text("repeated") + tensor(floats, 4, {2, 2, 2}, {0, 1, 0}) + text("number") +
                        tensor(floats, 5, {}, {}) + text("empty") + tensor(floats, 6, {0, 7}, {7, 1}) +
                        text("ones") + tensor(floats, 2, {1, 2, 1}, {99, 1, 42})),
                   six_floats));
    CHECK(read.names() ==
          std::vector<std::string>{"column", "empty", "number", "ones", "repeated", "transposed", "whole"});
    CHECK(read.path() == file.path);
    CHECK(read.skipped().empty());
    CHECK(read.read<float>("whole") == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(read.read<float>("transposed") == std::vector<float>{0, 3, 1, 4, 2, 5});
    CHECK(read.read<double>("column") == std::vector<double>{1, 4});
    CHECK(read.read<float>("repeated") == std::vector<float>{4, 4, 5, 5, 4, 4, 5, 5});
    CHECK(read.read<float>("number") == std::vector<float>{5});
    CHECK(read.read<float>("empty").empty());
    CHECK(read.read<float>("ones") == std::vector<float>{2, 3});
    CHECK(read.info("transposed").dtype == DType::float32);
    CHECK(read.info("transposed").shape == std::vector<std::int64_t>{3, 2});
    CHECK(read.info("transposed").strides == std::vector<std::int64_t>{1, 3});
    CHECK(read.info("column").offset == 1);
    CHECK(read.contains("column"));
    CHECK(!read.contains("row"));
    CHECK(mentions(message_of([&] { read.info("row"); }), "has no tensor \"row\""));
    CHECK(mentions(message_of([&] { read.read<std::int64_t>("whole"); }), "is float32, expected int64"));
    std::vector<float> short_buffer(5);
    CHECK(mentions(message_of([&] { read.read("whole", std::span<float>(short_buffer)); }),
                   "has 6 elements, expected 5"));
}

TEST_CASE("every element type of PyTorch that lafs holds is read", "[io]") {
    const OneFile file;
    const auto one = [](const std::string& type, std::int64_t count) {
        return text(type) + tensor(storage(type, type, count), 0, {count}, {1});
    };
    const auto read = file.open(checkpoint(
        dict(one("DoubleStorage", 1) + one("HalfStorage", 2) + one("BFloat16Storage", 2) +
             one("LongStorage", 2) + one("IntStorage", 2) + one("ShortStorage", 2) + one("CharStorage", 2) +
             one("ByteStorage", 2) + one("BoolStorage", 2) + text("v3") +
             global("torch._utils", "_rebuild_tensor_v3") + "(" + storage("UntypedStorage", "IntStorage", 8) +
             integer(1) + tuple({1}) + tuple({1}) + "\x89" + ordered_dict + global("torch", "int32") + "tR"),
        {{"DoubleStorage", raw<double>({0.1})},
         {"HalfStorage", raw<std::uint16_t>({0x3C00, 0xC100})},      // 1, -2.5
         {"BFloat16Storage", raw<std::uint16_t>({0x3F80, 0xC020})},  // 1, -2.5
         {"LongStorage", raw<std::int64_t>({INT64_MIN, 7})},
         {"IntStorage", raw<std::int32_t>({-5, 70000})},
         {"ShortStorage", raw<std::int16_t>({-5, 300})},
         {"CharStorage", raw<std::int8_t>({-5, 127})},
         {"ByteStorage", raw<std::uint8_t>({200, 3})},
         {"BoolStorage", raw<std::uint8_t>({1, 0})}}));
    CHECK(read.read<double>("DoubleStorage") == std::vector<double>{0.1});
    CHECK(read.read<float>("HalfStorage") == std::vector<float>{1.0f, -2.5f});
    CHECK(read.info("HalfStorage").dtype == DType::float16);
    CHECK(read.read<float>("BFloat16Storage") == std::vector<float>{1.0f, -2.5f});
    CHECK(read.info("BFloat16Storage").dtype == DType::bfloat16);
    CHECK(read.read<std::int64_t>("LongStorage") == std::vector<std::int64_t>{INT64_MIN, 7});
    CHECK(read.read<std::int64_t>("IntStorage") == std::vector<std::int64_t>{-5, 70000});
    CHECK(read.read<std::int16_t>("ShortStorage") == std::vector<std::int16_t>{-5, 300});
    CHECK(read.read<std::int8_t>("CharStorage") == std::vector<std::int8_t>{-5, 127});
    CHECK(read.read<std::uint8_t>("ByteStorage") == std::vector<std::uint8_t>{200, 3});
    CHECK(read.info("BoolStorage").dtype == DType::boolean);
    CHECK(read.read<std::uint8_t>("BoolStorage") == std::vector<std::uint8_t>{1, 0});
    CHECK(read.read<std::int32_t>("v3") == std::vector<std::int32_t>{70000});
    CHECK(mentions(message_of([&] { read.read<std::int8_t>("ShortStorage"); }),
                   "holds 300, which does not fit"));
}

TEST_CASE("names are the paths of nested containers; what is not known is skipped and listed", "[io]") {
    const OneFile file;
    const std::string value = tensor(floats, 0, {1}, {1});
    const std::string parameter =
        global("torch._utils", "_rebuild_parameter") + "(" + value + "\x88" + ordered_dict + "tR";
    const std::string subclass = global("torch._tensor", "_rebuild_from_type_v2") + "(" +
                                 global("torch._utils", "_rebuild_tensor_v2") + global("torch", "Tensor") +
                                 "(" + floats + integer(1) + tuple({1}) + tuple({1}) + "\x89" + ordered_dict +
                                 "t}tR";
    const std::string sparse = global("torch._utils", "_rebuild_sparse_tensor") + ")R";
    const std::string state_dict = ordered_dict + "(" + text("module.w") + value + text("module.p") +
                                   parameter + text("s") + subclass + "u}" + text("_metadata") + "}sb";
    const auto read = file.open(checkpoint(
        dict(text("student") + state_dict + text("list") + "](" + value + "}" + integer(3) + value + "sN" +
             value + "e" + text("args") + global("argparse", "Namespace") + ")\x81}" + text("lr") +
             integer(1) + "sb" + text("epoch") + integer(7) + text("betas") + tuple({1, 2}) + text("sparse") +
             sparse + text("complex") + tensor(storage("ComplexFloatStorage", "0", 3), 0, {3}, {1}) +
             tuple({5}) + value + text("optimizer") + global("os", "system") + "(" + text("reboot") + "tR" +
             text("student.s") + value),
        six_floats));
    CHECK(read.names() == std::vector<std::string>{"(a tuple of 1)", "list.0", "list.1.3", "list.3",
                                                   "student.module.p", "student.module.w", "student.s"});
    CHECK(read.read<float>("student.module.p") == std::vector<float>{0});
    CHECK(read.read<float>("student.s") == std::vector<float>{1});
    CHECK(read.skipped() ==
          std::vector<std::string>{
              "list.2 (None)", "args (an object of argparse.Namespace)", "epoch (the integer 7)",
              "betas (a tuple of 2)", "sparse (an object of torch._utils._rebuild_sparse_tensor)",
              "complex (a tensor of torch.ComplexFloatStorage)", "optimizer (an object of os.system)",
              "student.s (a tensor whose name is taken)"});
    CHECK(file.open(checkpoint(value, six_floats)).names() == std::vector<std::string>{"tensor"});
    CHECK(file.open(checkpoint("}")).names().empty());
    const std::string factory = global("collections", "defaultdict") + "cbuiltins\nlist\n\x85R";
    const std::string counter = global("collections", "Counter") + "}" + text("a") + integer(2) + "s\x85R";
    const auto kinds = file.open(
        checkpoint(dict(text("d") + factory + text("w") + value + "s" + text("c") + counter), six_floats));
    CHECK(kinds.names() == std::vector<std::string>{"d.w"});
    CHECK(kinds.skipped() == std::vector<std::string>{"c (an object of collections.Counter)"});
}

TEST_CASE("files that cannot be read say what to do", "[io]") {
    const OneFile file;
    const std::string value = tensor(floats, 0, {6}, {1});
    const std::string model = global("models", "Net") + ")\x81}(" + text("training") + "\x88" +
                              text("_parameters") + ordered_dict + text("weight") + value + "sub";
    file.refused(checkpoint(model, six_floats),
                 "holds a whole pickled model, not its weights (\"\" is an "
                 "object of models.Net)");
    file.refused(
        checkpoint(dict(text("epoch") + integer(3) + text("model") + model + text("optimizer") +
                        dict(text("step") + value)),
                   six_floats),
        "\"model\" is an object of models.Net). Only the program that defines its classes can read it; "
        "save the weights there: torch.save(model.state_dict(), \"weights.pth\")");
    // Beside weights such an object is skipped.
    CHECK(file.open(checkpoint(dict(text("criterion") + model + text("w") + value), six_floats)).skipped() ==
          std::vector<std::string>{"criterion (an object of models.Net)"});
    file.refused(checkpoint(dict(text("w") + value), six_floats, {{"archive/constants.pkl", "\x80\x02)."}}),
                 "is a TorchScript archive, whose code would have to be executed: in Python, "
                 "torch.save(torch.jit.load(");
    file.refused(checkpoint(dict(text("w") + value), six_floats, {{"archive/byteorder", "big"}}),
                 "has elements of byte order \"big\", expected \"little\"");
    CHECK(file.open(checkpoint(dict(text("w") + value), six_floats, {{"archive/byteorder", "little"}}))
              .contains("w"));
    const std::string magic("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
    file.refused(magic + "\x80\x02M\xe9\x03.",
                 "is in the format of PyTorch before 1.6, expected a zip file: convert it in Python with "
                 "torch.save(torch.load(");
    std::string tar(1024, '\0');
    tar.replace(257, 5, "ustar");
    file.refused(tar, "is in the format of PyTorch before 0.1.10");
    file.refused("\x80\x03}.", "is a plain pickle, expected a file that torch.save wrote");
    file.refused("", "an empty file, expected a PyTorch checkpoint");
    file.refused("\xFF\xD8\xFF", "a JPEG image, expected a PyTorch checkpoint");
    file.refused(zip_bytes({{"array.npy", "x"}}), "holds no data.pkl");
    file.refused(zip_bytes({{"a/data.pkl", "}."}, {"b/data.pkl", "}."}}),
                 "holds both \"a/data.pkl\" and \"b/data.pkl\"");
    CHECK(file.open(zip_bytes({{"data.pkl", "}."}})).names().empty());
    file.refused(checkpoint("}").substr(0, 100), "cut off");
    ZipEntry compressed{"0", "abc"};
    compressed.method = 8;
    compressed.size = 4'000'000'000;
    file.refused(checkpoint(dict(text("w") + value), {compressed}),
                 "\"archive/data/0\" is compressed (3 bytes, to become 4000000000)");
}

TEST_CASE("hostile checkpoints end in a message", "[io]") {
    const OneFile file;
    const auto refused = [&](const std::string& value, const std::string& expected) {
        file.refused(checkpoint(dict(text("w") + value), six_floats), expected);
    };
    // Views that reach past their storage.
    refused(tensor(floats, 0, {7}, {1}), "\"w\" needs 7 elements of its storage, which has 6");
    refused(tensor(floats, 1, {2, 3}, {3, 1}), "\"w\" needs 7 elements");
    refused(tensor(floats, 0, {2, 2}, {5, 1}), "\"w\" needs 7 elements");
    refused(tensor(floats, INT64_MAX, {1}, {1}), "\"w\" needs 9223372036854775808 elements");
    refused(tensor(floats, 0, {INT64_MAX, 4}, {INT64_MAX, 4}), "\"w\" needs more than 2^64 elements");
    refused(tensor(floats, 0, {INT64_MAX, 4}, {0, 0}), "\"w\" needs more than 2^64");
    refused(tensor(floats, 0, {100'000'000}, {0}), "views of far more than the file's");
    refused(tensor(floats, -1, {1}, {1}), "got -1, expected at least 0");
    refused(tensor(floats, 0, {-1}, {1}), "got -1, expected at least 0");
    refused(tensor(floats, 0, {2}, {-1}), "got -1, expected at least 0");
    refused(tensor(floats, 0, {2, 3}, {1}), "got 2 sizes and 1 strides");
    refused(tensor(floats, 0, std::vector<std::int64_t>(65, 1), {}), "got 65 axes");
    // Storages.
    refused(tensor(storage("FloatStorage", "0", 7), 0, {1}, {1}),
            "the storage of \"w\" has 24 bytes, expected 28");
    refused(tensor(storage("FloatStorage", "0", INT64_MAX), 0, {1}, {1}), "fewer than 2^64 bytes");
    refused(tensor(storage("FloatStorage", "1", 6), 0, {1}, {1}),
            "the storage \"1\" of \"w\" is not in the archive");
    refused(tensor(storage("FloatStorage", "../data.pkl", 6), 0, {1}, {1}), "is not in the archive");
    refused(tensor("N", 0, {1}, {1}), "got None, expected a persistent id");
    refused(tensor("(Nt"
                   "Q",
                   0, {1}, {1}),
            "got a tuple of 1, expected (\"storage\"");
    refused(tensor(text("x") + "Q", 0, {1}, {1}), "expected (\"storage\"");
    refused(global("torch._utils", "_rebuild_tensor_v2") + ")R", "got a tuple of 0, expected more than 0");
    refused(global("torch._utils", "_rebuild_parameter") + ")R", "got a tuple of 0, expected more than 0");
    // Values in places without number.
    std::string laughs = "](" + std::string("]") + tensor(floats, 0, {1}, {1}) + "ae";
    for (int i = 0; i < 40; ++i)
        laughs += "2\x86";
    refused(laughs, "holds the same values in too many places");
    const auto cyclic = file.open(checkpoint(
        "}q\1" + text("self") + "h\1s" + text("w") + tensor(floats, 0, {1}, {1}) + "s", six_floats));
    CHECK(cyclic.names() == std::vector<std::string>{"w"});
    CHECK(cyclic.skipped() == std::vector<std::string>{"self (a dict of 2 that holds itself)"});
    const auto deep = file.open(checkpoint(std::string(100'000, ']') + std::string(99'999, 'a')));
    REQUIRE(deep.skipped().size() == 1);
    CHECK(mentions(deep.skipped()[0], "nested more than 100 deep"));
    std::string many = "}(";
    for (int i = 0; i < 20'000; ++i)
        many += integer(i) + "N";
    const auto listed = file.open(checkpoint(many + "u"));
    CHECK(listed.skipped().size() == 10'001);
    CHECK(listed.skipped().back() == "and 10000 more");
    // Damage that only the checksums show.
    ZipEntry flipped = six_floats[0];
    flipped.crc_error = 1;
    const auto damaged = file.open(checkpoint(dict(text("w") + tensor(floats, 0, {6}, {1})), {flipped}));
    for (int i = 0; i < 2; ++i)
        CHECK(mentions(message_of([&] { damaged.read<float>("w"); }), "\"archive/data/0\" at byte"));
    std::string bytes = checkpoint(dict(text("weight") + tensor(floats, 0, {6}, {1})), six_floats);
    bytes[bytes.find("weight")] = 'v';
    file.refused(bytes, "is damaged: its CRC-32");
}

TEST_CASE("every truncation of a checkpoint is refused", "[io]") {
    const OneFile file;
    const std::string whole = checkpoint(dict(text("w") + tensor(floats, 0, {6}, {1})), six_floats);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(!message_of([&] { file.open(whole.substr(0, size)); }).empty());
}

TEST_CASE("the shared checkpoints are read, or refused, as their description says", "[io]") {
    const auto folder = lafs_test::shared("data/checkpoints");
    if (!folder)
        return;
    const auto mnist = PyTorchCheckpoint::open(*folder / "vit_mnist.pth");
    CHECK(mnist.names().size() == 74);
    CHECK(mnist.skipped().empty());
    CHECK(mnist.info("mlp_head.2.weight").shape == std::vector<std::int64_t>{10, 128});
    // Sums by Python's struct module over the bytes of the members.
    double sum = 0;
    for (const double value : mnist.read<double>("mlp_head.2.weight"))
        sum += value;
    CHECK(sum == Approx(-52.762383458786644).epsilon(1e-12));
    const auto small = PyTorchCheckpoint::open(*folder / "vit_small.pth");
    CHECK(small.names().size() == 45);
    CHECK(small.read<float>("blocks.0.mhsa.k_mappings.0.bias") ==
          std::vector<float>{0.195451975f, -0.392522514f, -0.356277585f, -0.422155261f});
    CHECK(mentions(message_of([&] { PyTorchCheckpoint::open(*folder / "legacy_not_zip.pt"); }),
                   "legacy_not_zip.pt\" is in the format of PyTorch before 1.6"));
    CHECK(mentions(
        message_of([&] { PyTorchCheckpoint::open(*folder / "whole_pickled_model.pt"); }),
        "holds a whole pickled model, not its weights (\"model\" is an object of models.yolo.Model)"));
    CHECK(mentions(message_of([&] { PyTorchCheckpoint::open(*folder / "tiny.safetensors"); }),
                   "expected a PyTorch checkpoint"));
}
