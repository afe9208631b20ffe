// Python pickles of untrusted files, protocols 0 to 5: read into a tree of values, with nothing executed.
//
// Containers, numbers and strings become values; classes and functions stay names, and their calls objects
// that hold what they were called with. Whoever reads a pickle says which names it knows and interprets the
// objects made by them; all others are opaque.
#pragma once

#include <cstddef>
#include <deque>
#include <lafs/io/pickle_machine.hpp>
#include <lafs/io/pickle_tree.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace lafs::inline LAFS_ABI {

/// One pickle. The bytes must outlive it.
class Pickle {
public:
    /// Reads the pickle at the start of `bytes`; what follows its STOP is not looked at. `source` names it in
    /// errors, which give the byte and the opcode. `known` gives meanings to classes and functions.
    static Pickle read(std::span<const std::byte> bytes, const std::string& source,
                       std::span<const PickleName> known = {}) {
        auto tree = std::make_unique<detail::PickleTree>();
        tree->source = source;
        detail::PickleMachine(bytes, *tree, known).run();
        return Pickle(std::move(tree));
    }

    /// The value that was pickled.
    PickleValue root() const { return {*tree_, tree_->root}; }

    /// Number of values in the pickle, those left unused included; ids are below it.
    std::size_t values() const { return tree_->nodes.size(); }
    PickleValue value(std::uint32_t id) const { return {*tree_, id}; }

    /// Hands over the texts that the pickle holds escaped (protocol 0): with them and the pickle's own bytes,
    /// what values gave as bytes and text outlives the pickle.
    std::deque<std::string> take_texts() && { return std::move(tree_->decoded); }

private:
    explicit Pickle(std::unique_ptr<detail::PickleTree> tree) : tree_(std::move(tree)) {}

    std::unique_ptr<detail::PickleTree> tree_;
};

}  // namespace lafs::inline LAFS_ABI
