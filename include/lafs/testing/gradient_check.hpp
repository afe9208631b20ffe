// Checks the derivative of a function, also of users' own layers and operations.
//
//   Variable<double> x(normal_tensor({3, 7}, 1), true);
//   MyLayer<double> layer(7);
//   const auto result = check_gradients([&](const auto& in) { return layer.forward(in[0]); },
//                                       {x, layer.weight});
//   REQUIRE(result.ok());   // `std::cout << result` says what is wrong
//
// The function may be of any output shape, may read the inputs through the handles it is given or through a
// module that holds them, and may draw from `default_generator()` (it draws the same numbers every time).
// With a random gradient r of the output, the gradient of sum(r * f(x)) is compared with central differences
//   sum(r * (f(x + h d) - f(x - h d))) / 2h
// along random directions d over all inputs at once, and along single elements. Further checks: a second
// backward doubles the gradients, inputs that require no gradient get none, and values and gradients are the
// same bits when computed again (on the CPU by another number of threads). Works on every device that has the
// primitives.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <lafs/autograd/expression.hpp>
#include <lafs/core/random.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace lafs::inline LAFS_ABI {

struct GradientCheckOptions {
    double tolerance = 1e-6;      ///< allowed relative error
    double step = 1e-5;           ///< h of the central difference
    int directions = 3;           ///< random directions over all inputs
    int elements = 24;            ///< single elements of each input; all of an input that has no more
    std::uint64_t seed = 1;       ///< of the output gradient, the directions and the sample of elements
    bool compare_threads = true;  ///< compute again, by other threads, and compare bits
};

/// What `check_gradients` found.
struct GradientCheckResult {
    double worst_error = 0.0;  ///< relative to the larger of the two, or to the input's typical gradient
    int input = -1;            ///< where; -1: along a random direction
    std::int64_t element = -1;
    double computed = 0.0, expected = 0.0;  ///< the derivative there: by backward, by differences
    double tolerance = 0.0;
    std::string problem;  ///< a check other than the differences that failed, in words

    bool ok() const { return problem.empty() && worst_error <= tolerance; }

    friend std::ostream& operator<<(std::ostream& out, const GradientCheckResult& result) {
        if (!result.problem.empty())
            return out << result.problem;
        out << "worst relative error " << result.worst_error << " (allowed " << result.tolerance << ')';
        if (result.input >= 0)
            out << " at input " << result.input << ", element " << result.element;
        else
            out << " along a random direction";
        return out << ": backward gives " << result.computed << ", differences give " << result.expected;
    }
};

namespace detail {

template <class D>
class GradientChecker {
public:
    using Var = Variable<double, D>;
    using Host = Tensor<double>;
    using Function = std::function<Var(const std::vector<Var>&)>;

    GradientChecker(Function function, std::vector<Var> inputs, const GradientCheckOptions& options)
        : function_(std::move(function)),
          inputs_(std::move(inputs)),
          options_(options),
          generator_(default_generator()) {
        result_.tolerance = options.tolerance;
        for (const Var& input : inputs_) {
            saved_.push_back(input.defined() ? host(input.value()) : Host());
            gradients_before_.push_back(input.defined() ? input.grad() : Tensor<double, D>());
        }
    }

    /// Leaves inputs, their gradients and the generator as they were.
    ~GradientChecker() {
        restore();
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (inputs_[i].defined())
                inputs_[i].set_grad(gradients_before_[i]);
        default_generator() = generator_;
    }

    GradientCheckResult run() {
        output_gradient_ = Host::empty(evaluate().shape());
        RandomSequence random(options_.seed, 0);
        for (double& r : output_gradient_.span())
            r = random.uniform(-1.0, 1.0);

        const std::vector<Host> gradients = gradients_once();
        if (result_.problem.empty())
            check_accumulation(gradients);
        if (result_.problem.empty() && options_.compare_threads)
            check_repeated();
        if (result_.problem.empty())
            check_differences(gradients);
        return result_;
    }

private:
    bool checked(std::size_t i) const { return inputs_[i].requires_grad(); }

    static Host host(const Tensor<double, D>& x) { return x.template to<Cpu>(); }

    Var evaluate() const {
        default_generator() = generator_;
        return function_(inputs_);
    }

    void backward() {
        const Var y = evaluate();
        if (!y.requires_grad())
            result_.problem = "the output does not depend on any input that requires a gradient";
        else
            y.backward(output_gradient_.template to<D>());
    }

    /// The gradients of one forward and backward; zeros for an input that was not reached.
    std::vector<Host> gradients_once() {
        for (const Var& input : inputs_)
            if (input.defined())
                input.zero_grad();
        backward();
        std::vector<Host> gradients(inputs_.size());
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            if (!inputs_[i].defined())
                continue;
            if (!checked(i) && inputs_[i].grad().defined())
                result_.problem = "input " + std::to_string(i) + " got a gradient but requires none";
            if (checked(i))
                gradients[i] =
                    inputs_[i].grad().defined() ? host(inputs_[i].grad()) : Host::zeros(inputs_[i].shape());
        }
        return gradients;
    }

    // Called while the inputs still hold the gradients of the first backward.
    void check_accumulation(const std::vector<Host>& once) {
        backward();
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            if (!checked(i) || !inputs_[i].grad().defined())
                continue;
            const Host sum = host(inputs_[i].grad());
            const auto twice = sum.span(), single = once[i].span();
            double largest = 0.0, difference = 0.0;
            for (std::size_t k = 0; k < single.size(); ++k) {
                largest = std::max(largest, std::abs(single[k]));
                difference = std::max(difference, std::abs(twice[k] - 2.0 * single[k]));
            }
            if (!(difference <= 1e-10 * largest))
                result_.problem =
                    "gradients do not accumulate: a second backward does not double the gradient "
                    "of input " +
                    std::to_string(i);
        }
    }

    void check_repeated() {
        const int before = threads();
        std::vector<Host> values, gradients[2];
        for (int time = 0; time < 2; ++time) {
            if constexpr (std::is_same_v<D, Cpu>)
                set_threads(time + 1);
            values.push_back(host(evaluate().value()));
            gradients[time] = gradients_once();
        }
        if constexpr (std::is_same_v<D, Cpu>)
            set_threads(before);
        const std::string times =
            std::is_same_v<D, Cpu> ? "one and two threads give" : "the same computation gives";
        if (!same_bits(values[0], values[1]))
            result_.problem = times + " different values";
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (checked(i) && !same_bits(gradients[0][i], gradients[1][i]))
                result_.problem = times + " different gradients of input " + std::to_string(i);
    }

    static bool same_bits(const Host& a, const Host& b) {
        return a.shape() == b.shape() &&
               (a.size() == 0 || std::memcmp(a.data(), b.data(), a.span().size_bytes()) == 0);
    }

    void check_differences(const std::vector<Host>& gradients) {
        std::vector<Host> direction(inputs_.size());
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (checked(i))
                direction[i] = Host::zeros(inputs_[i].shape());
        for (int k = 0; k < options_.directions; ++k) {
            RandomSequence random(options_.seed, 100 + static_cast<std::uint64_t>(k));
            double computed = 0.0, squares = 0.0;
            for (std::size_t i = 0; i < inputs_.size(); ++i)
                for (std::int64_t at = 0; checked(i) && at < direction[i].size(); ++at) {
                    const double d = random.uniform(-1.0, 1.0), g = gradients[i].data()[at];
                    direction[i].data()[at] = d;
                    computed += d * g;
                    squares += d * d * g * g;
                }
            compare(computed, difference(direction), std::sqrt(squares), -1, -1);
        }
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (checked(i))
                check_elements(i, gradients[i], direction);
    }

    void check_elements(std::size_t i, const Host& gradient, std::vector<Host>& direction) {
        for (const auto& d : direction)
            if (d.defined())
                d.zero();
        double squares = 0.0;
        for (const double g : gradient.span())
            squares += g * g;
        const std::int64_t size = gradient.size(), count = std::min<std::int64_t>(size, options_.elements);
        RandomSequence random(options_.seed, 10'000 + i);
        for (std::int64_t k = 0; k < count; ++k) {
            // One element of each of `count` equal pieces: the ends of large inputs are sampled too.
            const std::int64_t begin = k * size / count, end = (k + 1) * size / count;
            const std::int64_t at =
                begin + static_cast<std::int64_t>(random.integer(static_cast<std::uint64_t>(end - begin)));
            direction[i].data()[at] = 1.0;
            compare(gradient.data()[at], difference(direction),
                    std::sqrt(squares / static_cast<double>(size)), static_cast<int>(i), at);
            direction[i].data()[at] = 0.0;
        }
    }

    double difference(const std::vector<Host>& direction) const {
        const NoGrad nothing_recorded;
        move(direction, options_.step);
        const Host above = host(evaluate().value());
        move(direction, -options_.step);
        const Host below = host(evaluate().value());
        double sum = 0.0;
        for (std::int64_t k = 0; k < above.size(); ++k)
            sum += output_gradient_.data()[k] * (above.data()[k] - below.data()[k]);
        restore();
        return sum / (2.0 * options_.step);
    }

    void move(const std::vector<Host>& direction, double step) const {
        for (std::size_t i = 0; i < inputs_.size(); ++i) {
            if (!checked(i))
                continue;
            const Host moved = saved_[i].clone();
            for (std::int64_t at = 0; at < moved.size(); ++at)
                moved.data()[at] += step * direction[i].data()[at];
            inputs_[i].value().copy_from(moved.template to<D>());
        }
    }

    void restore() const {
        for (std::size_t i = 0; i < inputs_.size(); ++i)
            if (inputs_[i].defined())
                inputs_[i].value().copy_from(saved_[i].template to<D>());
    }

    void compare(double computed, double expected, double typical, int input, std::int64_t element) {
        // Below 1e-3 the rounding of the differences shows: the error becomes absolute.
        const double scale = std::max({std::abs(computed), std::abs(expected), typical, 1e-3});
        const double error = std::abs(computed - expected) / scale;
        if (!(error <= result_.worst_error)) {
            result_.worst_error = std::isnan(error) ? HUGE_VAL : error;
            result_.input = input;
            result_.element = element;
            result_.computed = computed;
            result_.expected = expected;
        }
    }

    Function function_;
    std::vector<Var> inputs_;
    GradientCheckOptions options_;
    Generator generator_;
    std::vector<Host> saved_;
    std::vector<Tensor<double, D>> gradients_before_;
    Host output_gradient_;
    GradientCheckResult result_;
};

}  // namespace detail

/// Checks the derivative of `function`, a callable from `const std::vector<Variable<double, D>>&` to
/// `Variable<double, D>`, with respect to the inputs that require a gradient. See the top of the file. Inputs
/// may be undefined (an optional bias). Choose inputs away from points where the function has no derivative.
template <class Function, class D>
GradientCheckResult check_gradients(Function function, std::vector<Variable<double, D>> inputs,
                                    const GradientCheckOptions& options = {}) {
    return detail::GradientChecker<D>(
               [&](const std::vector<Variable<double, D>>& in) { return Variable<double, D>(function(in)); },
               std::move(inputs), options)
        .run();
}

/// The same on the CPU, where the inputs may be listed in braces.
template <class Function>
GradientCheckResult check_gradients(Function function, std::vector<Variable<double>> inputs,
                                    const GradientCheckOptions& options = {}) {
    return check_gradients<Function, Cpu>(std::move(function), std::move(inputs), options);
}

}  // namespace lafs::inline LAFS_ABI
