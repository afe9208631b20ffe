// The DINO loss on the CPU, by tiles of prototypes (see losses/dino_loss.hpp for the formula).
//
// A task owns some tiles in order. It computes the tile's logits with a matrix product, reduces them to a few
// numbers a row, and forgets them; the backward pass computes them again. What tasks found is added up in the
// order of the tiles, so that the result does not depend on the number of threads.
#pragma once

#include <lafs/backend/cpu/gemm.hpp>
#include <lafs/backend/cpu/row.hpp>

namespace lafs::inline LAFS_ABI {

/// Sizes: `views` counts the two global views, which come first in the student's rows (view-major).
struct DinoSizes {
    std::int64_t batch, views, prototypes, width;
    static constexpr std::int64_t global = 2;

    std::int64_t student_rows() const { return views * batch; }
    std::int64_t teacher_rows() const { return global * batch; }
    std::int64_t pairs() const { return global * views - global; }
};

/// One network: rows z, and the last layer: directions v (prototypes, width), gains g (prototypes) or null
/// for
/// 1. Its logits are z . v g / |v|; `scales` (prototypes) holds g / |v|, written by the forward pass.
template <class T>
struct DinoNetwork {
    const T *z, *directions, *gains;
    T* scales;
};

/// What the forward pass gives: log sum exp of every row, the sum of the raw teacher logits over the rows
/// (prototypes), the loss and the teacher's mean entropy.
template <class T>
struct DinoForward {
    T *student_log_sums, *teacher_log_sums, *teacher_logit_sums;
    double loss = 0.0, entropy = 0.0;
};

namespace cpu {

/// Where the tiles of prototypes lie, and which task has which: by the sizes alone.
struct DinoTiles {
    std::int64_t prototypes, width, count, tasks;

    explicit DinoTiles(const DinoSizes& s) : prototypes(s.prototypes) {
        // About 2 MB of floats for the logits of a tile.
        const std::int64_t rows = s.student_rows() + s.teacher_rows();
        width = std::clamp<std::int64_t>((1 << 19) / rows / 64 * 64, 256, 2048);
        count = (prototypes + width - 1) / width;
        tasks = std::min<std::int64_t>(count, 32);
    }
    std::int64_t first(std::int64_t task) const { return task * count / tasks; }
    std::int64_t begin(std::int64_t tile) const { return tile * width; }
    std::int64_t size(std::int64_t tile) const { return std::min(width, prototypes - begin(tile)); }
};

/// logits (rows, size) = z . directions of a tile, without the scales.
template <class T>
void dino_tile_logits(const DinoSizes& s, const DinoNetwork<T>& network, std::int64_t rows,
                      std::int64_t begin, std::int64_t size, T* logits) {
    gemm(Cpu{}, T(1), Matrix<T>::row_major(network.z, rows, s.width, s.width),
         Matrix<T>::row_major(network.directions + begin * s.width, size, s.width, s.width).transposed(),
         false, logits, size);
}

template <class T>
LAFS_FLATTEN void dino_tile_scales(const DinoSizes& s, const DinoNetwork<T>& network, std::int64_t begin,
                                   std::int64_t size) {
    const RowLanes<T> lanes;
    for (std::int64_t j = begin; j < begin + size; ++j) {
        const T* v = network.directions + j * s.width;
        const T squares = lanes.sum(s.width, [&](auto at) { return at(v) * at(v); });
        network.scales[j] =
            (network.gains ? network.gains[j] : T(1)) / std::max(std::sqrt(squares), T(1e-12));
    }
}

/// Softmax of a piece of a row: its largest x, sum of e = exp(x - largest), sum of e (x - largest).
template <class T>
struct SoftmaxPiece {
    T largest, sum, moment;
};

/// Reduces a row of a tile: x = (logit scale - centre) / temperature, written back, e beside it.
template <class T>
LAFS_FLATTEN SoftmaxPiece<T> dino_teacher_row(std::int64_t n, const T* scales, const T* centre, T temperature,
                                              T* logits, T* e, T* logit_sums) {
    const RowLanes<T> lanes;
    const auto inverse = lanes.value(1 / temperature);
    SoftmaxPiece<T> piece;
    piece.largest = lanes.max(n, [&](auto at) {
        const auto logit = at(logits) * at(scales), x = (logit - at(centre)) * inverse;
        at.store(logit_sums, at(logit_sums) + logit);
        at.store(logits, x);
        return x;
    });
    const auto shift = lanes.value(piece.largest);
    piece.sum = lanes.sum(n, [&](auto at) {
        const auto value = exp(at(logits) - shift);
        at.store(e, value);
        return value;
    });
    piece.moment = lanes.sum(n, [&](auto at) { return at(e) * (at(logits) - shift); });
    return piece;
}

/// The same for the student: x = logit scale / temperature, written back.
template <class T>
LAFS_FLATTEN SoftmaxPiece<T> dino_student_row(std::int64_t n, const T* scales, T temperature, T* logits) {
    const RowLanes<T> lanes;
    const auto inverse = lanes.value(1 / temperature);
    SoftmaxPiece<T> piece{};
    piece.largest = lanes.max(n, [&](auto at) {
        const auto x = at(logits) * at(scales) * inverse;
        at.store(logits, x);
        return x;
    });
    const auto shift = lanes.value(piece.largest);
    piece.sum = lanes.sum(n, [&](auto at) { return exp(at(logits) - shift); });
    return piece;
}

template <class T>
LAFS_FLATTEN T dino_dot(std::int64_t n, const T* a, const T* b) {
    return RowLanes<T>{}.sum(n, [&](auto at) { return at(a) * at(b); });
}

/// What each tile found, for every row.
template <class T>
struct DinoPieces {
    Tensor<T> teacher, student, cross;  // (tiles, rows, 3), (tiles, rows, 3), (tiles, global, student rows)

    DinoPieces(const DinoSizes& s, std::int64_t tiles)
        : teacher(Tensor<T>::empty({tiles, s.teacher_rows(), 3})),
          student(Tensor<T>::empty({tiles, s.student_rows(), 3})),
          cross(Tensor<T>::zeros({tiles, DinoSizes::global, s.student_rows()})) {}

    SoftmaxPiece<T>& of(const Tensor<T>& pieces, std::int64_t tile, std::int64_t row) const {
        return reinterpret_cast<SoftmaxPiece<T>*>(pieces.data())[tile * pieces.shape(1) + row];
    }
};

/// Forward pass over one tile. `scratch` holds the tile's logits of both networks and two rows.
template <class T>
void dino_forward_tile(const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                       const T* centre, T student_temperature, T teacher_temperature, const DinoTiles& tiles,
                       std::int64_t tile, T* scratch, const DinoPieces<T>& pieces, T* teacher_logit_sums) {
    const std::int64_t begin = tiles.begin(tile), n = tiles.size(tile);
    T *student_logits = scratch, *teacher_logits = student_logits + s.student_rows() * n,
      *e = teacher_logits + s.teacher_rows() * n;
    dino_tile_scales(s, student, begin, n);
    dino_tile_scales(s, teacher, begin, n);
    dino_tile_logits(s, student, s.student_rows(), begin, n, student_logits);
    dino_tile_logits(s, teacher, s.teacher_rows(), begin, n, teacher_logits);
    std::fill_n(teacher_logit_sums + begin, n, T(0));
    for (std::int64_t i = 0; i < s.batch; ++i) {
        for (std::int64_t q = 0; q < DinoSizes::global; ++q) {
            const std::int64_t row = q * s.batch + i;
            pieces.of(pieces.teacher, tile, row) =
                dino_teacher_row(n, teacher.scales + begin, centre + begin, teacher_temperature,
                                 teacher_logits + row * n, e + q * n, teacher_logit_sums + begin);
        }
        for (std::int64_t v = 0; v < s.views; ++v) {
            const std::int64_t row = v * s.batch + i;
            T* x = student_logits + row * n;
            pieces.of(pieces.student, tile, row) =
                dino_student_row(n, student.scales + begin, student_temperature, x);
            for (std::int64_t q = 0; q < DinoSizes::global; ++q)
                if (q != v)
                    pieces.cross.data()[(tile * DinoSizes::global + q) * s.student_rows() + row] =
                        dino_dot(n, e + q * n, x);
        }
    }
}

/// The softmax of a whole row from its pieces, in double: log sum exp, and the entropy.
struct WholeSoftmax {
    double largest = -HUGE_VAL, sum = 0.0, moment = 0.0;

    template <class T>
    WholeSoftmax(const DinoPieces<T>& pieces, const Tensor<T>& of, std::int64_t row) {
        for (std::int64_t tile = 0; tile < of.shape(0); ++tile)
            largest = std::max<double>(largest, pieces.of(of, tile, row).largest);
        for (std::int64_t tile = 0; tile < of.shape(0); ++tile) {
            const SoftmaxPiece<T>& piece = pieces.of(of, tile, row);
            const double below = piece.largest - largest, weight = std::exp(below);
            sum += weight * piece.sum;
            moment += weight * (piece.moment + below * piece.sum);
        }
    }
    double log_sum() const { return largest + std::log(sum); }
    double entropy() const { return std::log(sum) - moment / sum; }
};

/// Adds the pieces up, in order.
template <class T>
void dino_finish_forward(const DinoSizes& s, const DinoPieces<T>& pieces, DinoForward<T>& out) {
    double loss = 0.0, entropy = 0.0;
    for (std::int64_t row = 0; row < s.student_rows(); ++row) {
        const double log_sum = WholeSoftmax(pieces, pieces.student, row).log_sum();
        out.student_log_sums[row] = static_cast<T>(log_sum);
        const std::int64_t v = row / s.batch;
        loss +=
            log_sum * static_cast<double>(v < DinoSizes::global ? DinoSizes::global - 1 : DinoSizes::global);
    }
    for (std::int64_t teacher_row = 0; teacher_row < s.teacher_rows(); ++teacher_row) {
        const WholeSoftmax whole(pieces, pieces.teacher, teacher_row);
        out.teacher_log_sums[teacher_row] = static_cast<T>(whole.log_sum());
        entropy += whole.entropy();
        const std::int64_t q = teacher_row / s.batch, i = teacher_row % s.batch;
        for (std::int64_t tile = 0; tile < pieces.cross.shape(0); ++tile) {
            const double weight =
                std::exp(pieces.of(pieces.teacher, tile, teacher_row).largest - whole.largest) / whole.sum;
            const T* cross = pieces.cross.data() + (tile * DinoSizes::global + q) * s.student_rows();
            for (std::int64_t v = 0; v < s.views; ++v)  // 0 where v is q
                loss -= weight * static_cast<double>(cross[v * s.batch + i]);
        }
    }
    out.loss = loss / static_cast<double>(s.pairs() * s.batch);
    out.entropy = entropy / static_cast<double>(s.teacher_rows());
}

/// Turns a tile's logits into the teacher's probabilities, and into the gradients of z . v for the student.
template <class T>
LAFS_FLATTEN void dino_backward_rows(const DinoSizes& s, std::int64_t i, std::int64_t n,
                                     const T* student_scales, const T* teacher_scales, const T* centre,
                                     T student_temperature, T teacher_temperature, const T* student_log_sums,
                                     const T* teacher_log_sums, T factor, T* student_logits,
                                     T* teacher_logits) {
    const RowLanes<T> lanes;
    const auto inverse_student = lanes.value(1 / student_temperature),
               inverse_teacher = lanes.value(1 / teacher_temperature), scale = lanes.value(factor);
    T* p[DinoSizes::global];
    for (std::int64_t q = 0; q < DinoSizes::global; ++q) {
        p[q] = teacher_logits + (q * s.batch + i) * n;
        const auto shift = lanes.value(teacher_log_sums[q * s.batch + i]);
        lanes.each(n, [&](auto at) {
            at.store(p[q], exp((at(p[q]) * at(teacher_scales) - at(centre)) * inverse_teacher - shift));
        });
    }
    for (std::int64_t v = 0; v < s.views; ++v) {
        T* x = student_logits + (v * s.batch + i) * n;
        const auto shift = lanes.value(student_log_sums[v * s.batch + i]);
        const T *other = p[v == 0 ? 1 : 0], *second = p[1];
        const bool local = v >= DinoSizes::global;
        lanes.each(n, [&](auto at) {
            const auto probability = exp(at(x) * at(student_scales) * inverse_student - shift);
            const auto difference =
                local ? (probability - at(other)) + (probability - at(second)) : probability - at(other);
            at.store(x, difference * at(student_scales) * scale);
        });
    }
}

/// dv (+)= G - v (v . G) / |v|^2 for the rows of a tile: the gradient of a direction from that of v g / |v|.
template <class T>
LAFS_FLATTEN void dino_direction_gradients(std::int64_t rows, std::int64_t n, const T* directions, const T* g,
                                           const GradientTarget<T>& target) {
    const RowLanes<T> lanes;
    for (std::int64_t j = 0; j < rows; ++j) {
        const T *v = directions + j * n, *from = g + j * n;
        const T squares = lanes.sum(n, [&](auto at) { return at(v) * at(v); });
        const T inner = lanes.sum(n, [&](auto at) { return at(v) * at(from); });
        const auto along = lanes.value(inner / std::max(squares, T(1e-24)));
        const GradientTarget<T> row = row_of(target, j * n);
        lanes.each(n, [&](auto at) { at.put(row, at(from) - at(v) * along); });
    }
}

}  // namespace cpu

/// Loss, entropy and what the backward pass needs, in one pass over the prototypes.
template <class T>
void dino_forward(Cpu, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                  const T* centre, T student_temperature, T teacher_temperature, DinoForward<T>& out) {
    const cpu::DinoTiles tiles(s);
    const cpu::DinoPieces<T> pieces(s, tiles.count);
    count_launch();
    parallel_for(tiles.tasks, [&](std::int64_t task) {
        const auto scratch = Tensor<T>::empty({(s.student_rows() + s.teacher_rows() + 2) * tiles.width});
        for (std::int64_t tile = tiles.first(task); tile < tiles.first(task + 1); ++tile)
            cpu::dino_forward_tile(s, student, teacher, centre, student_temperature, teacher_temperature,
                                   tiles, tile, scratch.data(), pieces, out.teacher_logit_sums);
    });
    cpu::dino_finish_forward(s, pieces, out);
}

/// Gradients of the student's rows and directions, for `gradient` of the loss. The targets may be empty.
template <class T>
void dino_backward(Cpu, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                   const T* centre, T student_temperature, T teacher_temperature,
                   const DinoForward<T>& forward, T gradient, const GradientTarget<T>& dz,
                   const GradientTarget<T>& ddirections) {
    const cpu::DinoTiles tiles(s);
    const std::int64_t rows = s.student_rows();
    const T factor = gradient / (student_temperature * static_cast<T>(s.pairs() * s.batch));
    const auto sums = Tensor<T>::zeros({dz ? tiles.tasks : 0, rows * s.width});
    count_launch();
    parallel_for(tiles.tasks, [&](std::int64_t task) {
        const auto logits = Tensor<T>::empty({(rows + s.teacher_rows()) * tiles.width});
        const auto products = Tensor<T>::empty({ddirections ? tiles.width : 0, s.width});
        for (std::int64_t tile = tiles.first(task); tile < tiles.first(task + 1); ++tile) {
            const std::int64_t begin = tiles.begin(tile), n = tiles.size(tile);
            T *student_logits = logits.data(), *teacher_logits = student_logits + rows * n;
            cpu::dino_tile_logits(s, student, rows, begin, n, student_logits);
            cpu::dino_tile_logits(s, teacher, s.teacher_rows(), begin, n, teacher_logits);
            for (std::int64_t i = 0; i < s.batch; ++i)
                cpu::dino_backward_rows(s, i, n, student.scales + begin, teacher.scales + begin,
                                        centre + begin, student_temperature, teacher_temperature,
                                        forward.student_log_sums, forward.teacher_log_sums, factor,
                                        student_logits, teacher_logits);
            const auto by_logits = Matrix<T>::row_major(student_logits, rows, n, n);
            const T* directions = student.directions + begin * s.width;
            if (dz)
                gemm(Cpu{}, T(1), by_logits, Matrix<T>::row_major(directions, n, s.width, s.width), true,
                     sums.data() + task * rows * s.width, s.width);
            if (ddirections) {
                gemm(Cpu{}, T(1), by_logits.transposed(),
                     Matrix<T>::row_major(student.z, rows, s.width, s.width), false, products.data(),
                     s.width);
                cpu::dino_direction_gradients(n, s.width, directions, static_cast<const T*>(products.data()),
                                              row_of(ddirections, begin * s.width));
            }
        }
    });
    if (dz)
        cpu::sum_partials(dz, sums.data(), tiles.tasks, rows * s.width);
}

}  // namespace lafs::inline LAFS_ABI
