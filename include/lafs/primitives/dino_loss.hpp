// The DINO loss by tiles of prototypes (the formula: losses/dino_loss.hpp): sizes, the programs of rows, the
// sums that finish the loss, and contract.
//
// The logits of a network are z . v g / |v|, rows z (rows, width) and directions v (prototypes, width). There
// are too many to hold: a backend forms the products z . v of a tile of prototypes, runs the programs below
// over its rows, keeps a few numbers a row, and forgets the tile; the backward pass forms it again. How
// prototypes are cut into tiles is the backend's affair, by the sizes alone.
//
// A backend overloads, for its device; every pointer is to the device's memory, and so are the results:
//   dino_forward(D, sizes, student, teacher, centre, temperatures, out)
//       the scales g / |v| of both networks and everything of `out` =
//   dino_backward(D, sizes, student, teacher, centre, temperatures, forward, gradient, dz, ddirections)
//       dz and ddirections = or += for `*gradient` of the loss, those that are wanted
//   dino_centre_norm(D, prototypes, centre, norm)
//       *norm = sqrt(sum centre^2), in double
#pragma once

#include <lafs/primitives/row.hpp>
#include <type_traits>

LAFS_DEVICE_CODE_BEGIN
namespace lafs::inline LAFS_ABI {

/// Sizes: `views` counts the two global views, which come first in the student's rows (view by view); the
/// teacher has the rows of the global views.
struct DinoSizes {
    std::int64_t batch, views, prototypes, width;
    static constexpr std::int64_t global = 2;

    LAFS_HOST_DEVICE std::int64_t student_rows() const { return views * batch; }
    LAFS_HOST_DEVICE std::int64_t teacher_rows() const { return global * batch; }
    /// Pairs of a global view and another view.
    LAFS_HOST_DEVICE std::int64_t pairs() const { return global * views - global; }
};

template <class T>
struct DinoTemperatures {
    T student, teacher;
};

/// One network: its rows, directions, gains (prototypes) or null for 1, and room for its scales
/// (prototypes), which the forward pass writes and the backward pass reads.
template <class T>
struct DinoNetwork {
    const T *z, *directions, *gains;
    T* scales;
};

/// What the forward pass gives: log sum exp of every row, the sum of the raw teacher logits over the rows
/// (prototypes), the loss, and the teacher's mean entropy.
template <class T>
struct DinoForward {
    T *student_log_sums, *teacher_log_sums, *teacher_logit_sums, *loss;
    double* entropy;
};

/// What a tile found of a row's softmax: its largest x, sum of e = exp(x - largest), sum of e (x - largest).
template <class T>
struct SoftmaxPiece {
    T largest, sum, moment;
};

/// What the tiles found: softmax pieces (tiles, rows), and the inner products sum e x of a teacher's row q
/// and a student's row (tiles, global, student rows), which start as 0.
template <class T>
struct DinoPieces {
    SoftmaxPiece<T>*teacher, *student;
    T* cross;
    std::int64_t tiles;

    /// Those of one tile.
    LAFS_HOST_DEVICE DinoPieces of_tile(const DinoSizes& s, std::int64_t tile) const {
        return {teacher + tile * s.teacher_rows(), student + tile * s.student_rows(),
                cross + tile * DinoSizes::global * s.student_rows(), 1};
    }
};

/// A tile of n prototypes: their scales and centre, and the products z . v of all rows, (rows, n).
template <class T>
struct DinoTile {
    std::int64_t n;
    const T *student_scales, *teacher_scales, *centre;
    T *student_products, *teacher_products;
};

/// The programs over rows (see primitives/row.hpp for `lanes`).
struct DinoRows {
    /// g / |v|.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static T scale(const Lanes& lanes, std::int64_t width, const T* v, T gain) {
        const T squares = lanes.sum(width, [&](auto at) { return at(v) * at(v); });
        return gain / maximum(T(1e-12), sqrt(squares));
    }

    /// A teacher's row of a tile: x = (logit - centre) / temperature replaces the products; e = exp(x -
    /// largest); the logits are added to `logit_sums`, unless it is nullptr.
    template <class Lanes, class T, class Sums>
    LAFS_HOST_DEVICE static SoftmaxPiece<T> teacher(const Lanes& lanes, const DinoTile<T>& tile,
                                                    T temperature, T* products, T* e, Sums logit_sums) {
        const auto inverse = lanes.value(1 / temperature);
        SoftmaxPiece<T> piece;
        piece.largest = lanes.max(tile.n, [&](auto at) {
            const auto logit = at(products) * at(tile.teacher_scales),
                       x = (logit - at(tile.centre)) * inverse;
            if constexpr (!std::is_null_pointer_v<Sums>)
                at.store(logit_sums, at(logit_sums) + logit);
            at.store(products, x);
            return x;
        });
        const auto shift = lanes.value(piece.largest);
        piece.sum = lanes.sum(tile.n, [&](auto at) {
            const auto value = exp(at(products) - shift);
            at.store(e, value);
            return value;
        });
        piece.moment = lanes.sum(tile.n, [&](auto at) { return at(e) * (at(products) - shift); });
        return piece;
    }

    /// A student's row of a tile: x = logit / temperature replaces the products.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static SoftmaxPiece<T> student(const Lanes& lanes, const DinoTile<T>& tile,
                                                    T temperature, T* products) {
        const auto inverse = lanes.value(1 / temperature);
        SoftmaxPiece<T> piece{};
        piece.largest = lanes.max(tile.n, [&](auto at) {
            const auto x = at(products) * at(tile.student_scales) * inverse;
            at.store(products, x);
            return x;
        });
        const auto shift = lanes.value(piece.largest);
        piece.sum = lanes.sum(tile.n, [&](auto at) { return exp(at(products) - shift); });
        return piece;
    }

    /// The pieces of all rows of image i in one tile. `e` is scratch of (global, n). The teacher's logits are
    /// added to `logit_sums` (nullptr where images run side by side and the backend adds them up by itself).
    template <class Lanes, class T, class Sums>
    LAFS_HOST_DEVICE static void forward(const Lanes& lanes, const DinoSizes& s, std::int64_t i,
                                         const DinoTile<T>& tile, const DinoTemperatures<T>& temperatures,
                                         T* e, Sums logit_sums, const DinoPieces<T>& pieces) {
        for (std::int64_t q = 0; q < DinoSizes::global; ++q) {
            const std::int64_t row = q * s.batch + i;
            const SoftmaxPiece<T> piece =
                teacher(lanes, tile, temperatures.teacher, tile.teacher_products + row * tile.n,
                        e + q * tile.n, logit_sums);
            lanes.once([&] { pieces.teacher[row] = piece; });
        }
        for (std::int64_t v = 0; v < s.views; ++v) {
            const std::int64_t row = v * s.batch + i;
            T* x = tile.student_products + row * tile.n;
            const SoftmaxPiece<T> piece = student(lanes, tile, temperatures.student, x);
            lanes.once([&] { pieces.student[row] = piece; });
            for (std::int64_t q = 0; q < DinoSizes::global; ++q) {
                if (q == v)
                    continue;
                const T* of_teacher = e + q * tile.n;
                const T inner = lanes.sum(tile.n, [&](auto at) { return at(of_teacher) * at(x); });
                lanes.once([&] { pieces.cross[q * s.student_rows() + row] = inner; });
            }
        }
    }

    /// Of image i in one tile: the teacher's products become its probabilities, the student's the gradients
    /// of the products: `factor` times the sum over the pairs of (softmax - teacher's probability) scale.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void backward(const Lanes& lanes, const DinoSizes& s, std::int64_t i,
                                          const DinoTile<T>& tile, const DinoTemperatures<T>& temperatures,
                                          const DinoForward<T>& forward, T factor) {
        const auto inverse_student = lanes.value(1 / temperatures.student),
                   inverse_teacher = lanes.value(1 / temperatures.teacher), scale = lanes.value(factor);
        T* p[DinoSizes::global];
        for (std::int64_t q = 0; q < DinoSizes::global; ++q) {
            p[q] = tile.teacher_products + (q * s.batch + i) * tile.n;
            const auto shift = lanes.value(forward.teacher_log_sums[q * s.batch + i]);
            lanes.each(tile.n, [&](auto at) {
                at.store(p[q], exp((at(p[q]) * at(tile.teacher_scales) - at(tile.centre)) * inverse_teacher -
                                   shift));
            });
        }
        for (std::int64_t v = 0; v < s.views; ++v) {
            T* x = tile.student_products + (v * s.batch + i) * tile.n;
            const auto shift = lanes.value(forward.student_log_sums[v * s.batch + i]);
            const T *other = p[v == 0 ? 1 : 0], *second = p[1];
            const bool local = v >= DinoSizes::global;
            lanes.each(tile.n, [&](auto at) {
                const auto probability = exp(at(x) * at(tile.student_scales) * inverse_student - shift);
                const auto difference =
                    local ? (probability - at(other)) + (probability - at(second)) : probability - at(other);
                at.store(x, difference * at(tile.student_scales) * scale);
            });
        }
    }

    /// dv (+)= G - v (v . G) / |v|^2: the gradient of a direction from G, that of v g / |v|.
    template <class Lanes, class T>
    LAFS_HOST_DEVICE static void direction(const Lanes& lanes, std::int64_t width, const T* v, const T* g,
                                           const GradientTarget<T>& dv) {
        const T squares = lanes.sum(width, [&](auto at) { return at(v) * at(v); });
        const T inner = lanes.sum(width, [&](auto at) { return at(v) * at(g); });
        const auto along = lanes.value(inner / maximum(T(1e-24), squares));
        lanes.each(width, [&](auto at) { at.put(dv, at(g) - at(v) * along); });
    }
};

/// The factor of the backward program: the loss is a mean over images and pairs, x a quotient by the
/// temperature.
template <class T>
LAFS_HOST_DEVICE T dino_gradient_factor(const DinoSizes& s, const DinoTemperatures<T>& temperatures,
                                        T gradient) {
    return gradient / (temperatures.student * static_cast<T>(s.pairs() * s.batch));
}

/// The softmax of a whole row from its pieces in all tiles, `stride` apart, in double.
struct WholeSoftmax {
    double largest = -HUGE_VAL, sum = 0.0, moment = 0.0;

    template <class T>
    LAFS_HOST_DEVICE WholeSoftmax(const SoftmaxPiece<T>* pieces, std::int64_t tiles, std::int64_t stride) {
        for (std::int64_t tile = 0; tile < tiles; ++tile)
            largest = maximum(static_cast<double>(pieces[tile * stride].largest), largest);
        for (std::int64_t tile = 0; tile < tiles; ++tile) {
            const SoftmaxPiece<T>& piece = pieces[tile * stride];
            const double below = piece.largest - largest, weight = exp(below);
            sum += weight * piece.sum;
            moment += weight * (piece.moment + below * piece.sum);
        }
    }
    LAFS_HOST_DEVICE double log_sum() const { return largest + log(sum); }
    LAFS_HOST_DEVICE double entropy() const { return log(sum) - moment / sum; }
    /// What a piece's e are multiplied with to be probabilities of the row.
    template <class T>
    LAFS_HOST_DEVICE double weight(const SoftmaxPiece<T>& piece) const {
        return exp(piece.largest - largest) / sum;
    }
};

/// The sums behind the loss and the entropy, in double. Rows add to them, the student's before the teacher's;
/// or to sums of their own, which are added up in that order.
struct DinoSums {
    double loss = 0.0, entropy = 0.0;

    /// Finishes a student's row: its log sum exp, as often as it is in a pair.
    template <class T>
    LAFS_HOST_DEVICE void add_student(const DinoSizes& s, const DinoPieces<T>& pieces, std::int64_t row,
                                      const DinoForward<T>& out) {
        const double log_sum = WholeSoftmax(pieces.student + row, pieces.tiles, s.student_rows()).log_sum();
        out.student_log_sums[row] = static_cast<T>(log_sum);
        const bool is_global = row / s.batch < DinoSizes::global;
        loss += log_sum * static_cast<double>(is_global ? DinoSizes::global - 1 : DinoSizes::global);
    }

    /// Finishes a teacher's row: its entropy, and its probabilities' inner products with the students' x.
    template <class T>
    LAFS_HOST_DEVICE void add_teacher(const DinoSizes& s, const DinoPieces<T>& pieces, std::int64_t row,
                                      const DinoForward<T>& out) {
        const WholeSoftmax whole(pieces.teacher + row, pieces.tiles, s.teacher_rows());
        out.teacher_log_sums[row] = static_cast<T>(whole.log_sum());
        entropy += whole.entropy();
        const std::int64_t q = row / s.batch, i = row % s.batch;
        for (std::int64_t tile = 0; tile < pieces.tiles; ++tile) {
            const DinoPieces<T> found = pieces.of_tile(s, tile);
            const double weight = whole.weight(found.teacher[row]);
            const T* cross = found.cross + q * s.student_rows();
            for (std::int64_t v = 0; v < s.views; ++v)  // 0 where v is q
                loss -= weight * static_cast<double>(cross[v * s.batch + i]);
        }
    }

    /// The means.
    template <class T>
    LAFS_HOST_DEVICE void put(const DinoSizes& s, const DinoForward<T>& out) const {
        *out.loss = static_cast<T>(loss / static_cast<double>(s.pairs() * s.batch));
        *out.entropy = entropy / static_cast<double>(s.teacher_rows());
    }
};

}  // namespace lafs::inline LAFS_ABI
LAFS_DEVICE_CODE_END
