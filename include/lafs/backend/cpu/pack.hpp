// A pack: the lanes of one vector register. Operations are evaluated on packs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <lafs/backend/cpu/eigen.hpp>
#include <lafs/core/dtype.hpp>
#include <limits>
#include <type_traits>

namespace lafs::inline LAFS_ABI {

/// Bytes of the widest vector register the code is compiled for.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

LAFS_DEVICE_CODE_BEGIN
/// `width` lanes of T (float or double): one vector register, by the compiler's vector extension.
/// Functions the extension lacks (exp, log, tanh, sqrt) are Eigen's. Stored as an array, because nvcc takes
/// no type that holds a vector for a parameter of a host-device function; a register all the same.
template <class T>
struct Pack {
    static constexpr int width = vector_bytes / static_cast<int>(sizeof(T));
    typedef T Lanes __attribute__((vector_size(vector_bytes)));
    using Array = Eigen::Array<T, width, 1>;
    alignas(vector_bytes) T lanes[width];

    Pack() = default;
    LAFS_HOST_DEVICE explicit Pack(T value) { fill(value); }
    template <class U>
    requires(std::is_arithmetic_v<U> && !std::is_same_v<U, T>) LAFS_HOST_DEVICE explicit Pack(U value)
        : Pack(static_cast<T>(value)) {}
    explicit Pack(const Lanes& values) { std::memcpy(lanes, &values, sizeof lanes); }
    explicit Pack(const Array& values) { std::memcpy(&lanes, values.data(), sizeof lanes); }

    Array array() const {
        Array values;
        std::memcpy(values.data(), &lanes, sizeof lanes);
        return values;
    }
    Lanes vector() const {
        Lanes values;
        std::memcpy(&values, lanes, sizeof lanes);
        return values;
    }
    T sum() const { return array().sum(); }
    T max() const { return array().maxCoeff(); }

    // clang-format off
    friend Pack operator+(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() + b.vector())); }
    friend Pack operator-(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() - b.vector())); }
    friend Pack operator*(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() * b.vector())); }
    friend Pack operator/(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() / b.vector())); }

    // clang-format on

    /// 1 in the lanes where a comparison of vectors holds, else 0.
    template <class Mask>
    static Pack ones(const Mask& mask) {
        return Pack(Lanes(mask ? T(1) - Lanes{} : Lanes{}));
    }

private:
    void fill(T value) {
        const Lanes values = value - Lanes{};
        std::memcpy(lanes, &values, sizeof lanes);
    }
};

LAFS_DEVICE_CODE_END

// The functions of expr/math.hpp for packs: in the namespace, so that an operation may call them as it calls
// those of numbers, `lafs::abs(x)` or `abs(x)`.

// clang-format off
template <class T> Pack<T> exp(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().exp())); }
template <class T> Pack<T> log(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().log())); }
template <class T> Pack<T> sqrt(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().sqrt())); }
template <class T> Pack<T> tanh(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().tanh())); }
template <class T> Pack<T> sin(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().sin())); }
template <class T> Pack<T> cos(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().cos())); }
template <class T> Pack<T> abs(const Pack<T>& x) { return Pack<T>(typename Pack<T>::Array(x.array().abs())); }
template <class T> Pack<T> is_less(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::ones(a.vector() < b.vector()); }
template <class T> Pack<T> is_less_equal(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::ones(a.vector() <= b.vector()); }
template <class T> Pack<T> is_equal(const Pack<T>& a, const Pack<T>& b) { return Pack<T>::ones(a.vector() == b.vector()); }
// clang-format on

template <class T>
Pack<T> select(const Pack<T>& condition, const Pack<T>& a, const Pack<T>& b) {
    using Lanes = typename Pack<T>::Lanes;
    return Pack<T>(Lanes(condition.vector() != Lanes{} ? a.vector() : b.vector()));
}
template <class T>
Pack<T> minimum(const Pack<T>& a, const Pack<T>& b) {
    const auto x = a.vector(), y = b.vector();
    // NOLINTNEXTLINE(misc-redundant-expression): NaN alone is not itself
    return Pack<T>(typename Pack<T>::Lanes(x != x ? x : x < y ? x : y));
}
template <class T>
Pack<T> maximum(const Pack<T>& a, const Pack<T>& b) {
    const auto x = a.vector(), y = b.vector();
    // NOLINTNEXTLINE(misc-redundant-expression)
    return Pack<T>(typename Pack<T>::Lanes(x != x ? x : x > y ? x : y));
}

/// Horner's scheme, highest coefficient first.
template <class T, class... C>
Pack<T> polynomial(const Pack<T>& x, T highest, C... coefficients) {
    Pack<T> y(highest);
    ((y = y * x + Pack<T>(coefficients)), ...);
    return y;
}

/// erf. For float an odd polynomial below 0.93 and 1 - exp(polynomial) above, with N. Juffa's published
/// minimax coefficients (error below 1e-7, checked in the tests); for double the C library's, lane by lane.
template <class T>
Pack<T> erf(const Pack<T>& x) {
    if constexpr (std::is_same_v<T, float>) {
        const Pack<T> magnitude = minimum(abs(x), Pack<T>(5.0f)), square = magnitude * magnitude;
        const Pack<T> small =
            magnitude + magnitude * polynomial(square, -5.96761703e-4f, 4.99119423e-3f, -2.67681349e-2f,
                                               1.12819925e-1f, -3.76125336e-1f, 1.28379166e-1f);
        const Pack<T> exponent =
            polynomial(magnitude, -1.72853470e-5f, 3.83197126e-4f, -3.88396438e-3f, 2.42546219e-2f,
                       -1.06777877e-1f, -6.34846687e-1f, -1.28717512e-1f);
        const Pack<T> large = Pack<T>(1.0f) - exp(exponent * magnitude - magnitude);
        const Pack<T> y = select(is_less(magnitude, Pack<T>(0.927734375f)), small, large);
        return select(is_less(x, Pack<T>(0.0f)), Pack<T>(0.0f) - y, y);
    } else {
        Pack<T> y;
        for (int i = 0; i < Pack<T>::width; ++i)
            y.lanes[i] = std::erf(x.lanes[i]);
        return y;
    }
}

/// acos. For float sqrt(1 - |x|) times a polynomial (Abramowitz & Stegun 4.4.46, error below 2e-8 before
/// rounding); for double the C library's, lane by lane.
template <class T>
Pack<T> acos(const Pack<T>& x) {
    if constexpr (std::is_same_v<T, float>) {
        const Pack<T> magnitude = abs(x);
        const Pack<T> y = sqrt(Pack<T>(1.0f) - magnitude) *
                          polynomial(magnitude, -0.0012624911f, 0.0066700901f, -0.0170881256f, 0.0308918810f,
                                     -0.0501743046f, 0.0889789874f, -0.2145988016f, 1.5707963050f);
        return select(is_less(x, Pack<T>(0.0f)), Pack<T>(3.14159265f) - y, y);
    } else {
        Pack<T> y;
        for (int i = 0; i < Pack<T>::width; ++i)
            y.lanes[i] = std::acos(x.lanes[i]);
        return y;
    }
}

/// The C library's, lane by lane: exact to the last bit or so, and several times the time of `exp`.
template <class T>
Pack<T> pow(const Pack<T>& x, const Pack<T>& exponent) {
    Pack<T> y;
    for (int i = 0; i < Pack<T>::width; ++i)
        y.lanes[i] = std::pow(x.lanes[i], exponent.lanes[i]);
    return y;
}

/// `width` elements from memory, converted to the compute type.
template <class T>
Pack<compute_t<T>> load(const T* memory) {
    using P = Pack<compute_t<T>>;
    P pack;
    if constexpr (std::is_same_v<T, compute_t<T>>) {
        std::memcpy(&pack.lanes, memory, sizeof pack.lanes);
    } else {
        for (int i = 0; i < P::width; ++i)
            pack.lanes[i] = static_cast<float>(memory[i]);
    }
    return pack;
}

/// The first `count` elements at a stride; the other lanes repeat the last one, so that no operation sees
/// values that are not in the data.
template <class T>
Pack<compute_t<T>> load(const T* memory, std::int64_t stride, std::int64_t count) {
    using P = Pack<compute_t<T>>;
    P pack;
    for (int i = 0; i < P::width; ++i)
        pack.lanes[i] = static_cast<compute_t<T>>(memory[(i < count ? i : count - 1) * stride]);
    return pack;
}

/// Writes all lanes, or the first `count`, converted to the storage type.
template <class T>
void store(T* memory, const Pack<compute_t<T>>& pack) {
    using P = Pack<compute_t<T>>;
    if constexpr (std::is_same_v<T, compute_t<T>>) {
        std::memcpy(memory, &pack.lanes, sizeof pack.lanes);
    } else {
        for (int i = 0; i < P::width; ++i)
            memory[i] = static_cast<T>(pack.lanes[i]);
    }
}
template <class T>
void store(T* memory, const Pack<compute_t<T>>& pack, std::int64_t stride, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i)
        memory[i * stride] = static_cast<T>(pack.lanes[i]);
}

/// The pack with the lanes from `count` on replaced.
template <class T>
Pack<T> keep(Pack<T> pack, std::int64_t count, T other) {
    for (int i = 0; i < Pack<T>::width; ++i)
        pack.lanes[i] = i < count ? pack.lanes[i] : other;
    return pack;
}

}  // namespace lafs::inline LAFS_ABI
