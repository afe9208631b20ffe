// The tape itself, whatever the element types and devices of its values: one graph may mix them.
//
// Functions are numbered as they are recorded, the order of the tape. `sweep` visits what a value depends on
// in reverse order of these numbers. A function's memory is freed as soon as its backward has run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <lafs/core/pool.hpp>
#include <utility>

namespace lafs::inline LAFS_ABI {

namespace detail {

struct TapeNode;

/// What the states of all variables have, of any element type and device.
struct TapeState : Counted {
    TapeState() = default;
    TapeState(const TapeState&) = delete;
    TapeState& operator=(const TapeState&) = delete;
    virtual ~TapeState();

    Handle<TapeNode> creator;  ///< the function that made the value; none for a leaf
    bool requires_grad = false;
    bool pending = false;  ///< waits in the queue of a sweep
};

}  // namespace detail

/// A handle to a variable of any element type and device: what a recorded function keeps of its inputs.
class AnyVariable {
public:
    AnyVariable() = default;
    explicit AnyVariable(Handle<detail::TapeState> state) : state_(std::move(state)) {}

    bool defined() const { return static_cast<bool>(state_); }
    bool requires_grad() const { return state_ && state_->requires_grad; }

    /// Internal: what the tape works on.
    detail::TapeState* state() const { return state_.get(); }

private:
    Handle<detail::TapeState> state_;
};

namespace detail {

/// One recorded function: what it read, and how to send a gradient back.
struct TapeNode : Counted {
    virtual ~TapeNode() = default;
    /// Takes the gradient out of the state of the function's value, if there is one, and adds to those of the
    /// inputs.
    virtual void backward(TapeState& value) = 0;

    std::uint64_t sequence = 0;
    PoolVector<AnyVariable> inputs;

    // Used by `bury` only.
    Handle<TapeNode> self;
    TapeNode* next_buried = nullptr;
};

inline bool& gradients_enabled() {
    thread_local bool enabled = true;
    return enabled;
}
inline std::uint64_t& tape_sequence() {
    thread_local std::uint64_t sequence = 0;
    return sequence;
}

/// Lets go of a recorded function whose value is gone. Freeing it frees the values it read, and with them the
/// functions that made those: one after the other here, not nested, however deep the graph is.
inline void bury(Handle<TapeNode> node) {
    struct Buried {
        TapeNode* first;
        bool freeing;
    };
    thread_local Buried buried{nullptr, false};
    TapeNode& grave = *node;
    grave.next_buried = std::exchange(buried.first, &grave);
    grave.self = std::move(node);
    if (std::exchange(buried.freeing, true))
        return;
    while (TapeNode* const first = buried.first) {
        buried.first = first->next_buried;
        const Handle<TapeNode> freed = std::move(first->self);
    }
    buried.freeing = false;
}

inline TapeState::~TapeState() {
    if (creator)
        bury(std::move(creator));
}

/// Sets the thread's recording mode until the end of the scope.
class RecordingScope {
public:
    explicit RecordingScope(bool enabled) : before_(std::exchange(gradients_enabled(), enabled)) {}
    ~RecordingScope() { gradients_enabled() = before_; }
    RecordingScope(const RecordingScope&) = delete;
    RecordingScope& operator=(const RecordingScope&) = delete;

private:
    bool before_;
};

/// Runs the functions that a value depends on backwards, latest first, beginning with the one that made it.
inline void sweep(const AnyVariable& value) {
    const RecordingScope nothing_recorded(false);
    const auto earlier = [](const AnyVariable& a, const AnyVariable& b) {
        return a.state()->creator->sequence < b.state()->creator->sequence;
    };
    PoolVector<AnyVariable> queue{value};
    while (!queue.empty()) {
        std::pop_heap(queue.begin(), queue.end(), earlier);
        const AnyVariable current = std::move(queue.back());
        queue.pop_back();
        current.state()->pending = false;
        const Handle<TapeNode> node = std::exchange(current.state()->creator, {});
        node->backward(*current.state());
        for (const AnyVariable& input : node->inputs)
            if (input.defined() && input.state()->creator && !input.state()->pending) {
                input.state()->pending = true;
                queue.push_back(input);
                std::push_heap(queue.begin(), queue.end(), earlier);
            }
    }
}

}  // namespace detail

/// While one lives, the calling thread records nothing: results have no gradient.
class NoGrad : detail::RecordingScope {
public:
    NoGrad() : RecordingScope(false) {}
};

}  // namespace lafs::inline LAFS_ABI
