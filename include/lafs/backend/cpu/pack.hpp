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

    friend Pack exp(const Pack& x) { return Pack(Array(x.array().exp())); }
    friend Pack log(const Pack& x) { return Pack(Array(x.array().log())); }
    friend Pack sqrt(const Pack& x) { return Pack(Array(x.array().sqrt())); }
    friend Pack tanh(const Pack& x) { return Pack(Array(x.array().tanh())); }
    friend Pack abs(const Pack& x) { return Pack(Array(x.array().abs())); }
    friend Pack minimum(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() < b.vector() ? a.vector() : b.vector())); }
    friend Pack maximum(const Pack& a, const Pack& b) { return Pack(Lanes(a.vector() > b.vector() ? a.vector() : b.vector())); }
    friend Pack is_less(const Pack& a, const Pack& b) { return choose(a.vector() < b.vector()); }
    friend Pack is_less_equal(const Pack& a, const Pack& b) { return choose(a.vector() <= b.vector()); }
    friend Pack is_equal(const Pack& a, const Pack& b) { return choose(a.vector() == b.vector()); }
    friend Pack select(const Pack& condition, const Pack& a, const Pack& b) {
        return Pack(Lanes(condition.vector() != Lanes{} ? a.vector() : b.vector()));
    }
    // clang-format on

private:
    void fill(T value) {
        const Lanes values = value - Lanes{};
        std::memcpy(lanes, &values, sizeof lanes);
    }
    template <class Mask>
    static Pack choose(const Mask& mask) {
        return Pack(Lanes(mask ? T(1) - Lanes{} : Lanes{}));
    }
};

LAFS_DEVICE_CODE_END

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
