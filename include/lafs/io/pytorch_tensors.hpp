// The tensors of a checkpoint by name: a walk through its pickle that stops at cycles and is bounded by the
// pickle's size, and the check of every tensor against its storage.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/core/error.hpp>
#include <lafs/io/pickle.hpp>
#include <lafs/io/pytorch_archive.hpp>
#include <lafs/io/pytorch_pickle.hpp>
#include <lafs/io/zip_archive.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A tensor of a checkpoint: a view of a storage. Element (i, j, ...) is number offset + i strides[0] +
/// j strides[1] + ... of the storage; a stride is 0 where elements repeat.
struct PyTorchTensorInfo {
    DType dtype = DType::float32;
    std::vector<std::int64_t> shape, strides;
    std::uint64_t offset = 0;
    std::span<const std::byte>
        storage;             ///< raw little-endian elements, not aligned, valid as long as the file
    std::size_t member = 0;  ///< number of the storage in the archive

    std::size_t elements() const {
        std::size_t count = 1;
        for (const std::int64_t size : shape)
            count *= static_cast<std::size_t>(size);
        return count;
    }
};

namespace detail {

/// Calls visit(position, offset, count) for runs of elements that are neighbours both in row-major order
/// (from `position`) and in the storage (from `offset`).
template <class Visit>
void for_each_run(const PyTorchTensorInfo& tensor, const Visit& visit) {
    const auto size = [&](std::size_t axis) { return static_cast<std::uint64_t>(tensor.shape[axis]); };
    const auto stride = [&](std::size_t axis) { return static_cast<std::uint64_t>(tensor.strides[axis]); };
    std::size_t outer = tensor.shape.size();
    std::uint64_t run = 1;
    for (; outer > 0 && (size(outer - 1) == 1 || stride(outer - 1) == run); --outer)
        run *= size(outer - 1);
    const std::size_t total = tensor.elements();
    std::vector<std::uint64_t> index(outer);
    std::uint64_t offset = tensor.offset;
    for (std::size_t position = 0; position < total; position += static_cast<std::size_t>(run)) {
        visit(position, offset, static_cast<std::size_t>(run));
        for (std::size_t axis = outer; axis-- > 0;) {
            offset += stride(axis);
            if (++index[axis] < size(axis))
                break;
            offset -= stride(axis) * size(axis);
            index[axis] = 0;
        }
    }
}

/// What the walk finds.
struct PyTorchTensors {
    std::map<std::string, PyTorchTensorInfo> named;
    std::vector<std::string> skipped;
};

/// Walks through the pickle of one checkpoint.
class PyTorchWalk {
public:
    PyTorchWalk(const ZipArchive& archive, const std::string& folder, const Pickle& pickle,
                std::uint64_t size)
        : archive_(archive),
          folder_(folder),
          pickle_(pickle),
          open_(pickle.values()),
          reached_(pickle.values()),
          work_left_(8 * size + (1 << 20)),
          bytes_left_(16 * archive.size() + (std::uint64_t{64} << 20)) {}

    PyTorchTensors run() {
        visit(pickle_.root(), 0);
        if (skipped_count_ > found_.skipped.size())
            found_.skipped.push_back("and " + std::to_string(skipped_count_ - found_.skipped.size()) +
                                     " more");
        check_no_model();
        return std::move(found_);
    }

private:
    static constexpr int most_levels = 100;
    static constexpr std::size_t most_skipped = 10'000;
    static constexpr std::uint64_t most_repeated = 8'000'000;  // elements of a view of fewer

    /// Values held in several places are visited in each: a small file could name endless tensors.
    void spend(std::size_t work) {
        require(work <= work_left_, "checkpoint", archive_.path(),
                " holds the same values in too many places, at \"", path_.substr(0, 200), "\"");
        work_left_ -= work;
    }

    void skip(const std::string& what) {
        if (++skipped_count_ > most_skipped)
            return;
        spend(path_.size() + what.size());
        found_.skipped.push_back(path_ + " (" + what + ")");
    }

    void visit(const PickleValue& value, int level) {
        spend(1);
        if (is_tensor(value))
            return add_tensor(value);
        if (!is_container(value)) {
            if (model_.empty() && is_model(value))
                model_ = "\"" + path_.substr(0, 100) + "\" is " + value.description();
            return skip(value.description());
        }
        if (open_[value.id()])
            return skip(value.description() + " that holds itself");
        if (level == most_levels)
            return skip(value.description() + ", nested more than " + std::to_string(most_levels) + " deep");
        open_[value.id()] = true;
        if (value.has_entries())
            visit_entries(value, level);
        else
            visit_items(value, level);
        open_[value.id()] = false;
    }

    /// An object with the attributes of a torch.nn.Module.
    bool is_model(const PickleValue& value) {
        if (!value.is(PickleKind::object) || !value.state() || !value.state()->has_entries())
            return false;
        spend(value.state()->size());
        for (const auto [key, item] : value.state()->entries())
            if (key.is_text() && key.text() == "_parameters")
                return true;
        return false;
    }

    /// Calls of OrderedDict and the like count when their entries were set afterwards, not given in the call.
    static bool is_container(const PickleValue& value) {
        if (!value.is(PickleKind::object))
            return value.has_items() || value.has_entries();
        return value.meaning() == mapping &&
               (value.arguments().size() == 0 || value.arguments().item(0).is(PickleKind::global));
    }

    void visit_entries(const PickleValue& value, int level) {
        for (const auto [key, item] : value.entries()) {
            if (key.is_text())
                visit_at(key.text(), item, level);
            else if (key.is(PickleKind::integer))
                visit_at(std::to_string(key.integer()), item, level);
            else
                visit_at("(" + key.description() + ")", item, level);
        }
    }

    void visit_items(const PickleValue& value, int level) {
        const auto plain = [](const PickleValue& item) { return !is_tensor(item) && !is_container(item); };
        spend(value.size());
        std::size_t number = 0, plain_items = 0;
        for (const PickleValue item : value.items())
            plain_items += plain(item);
        if (plain_items == value.size() && plain_items > 0)
            return skip(value.description());
        for (const PickleValue item : value.items())
            visit_at(std::to_string(number++), item, level);
    }

    void visit_at(std::string_view key, const PickleValue& value, int level) {
        spend(key.size());
        const std::size_t length = path_.size();
        if (level > 0)
            path_ += '.';
        path_ += key;
        visit(value, level + 1);
        path_.resize(length);
    }

    void add_tensor(const PickleValue& value) {
        reached_[value.id()] = true;
        if (const PickleValue wrapped = value.arguments();
            value.meaning() == rebuild_parameter && is_tensor(wrapped.item(0)))
            reached_[wrapped.item(0).id()] = true;
        const std::optional<PyTorchView> view = read_view(value);
        if (!view)
            return skip("a tensor rebuilt by " + value.callable().description());
        if (!view->dtype)
            return skip("a tensor of " + view->type);
        if (path_.empty())
            path_ = "tensor";
        if (found_.named.contains(path_))
            return skip("a tensor whose name is taken");
        spend(path_.size() + 64);
        has_weights_ |= !path_.starts_with("optim");
        found_.named.emplace(path_, located(value, *view));
    }

    /// Finds a view's storage and checks that every element lies in it.
    PyTorchTensorInfo located(const PickleValue& value, const PyTorchView& view) {
        const ZipMember* member = archive_.find(folder_ + "data/" + view.key);
        value.require(member, "the storage \"", view.key, "\" of \"", path_, "\" is not in the archive");
        PyTorchTensorInfo tensor{*view.dtype,
                                 view.shape,
                                 view.strides,
                                 view.offset,
                                 archive_.bytes(*member),
                                 static_cast<std::size_t>(member - archive_.members().data())};
        value.require(view.storage_bytes <= tensor.storage.size(), "the storage of \"", path_, "\" has ",
                      tensor.storage.size(), " bytes, expected ", view.storage_bytes);
        std::uint64_t last = view.offset, bytes = size_of(tensor.dtype);
        bool overflow = false, empty = false;
        for (std::size_t axis = 0; axis < view.shape.size(); ++axis) {
            const auto size = static_cast<std::uint64_t>(view.shape[axis]);
            std::uint64_t step = 0;
            empty |= size == 0;
            overflow |= size > 1 && (__builtin_mul_overflow(size - 1, view.strides[axis], &step) ||
                                     __builtin_add_overflow(last, step, &last));
            overflow |= __builtin_mul_overflow(bytes, std::max<std::uint64_t>(size, 1), &bytes);
        }
        const std::uint64_t available = tensor.storage.size() / size_of(tensor.dtype);
        value.require(!overflow && (empty || last < available), "\"", path_, "\" needs ",
                      overflow ? "more than 2^64" : std::to_string(last + 1),
                      " elements of its storage, which has ", available);
        const std::uint64_t most_elements = std::max(most_repeated, archive_.size());
        value.require(empty || (bytes <= bytes_left_ && bytes / size_of(tensor.dtype) <= most_elements), "\"",
                      path_, "\" and the tensors before it are views of far more than the file's ",
                      archive_.size(), " bytes");
        bytes_left_ -= empty ? 0 : bytes;
        return tensor;
    }

    /// Throws when the weights are inside objects of classes that are not known: a pickled model.
    void check_no_model() const {
        if (has_weights_)
            return;
        for (std::uint32_t id = 0; id < reached_.size(); ++id)
            require(reached_[id] || !is_tensor(pickle_.value(id)), "checkpoint", archive_.path(),
                    " holds a whole pickled model, not its weights (",
                    model_.empty() ? "objects of classes that are not known" : model_,
                    "). Only the program that defines its classes can read it; save the weights there: "
                    "torch.save(model.state_dict(), \"weights.pth\")");
    }

    const ZipArchive& archive_;
    const std::string& folder_;
    const Pickle& pickle_;
    std::vector<bool> open_, reached_;  // containers that are being visited; tensors that were
    std::uint64_t work_left_, bytes_left_;
    std::size_t skipped_count_ = 0;
    bool has_weights_ = false;
    std::string path_, model_;
    PyTorchTensors found_;
};

inline PyTorchTensors read_pytorch_tensors(const ZipArchive& archive) {
    const std::string folder = pytorch_folder(archive);
    const ZipMember& member = *archive.find(folder + "data.pkl");
    const std::span<const std::byte> bytes = archive.checked_bytes(member);
    const Pickle pickle =
        Pickle::read(bytes, archive.path().string() + " (" + std::string(member.name) + ")", pytorch_names);
    return PyTorchWalk(archive, folder, pickle, bytes.size()).run();
}

}  // namespace detail
}  // namespace lafs::inline LAFS_ABI
