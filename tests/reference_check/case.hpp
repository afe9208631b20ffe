// One file of reference tensors and how the library's results compare with it.
//
// A case is one .cpp with a function of the type CaseFunction, listed in main.cpp. The error of a tensor is
// its largest absolute error over its largest absolute value.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace lafs_reference {

/// Prints a line for each comparison that fails, and counts.
class Report {
public:
    /// Compares numbers with what the file says; where that is NaN (the published ArcFace has no derivative
    /// at a cosine of 1) any finite number will do. A tensor whose largest value lies below `floor` is
    /// compared against `floor`: some gradients are zero but for rounding.
    template <class A, class B>
    void compare(const std::string& name, std::span<const A> got, std::span<const B> expected, double allowed,
                 double floor = 0.0) {
        if (got.size() != expected.size()) {
            check(name, false,
                  std::to_string(got.size()) + " values, expected " + std::to_string(expected.size()));
            return;
        }
        double largest = floor, difference = 0.0;
        for (std::size_t i = 0; i < got.size(); ++i) {
            if (std::isnan(expected[i]) && std::isfinite(got[i]))
                continue;
            const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
            largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
            difference = std::isnan(error) ? HUGE_VAL : std::max(difference, error);
            if (std::isinf(difference))
                break;
        }
        bound(name, difference == 0.0 ? 0.0 : difference / largest, allowed);
    }

    /// Notes an error that was measured in another way.
    void bound(const std::string& name, double error, double allowed) {
        if (allowed > 0.0 ? error * allowed_ >= worst_error_ * allowed : error > 0.0) {
            worst_error_ = error;
            allowed_ = allowed;
        }
        std::ostringstream text;
        text << std::setprecision(2) << "error " << error << ", allowed " << allowed;
        check(name, error <= allowed, text.str());
    }

    template <class A, class B>
    void compare(const std::string& name, const std::vector<A>& got, const std::vector<B>& expected,
                 double allowed) {
        compare(name, std::span<const A>(got), std::span<const B>(expected), allowed);
    }
    void compare(const std::string& name, double got, double expected, double allowed) {
        compare(name, std::span<const double>(&got, 1), std::span<const double>(&expected, 1), allowed);
    }

    /// Notes a check of another kind.
    void check(const std::string& name, bool passed, const std::string& what) {
        ++checks_;
        if (!passed) {
            ++failures_;
            std::cout << "    FAILED " << name << ": " << what << '\n';
        }
    }

    int checks() const { return checks_; }
    int failures() const { return failures_; }
    /// The error that is the largest part of what is allowed for it, and what is allowed.
    double worst_error() const { return worst_error_; }
    double allowed() const { return allowed_; }

private:
    int checks_ = 0, failures_ = 0;
    double worst_error_ = 0.0, allowed_ = 1.0;
};

/// Runs the library on the inputs of one file and compares; an exception is a failure.
using CaseFunction = void (*)(const std::filesystem::path& file, Report& report);

}  // namespace lafs_reference
