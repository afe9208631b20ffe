// The values of a pickle: nodes in an array that name each other by number, and a handle to read them with.
//
// Several values may hold the same node and a node may hold itself: whoever follows them bounds the way.
// Memory is proportional to the pickle's size. Text and bytes are views into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <lafs/core/error.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// What a value is. `global` is a class or function by name, `object` the call of one (never made),
/// `reference` a persistent id, `big_integer` one of more than 64 bits.
enum class PickleKind : std::uint8_t {
    none,
    boolean,
    integer,
    big_integer,
    real,
    bytes,
    text,
    tuple,
    list,
    dict,
    set,
    global,
    object,
    reference
};

/// The kind as messages name it.
inline const char* name(PickleKind kind) {
    static constexpr const char* names[] = {
        "None",      "a boolean",      "an integer", "a big integer", "a float", "bytes",
        "text",      "a tuple",        "a list",     "a dict",        "a set",   "a class or function",
        "an object", "a persistent id"};
    return names[static_cast<std::size_t>(kind)];
}

/// A class or function that a user of pickles knows, and the user's number for it (above 0).
struct PickleName {
    std::string_view module, name;
    int meaning;
};

namespace detail {

inline constexpr std::uint32_t no_pickle_node = UINT32_MAX;

/// Items of containers and of objects; the parts of an object or a global.
struct PickleLinks {
    std::uint32_t first, last, count;
    std::uint32_t callable;   // of an object; the module of a global; the id of a reference
    std::uint32_t arguments;  // of an object; the name of a global
    std::uint32_t state;      // of an object
};

struct PickleText {
    const char* data;
    std::size_t size;
};

struct PickleNode {
    PickleKind kind;
    bool has_entries;  // an object's items are keys and values in turn
    int meaning;       // of a global, and of an object through its callable
    std::uint64_t offset;
    union {
        std::int64_t integer;  // and boolean
        double real;
        PickleText text;  // and bytes, big integers
        PickleLinks links;
    };
};

/// One item of a container, in a list.
struct PickleItem {
    std::uint32_t node, next;
};

struct PickleTree {
    std::string source;  // named in messages
    std::deque<PickleNode> nodes;
    std::deque<PickleItem> items;
    std::deque<std::string> decoded;  // texts that the pickle holds escaped
    std::uint32_t root = no_pickle_node;
};

}  // namespace detail

/// One value of a Pickle, valid as long as the pickle (not copied, may be moved). Functions for another kind
/// than the value's throw with its place in the file.
class PickleValue {
public:
    PickleValue(const detail::PickleTree& tree, std::uint32_t node) : tree_(&tree), node_(node) {}

    PickleKind kind() const { return node().kind; }
    bool is(PickleKind kind) const { return node().kind == kind; }
    /// Number of the node: equal for one value held in several places.
    std::uint32_t id() const { return node_; }
    /// Where its opcode is, in bytes from the start of the pickle.
    std::uint64_t offset() const { return node().offset; }

    bool boolean() const { return checked(PickleKind::boolean).integer != 0; }
    std::int64_t integer() const { return checked(PickleKind::integer).integer; }
    double real() const { return checked(PickleKind::real).real; }
    std::span<const std::byte> bytes() const {
        const auto& text = checked(PickleKind::bytes).text;
        return std::as_bytes(std::span(text.data, text.size));
    }
    /// Text, or bytes: Python 2 wrote its strings so.
    std::string_view text() const {
        if (!is(PickleKind::bytes))
            checked(PickleKind::text);
        return {node().text.data, node().text.size};
    }
    bool is_text() const { return is(PickleKind::text) || is(PickleKind::bytes); }

    /// Tuples, lists and sets, and objects derived from them.
    bool has_items() const {
        return is(PickleKind::tuple) || is(PickleKind::list) || is(PickleKind::set) ||
               (is(PickleKind::object) && !node().has_entries);
    }
    /// Dicts and objects derived from them.
    bool has_entries() const {
        return is(PickleKind::dict) || (is(PickleKind::object) && node().has_entries);
    }

    class Items;
    class Entries;
    /// The items in order, for a range-for. Throws unless has_items().
    Items items() const;
    /// Keys and values in order. Throws unless has_entries().
    Entries entries() const;
    /// Number of items, or of entries. 0 for what has none.
    std::size_t size() const {
        if (has_items())
            return node().links.count;
        return has_entries() ? node().links.count / 2 : 0;
    }
    /// Item i of a tuple or list, found by walking: for short ones.
    PickleValue item(std::size_t i) const;

    /// What an object was made by, and with. The state it was then given, if any.
    PickleValue callable() const { return at(checked(PickleKind::object).links.callable); }
    PickleValue arguments() const { return at(checked(PickleKind::object).links.arguments); }
    std::optional<PickleValue> state() const {
        const std::uint32_t state = checked(PickleKind::object).links.state;
        return state == detail::no_pickle_node ? std::nullopt : std::optional(at(state));
    }

    std::string_view module() const { return at(checked(PickleKind::global).links.callable).text(); }
    std::string_view name() const { return at(checked(PickleKind::global).links.arguments).text(); }
    /// The reader's number of a global, or of an object made by it; 0 when it is not known.
    int meaning() const { return node().meaning; }

    /// The id of a reference.
    PickleValue reference() const { return at(checked(PickleKind::reference).links.callable); }

    /// For messages: "a list of 3", "the integer 7", "an object of argparse.Namespace".
    std::string description() const;

    /// Throws with the value's place unless the condition holds.
    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        lafs::require(condition, "pickle", tree_->source, " at byte ", offset(), ": ", parts...);
    }

private:
    const detail::PickleNode& node() const { return tree_->nodes[node_]; }
    PickleValue at(std::uint32_t node) const { return {*tree_, node}; }
    const detail::PickleNode& checked(PickleKind kind) const {
        if (node().kind != kind)
            require(false, "got ", description(), ", expected ", lafs::name(kind));
        return node();
    }

    const detail::PickleTree* tree_;
    std::uint32_t node_;
};

/// Visits items, or every second one.
class PickleValue::Items {
public:
    class Iterator {
    public:
        Iterator(const detail::PickleTree& tree, std::uint32_t item) : tree_(&tree), item_(item) {}
        PickleValue operator*() const { return {*tree_, tree_->items[item_].node}; }
        Iterator& operator++() {
            item_ = tree_->items[item_].next;
            return *this;
        }
        bool operator==(const Iterator& other) const { return item_ == other.item_; }

    private:
        const detail::PickleTree* tree_;
        std::uint32_t item_;
    };

    Items(const detail::PickleTree& tree, std::uint32_t first) : tree_(&tree), first_(first) {}
    Iterator begin() const { return {*tree_, first_}; }
    Iterator end() const { return {*tree_, detail::no_pickle_node}; }

private:
    const detail::PickleTree* tree_;
    std::uint32_t first_;
};

class PickleValue::Entries {
public:
    class Iterator {
    public:
        explicit Iterator(Items::Iterator at) : at_(at) {}
        std::pair<PickleValue, PickleValue> operator*() const {
            Items::Iterator value = at_;
            return {*at_, *++value};
        }
        Iterator& operator++() {
            ++ ++at_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

    private:
        Items::Iterator at_;
    };

    explicit Entries(Items items) : items_(items) {}
    Iterator begin() const { return Iterator(items_.begin()); }
    Iterator end() const { return Iterator(items_.end()); }

private:
    Items items_;
};

inline PickleValue::Items PickleValue::items() const {
    if (!has_items())
        require(false, "got ", description(), ", expected a list or tuple");
    return {*tree_, node().links.first};
}

inline PickleValue::Entries PickleValue::entries() const {
    if (!has_entries())
        require(false, "got ", description(), ", expected a dict");
    return Entries(Items(*tree_, node().links.first));
}

inline PickleValue PickleValue::item(std::size_t i) const {
    if (i >= size())
        require(false, "got ", description(), ", expected more than ", i, " items");
    auto at = items().begin();
    for (; i > 0; --i)
        ++at;
    return *at;
}

inline std::string PickleValue::description() const {
    std::string kind_name = lafs::name(kind());
    switch (kind()) {
        case PickleKind::boolean:
            return boolean() ? "True" : "False";
        case PickleKind::integer:
            return "the integer " + std::to_string(integer());
        case PickleKind::text:
            return "the text \"" + std::string(text().substr(0, 40)) + "\"";
        case PickleKind::bytes:
            return std::to_string(bytes().size()) + " bytes";
        case PickleKind::tuple:
        case PickleKind::list:
        case PickleKind::dict:
        case PickleKind::set:
            return kind_name + " of " + std::to_string(size());
        case PickleKind::global:
            return std::string(module().substr(0, 100)) + "." + std::string(name().substr(0, 100));
        case PickleKind::object:
            return callable().is(PickleKind::global) ? kind_name + " of " + callable().description()
                                                     : kind_name;
        default:
            return kind_name;
    }
}

}  // namespace lafs::inline LAFS_ABI
