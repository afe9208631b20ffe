// The optimisers' textbook forms, one value at a time in double.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace lafs_test {

using Values = std::vector<double>;

struct PlainAdamW {
    Values m, v;
    int t = 0;
    void step(Values& p, const Values& g, double lr, double wd) {
        m.resize(p.size()), v.resize(p.size());
        ++t;
        for (std::size_t i = 0; i < p.size(); ++i) {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            const double m_hat = m[i] / (1 - std::pow(0.9, t)), v_hat = v[i] / (1 - std::pow(0.999, t));
            p[i] = p[i] - lr * wd * p[i] - lr * m_hat / (std::sqrt(v_hat) + 1e-8);
        }
    }
};

struct PlainSgd {
    bool nesterov;
    Values u;
    void step(Values& p, const Values& g, double lr, double wd) {
        u.resize(p.size());
        for (std::size_t i = 0; i < p.size(); ++i) {
            const double d = g[i] + wd * p[i];
            u[i] = 0.9 * u[i] + d;
            p[i] -= lr * (nesterov ? d + 0.9 * u[i] : u[i]);
        }
    }
};

struct PlainLars {
    Values u;
    void step(Values& p, const Values& g, double lr, double wd) {
        u.resize(p.size());
        double pp = 0, dd = 0;
        for (std::size_t i = 0; i < p.size(); ++i)
            pp += p[i] * p[i], dd += (g[i] + wd * p[i]) * (g[i] + wd * p[i]);
        for (std::size_t i = 0; i < p.size(); ++i) {
            u[i] = 0.9 * u[i] + 0.001 * std::sqrt(pp / dd) * (g[i] + wd * p[i]);
            p[i] -= lr * u[i];
        }
    }
};

}  // namespace lafs_test
