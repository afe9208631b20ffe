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
#include <string>

namespace lafs_reference {

/// Prints a line for each comparison that fails, and counts.
class Report {
public:
    /// Compares numbers with what the file says. A tensor whose largest value lies below `floor` is compared
    /// against `floor`: some gradients are zero but for rounding.
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
            const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i]));
            largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
            difference = std::isnan(error) ? HUGE_VAL : std::max(difference, error);
            if (std::isinf(difference))
                break;
        }
        const double error = difference == 0.0 ? 0.0 : difference / largest;
        worst_ = std::max(worst_, error / allowed);
        std::ostringstream text;
        text << std::setprecision(2) << "error " << error << ", allowed " << allowed;
        check(name, error <= allowed, text.str());
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
    /// The largest error, as a part of what is allowed.
    double worst() const { return worst_; }

private:
    int checks_ = 0, failures_ = 0;
    double worst_ = 0.0;
};

/// Runs the library on the inputs of one file and compares; an exception is a failure.
using CaseFunction = void (*)(const std::filesystem::path& file, Report& report);

}  // namespace lafs_reference
