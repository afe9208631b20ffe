// What PyTorch writes into the pickle of a checkpoint: the calls that rebuild tensors, read but not made.
//
// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks) is a view of a storage, which is
// the persistent id ("storage", type, key, location, elements). _rebuild_parameter and _rebuild_from_type_v2
// wrap such a call. (torch/_utils.py, torch/_tensor.py, torch/serialization.py)
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/core/dtype.hpp>
#include <lafs/io/pickle.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI::detail {

/// Meanings of names in a checkpoint. Storage types and element types follow: `first_storage` and
/// `first_dtype` plus the number of a DType.
enum PyTorchMeaning : int {
    mapping = 1,
    rebuild_tensor,
    rebuild_tensor_v3,
    rebuild_parameter,
    rebuild_from_type,
    untyped_storage,
    first_storage = 100,
    first_dtype = 200
};

inline constexpr int pytorch_dtypes = static_cast<int>(DType::boolean) + 1;

constexpr PickleName storage_name(std::string_view name, DType type) {
    return {"torch", name, first_storage + static_cast<int>(type)};
}
constexpr PickleName dtype_name(std::string_view name, DType type) {
    return {"torch", name, first_dtype + static_cast<int>(type)};
}

inline constexpr PickleName pytorch_names[] = {
    {"collections", "OrderedDict", mapping},
    {"collections", "defaultdict", mapping},
    {"collections", "Counter", mapping},
    {"torch._utils", "_rebuild_tensor", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v2", rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3},
    {"torch._utils", "_rebuild_parameter", rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", rebuild_parameter},
    {"torch._tensor", "_rebuild_from_type_v2", rebuild_from_type},
    {"torch", "UntypedStorage", untyped_storage},
    {"torch.storage", "UntypedStorage", untyped_storage},
    storage_name("FloatStorage", DType::float32),
    storage_name("DoubleStorage", DType::float64),
    storage_name("BFloat16Storage", DType::bfloat16),
    storage_name("HalfStorage", DType::float16),
    storage_name("LongStorage", DType::int64),
    storage_name("IntStorage", DType::int32),
    storage_name("ShortStorage", DType::int16),
    storage_name("CharStorage", DType::int8),
    storage_name("ByteStorage", DType::uint8),
    storage_name("BoolStorage", DType::boolean),
    dtype_name("float32", DType::float32),
    dtype_name("float64", DType::float64),
    dtype_name("bfloat16", DType::bfloat16),
    dtype_name("float16", DType::float16),
    dtype_name("int64", DType::int64),
    dtype_name("int32", DType::int32),
    dtype_name("int16", DType::int16),
    dtype_name("int8", DType::int8),
    dtype_name("uint8", DType::uint8),
    dtype_name("bool", DType::boolean),
};

/// The element type of a meaning counted from `first`.
inline std::optional<DType> meant_dtype(int meaning, int first) {
    const int number = meaning - first;
    return number >= 0 && number < pytorch_dtypes ? std::optional(static_cast<DType>(number)) : std::nullopt;
}

inline bool is_tensor(const PickleValue& value) {
    const int meaning = value.meaning();
    return value.is(PickleKind::object) && meaning >= rebuild_tensor && meaning <= rebuild_from_type;
}

/// A tensor as the pickle describes it, not yet compared with its storage. Sizes count elements.
struct PyTorchView {
    std::uint32_t value;         ///< the call, for messages
    std::optional<DType> dtype;  ///< nothing: a type that is not read, named by `type`
    std::string type;
    std::string key;                  ///< of the storage
    std::uint64_t storage_bytes = 0;  ///< that the pickle says it has; 0 for a type that is not read
    std::uint64_t offset = 0;
    std::vector<std::int64_t> shape, strides;
};

/// Looks through wrapping calls. Returns the rebuilding function's meaning and arguments; meaning 0 when it
/// is none that is read.
inline std::pair<int, PickleValue> unwrapped_call(PickleValue call) {
    int meaning = call.meaning();
    PickleValue arguments = call.arguments();
    for (int wraps = 0; wraps < 4; ++wraps) {
        if (meaning == rebuild_parameter) {
            const PickleValue inner = arguments.item(0);
            if (!is_tensor(inner))
                return {0, arguments};
            meaning = inner.meaning();
            arguments = inner.arguments();
        } else if (meaning == rebuild_from_type) {
            meaning = arguments.item(0).meaning();
            arguments = arguments.item(2);
        } else {
            const bool read = meaning == rebuild_tensor || meaning == rebuild_tensor_v3;
            return {read ? meaning : 0, arguments};
        }
    }
    return {0, arguments};
}

inline std::vector<std::int64_t> read_sizes(const PickleValue& sizes) {
    constexpr std::size_t most_axes = 64;
    sizes.require(sizes.size() <= most_axes, "got ", sizes.size(), " axes, expected at most ", most_axes);
    std::vector<std::int64_t> result;
    for (const PickleValue size : sizes.items()) {
        result.push_back(size.integer());
        size.require(result.back() >= 0, "got ", result.back(), ", expected at least 0");
    }
    return result;
}

/// A whole number of at least 0.
inline std::uint64_t read_size(const PickleValue& size) {
    size.require(size.integer() >= 0, "got ", size.integer(), ", expected at least 0");
    return static_cast<std::uint64_t>(size.integer());
}

/// Takes key, type and size from the persistent id.
inline void read_storage(const PickleValue& id, PyTorchView& view) {
    id.require(id.size() >= 5, "got ", id.description(),
               ", expected (\"storage\", type, key, location, size)");
    id.require(id.item(0).text() == "storage", "got ", id.item(0).description(), ", expected \"storage\"");
    const PickleValue type = id.item(1);
    if (!view.dtype && type.meaning() != untyped_storage) {
        view.dtype = meant_dtype(type.meaning(), first_storage);
        view.type = type.description();
    }
    view.key = id.item(2).text();
    const std::uint64_t count = read_size(id.item(4));
    const std::uint64_t each = type.meaning() == untyped_storage ? 1 : view.dtype ? size_of(*view.dtype) : 0;
    id.require(!__builtin_mul_overflow(count, each, &view.storage_bytes), "got a storage of ", count,
               " elements, expected fewer than 2^64 bytes");
}

/// Reads the call that rebuilds a tensor. Nothing for one that is not read (sparse, quantised).
inline std::optional<PyTorchView> read_view(const PickleValue& tensor) {
    const auto [meaning, arguments] = unwrapped_call(tensor);
    if (meaning == 0)
        return std::nullopt;
    PyTorchView view;
    view.value = tensor.id();
    if (meaning == rebuild_tensor_v3) {
        const PickleValue type = arguments.item(6);
        view.dtype = meant_dtype(type.meaning(), first_dtype);
        view.type = type.description();
        if (!view.dtype)
            return view;
    }
    read_storage(arguments.item(0).reference(), view);
    view.offset = read_size(arguments.item(1));
    view.shape = read_sizes(arguments.item(2));
    view.strides = read_sizes(arguments.item(3));
    tensor.require(view.shape.size() == view.strides.size(), "got ", view.shape.size(), " sizes and ",
                   view.strides.size(), " strides, expected as many");
    return view;
}

}  // namespace lafs::inline LAFS_ABI::detail
