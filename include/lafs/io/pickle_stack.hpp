// The nodes, the stack and the marks of the machine that reads pickles, without its opcodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lafs/io/pickle_input.hpp>
#include <lafs/io/pickle_tree.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI::detail {

/// What the opcodes work with. Functions called `push` return true, which their callers pass on.
class PickleStack {
protected:
    PickleStack(std::span<const std::byte> bytes, PickleTree& tree)
        : input_(bytes, tree.source), tree_(tree) {}

    template <class... Parts>
    void require(bool condition, const Parts&... parts) const {
        input_.require(condition, parts...);
    }

    PickleNode& add(PickleKind kind) {
        require(tree_.nodes.size() < no_pickle_node, "the pickle has more than 2^32 values");
        PickleNode& node = tree_.nodes.emplace_back();
        node.kind = kind;
        node.offset = input_.opcode_at();
        node.links = {no_pickle_node, no_pickle_node, 0, no_pickle_node, no_pickle_node, no_pickle_node};
        return node;
    }
    std::uint32_t last() const { return static_cast<std::uint32_t>(tree_.nodes.size() - 1); }
    void push_last() { stack_.push_back(last()); }

    bool push_integer(std::int64_t value, PickleKind kind = PickleKind::integer) {
        add(kind).integer = value;
        push_last();
        return true;
    }

    std::uint32_t add_text(std::string_view text, PickleKind kind = PickleKind::text) {
        add(kind).text = {text.data(), text.size()};
        return last();
    }
    bool push(std::string_view text, PickleKind kind) {
        stack_.push_back(add_text(text, kind));
        return true;
    }
    bool push_decoded(std::optional<std::string> text, PickleKind kind) {
        require(text.has_value(), "the string's escapes or quotes are malformed");
        return push(tree_.decoded.emplace_back(std::move(*text)), kind);
    }

    std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }

    std::uint32_t top() const {
        require(stack_.size() > bottom(), "the stack is empty");
        return stack_.back();
    }
    std::uint32_t pop() {
        const std::uint32_t result = top();
        stack_.pop_back();
        return result;
    }
    /// Takes the latest mark away; returns where the values above it begin on the stack.
    std::size_t pop_mark() {
        require(!marks_.empty(), "there is no MARK");
        const std::size_t begin = marks_.back();
        marks_.pop_back();
        return begin;
    }

    PickleValue value(std::uint32_t node) const { return {tree_, node}; }

    void append(std::uint32_t to, std::uint32_t item) {
        require(tree_.items.size() < no_pickle_node, "the pickle has more than 2^32 items");
        const auto number = static_cast<std::uint32_t>(tree_.items.size());
        tree_.items.push_back({item, no_pickle_node});
        PickleLinks& links = tree_.nodes[to].links;
        (links.count ? tree_.items[links.last].next : links.first) = number;
        links.last = number;
        ++links.count;
    }

    /// A new container of the values from `begin` to the top of the stack, in their place.
    bool push_container(PickleKind kind, std::size_t begin) {
        require(begin >= bottom() && begin <= stack_.size(), "the stack has too few values");
        require(kind != PickleKind::dict || (stack_.size() - begin) % 2 == 0, "a key has no value");
        add(kind);
        for (std::size_t i = begin; i < stack_.size(); ++i)
            append(last(), stack_[i]);
        stack_.resize(begin);
        push_last();
        return true;
    }

    PickleInput input_;
    PickleTree& tree_;
    std::vector<std::uint32_t> stack_;  // numbers of nodes
    std::vector<std::size_t> marks_;    // heights of the stack
};

}  // namespace lafs::inline LAFS_ABI::detail
