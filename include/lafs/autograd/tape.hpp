// The tape itself, whatever the element types and devices of its values: one graph may mix them.
//
// Functions are numbered as they are recorded, in whichever thread: the order of the tape. `sweep` visits what
// a value depends on in reverse order of these numbers. A function's memory is freed as soon as its backward
// has run, unless the graph is to be kept. A value that was changed in place since is found and named.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <lafs/core/pool.hpp>
#include <lafs/core/shape.hpp>
#include <string_view>
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
    /// How often the value's memory was changed in place, and its shape.
    virtual std::uint32_t changes() const = 0;
    virtual Shape shape() const = 0;
    virtual void drop_gradient() = 0;

    Handle<TapeNode> creator;  ///< the function that made the value; none for a leaf
    bool requires_grad = false;
    bool freed = false;    ///< had a creator, which a sweep has freed
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

/// What a function read, as it was then.
struct TapeInput {
    TapeInput(AnyVariable read) : variable(std::move(read)) {
        if (variable.defined())
            changes = variable.state()->changes();
    }

    AnyVariable variable;
    std::uint32_t changes = 0;
};

/// Where a function was recorded: the header names it.
struct RecordedAt {
    const char* file;
    int line;

    friend std::ostream& operator<<(std::ostream& out, const RecordedAt& place) {
        const std::string_view path = place.file;
        const auto folder = path.rfind("/lafs/");
        return out << (folder == path.npos ? path : path.substr(folder + 1)) << ':' << place.line;
    }
};

/// One recorded function: what it read, and how to send a gradient back.
struct TapeNode : Counted {
    virtual ~TapeNode() = default;
    /// Takes the gradient out of the state of the function's value, if there is one, and adds to those of the
    /// inputs.
    virtual void backward(TapeState& value) = 0;

    std::uint64_t sequence = 0;
    PoolVector<TapeInput> inputs;
    std::uint32_t value_changes = 0;  ///< of the function's own value
    RecordedAt place{};

    // Used by `bury` only.
    Handle<TapeNode> self;
    TapeNode* next_buried = nullptr;
};

inline bool& gradients_enabled() {
    thread_local bool enabled = true;
    return enabled;
}
/// The running number of the next function, of the whole process.
inline std::uint64_t next_in_tape() {
    static std::atomic<std::uint64_t> sequence{0};
    return sequence.fetch_add(1, std::memory_order_relaxed);
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

/// Throws for a value whose function was freed by an earlier sweep.
inline void require_graph(const TapeState& state) {
    require(
        !state.freed || state.creator, "backward", "the graph behind a value of shape ", state.shape(),
        " was freed by an earlier backward(): keep it there with backward(keep_graph), or cut it off with "
        "detach()");
}

/// Throws unless what a function read, and its value, are as they were when it was recorded.
inline void require_unchanged(const TapeNode& node, const TapeState& value) {
    const auto check = [&](const TapeState& state, std::uint32_t before, const char* what) {
        require(state.changes() == before, "backward", what, " of shape ", state.shape(),
                " of a function recorded in ", node.place, " was changed in place after that (",
                state.changes() - before, " changes), expected none before backward()");
    };
    check(value, node.value_changes, "the value");
    for (const TapeInput& input : node.inputs)
        if (input.variable.defined())
            check(*input.variable.state(), input.changes, "an input");
}

/// The values whose functions are still to run in a sweep. Ended by an error, it forgets their gradients.
class SweepQueue {
public:
    SweepQueue() = default;
    SweepQueue(const SweepQueue&) = delete;
    SweepQueue& operator=(const SweepQueue&) = delete;
    ~SweepQueue() {
        for (const AnyVariable& value : waiting_) {
            value.state()->pending = false;
            value.state()->drop_gradient();
        }
    }

    bool empty() const { return waiting_.empty(); }
    void push(const AnyVariable& value) {
        value.state()->pending = true;
        waiting_.push_back(value);
        std::push_heap(waiting_.begin(), waiting_.end(), earlier);
    }
    /// The value that was made last: to be looked at, and then popped.
    const AnyVariable& latest() const { return waiting_.front(); }
    void pop() {
        std::pop_heap(waiting_.begin(), waiting_.end(), earlier);
        waiting_.back().state()->pending = false;
        waiting_.pop_back();
    }

private:
    static bool earlier(const AnyVariable& a, const AnyVariable& b) {
        return a.state()->creator->sequence < b.state()->creator->sequence;
    }

    PoolVector<AnyVariable> waiting_;
};

/// Runs the functions that a value depends on backwards, latest first, beginning with the one that made it.
/// They are freed one by one, unless `keep`. After an error leaves may hold parts of their gradients.
inline void sweep(const AnyVariable& value, bool keep) {
    const RecordingScope nothing_recorded(false);
    SweepQueue queue;
    queue.push(value);
    while (!queue.empty()) {
        const AnyVariable current = queue.latest();
        TapeState& state = *current.state();
        const Handle<TapeNode> node = state.creator;
        for (const TapeInput& input : node->inputs)
            if (input.variable.defined())
                require_graph(*input.variable.state());
        require_unchanged(*node, state);
        queue.pop();
        if (!keep) {
            state.creator = {};
            state.freed = true;
        }
        node->backward(state);
        for (const TapeInput& input : node->inputs)
            if (const TapeState* read = input.variable.state(); read && read->creator && !read->pending)
                queue.push(input.variable);
    }
}

}  // namespace detail

/// Asks `backward` to keep the graph, for a further `backward` through it.
struct KeepGraph {};
inline constexpr KeepGraph keep_graph{};

/// While one lives, the calling thread records nothing: results have no gradient.
class NoGrad : detail::RecordingScope {
public:
    NoGrad() : RecordingScope(false) {}
};

}  // namespace lafs::inline LAFS_ABI
