// The DINO loss on the CPU (programs and contract: primitives/dino_loss.hpp).
//
// A task owns some tiles of prototypes in order. What tasks found is added up in the order of the tiles, so
// that the result does not depend on the number of threads.
#pragma once

#include <lafs/backend/cpu/gemm.hpp>
#include <lafs/backend/cpu/row.hpp>
#include <lafs/primitives/dino_loss.hpp>

namespace lafs::inline LAFS_ABI {

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

/// products (rows, size) = z . directions of the tile that begins at `begin`.
template <class T>
void dino_products(const DinoSizes& s, const DinoNetwork<T>& network, std::int64_t rows, std::int64_t begin,
                   std::int64_t size, T* products) {
    gemm(Cpu{}, T(1), Matrix<T>::row_major(network.z, rows, s.width, s.width),
         Matrix<T>::row_major(network.directions + begin * s.width, size, s.width, s.width).transposed(),
         false, products, size);
}

/// A tile with the products of both networks, which begin at `scratch`.
template <class T>
DinoTile<T> dino_tile(const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                      const T* centre, const DinoTiles& tiles, std::int64_t tile, T* scratch) {
    const std::int64_t begin = tiles.begin(tile), n = tiles.size(tile);
    const DinoTile<T> result{n,       student.scales + begin,        teacher.scales + begin, centre + begin,
                             scratch, scratch + s.student_rows() * n};
    dino_products(s, student, s.student_rows(), begin, n, result.student_products);
    dino_products(s, teacher, s.teacher_rows(), begin, n, result.teacher_products);
    return result;
}

template <class T>
LAFS_FLATTEN void dino_scales(const DinoSizes& s, const DinoNetwork<T>& network, std::int64_t begin,
                              std::int64_t size) {
    for (std::int64_t j = begin; j < begin + size; ++j)
        network.scales[j] = DinoRows::scale(RowLanes<T>{}, s.width, network.directions + j * s.width,
                                            network.gains ? network.gains[j] : T(1));
}

template <class T>
LAFS_FLATTEN void dino_forward_rows(const DinoSizes& s, const DinoTile<T>& tile,
                                    const DinoTemperatures<T>& temperatures, T* e, T* logit_sums,
                                    const DinoPieces<T>& pieces) {
    for (std::int64_t i = 0; i < s.batch; ++i)
        DinoRows::forward(RowLanes<T>{}, s, i, tile, temperatures, e, logit_sums, pieces);
}

template <class T>
LAFS_FLATTEN void dino_backward_rows(const DinoSizes& s, const DinoTile<T>& tile,
                                     const DinoTemperatures<T>& temperatures, const DinoForward<T>& forward,
                                     T factor) {
    for (std::int64_t i = 0; i < s.batch; ++i)
        DinoRows::backward(RowLanes<T>{}, s, i, tile, temperatures, forward, factor);
}

/// Of the directions of a tile.
template <class T>
LAFS_FLATTEN void dino_direction_gradients(std::int64_t rows, std::int64_t width, const T* directions,
                                           const T* g, const GradientTarget<T>& target) {
    for (std::int64_t j = 0; j < rows; ++j)
        DinoRows::direction(RowLanes<T>{}, width, directions + j * width, g + j * width,
                            row_of(target, j * width));
}

}  // namespace cpu

template <class T>
void dino_forward(Cpu, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                  const T* centre, const DinoTemperatures<T>& temperatures, const DinoForward<T>& out) {
    const cpu::DinoTiles tiles(s);
    const auto of_teacher = Tensor<SoftmaxPiece<T>>::empty({tiles.count, s.teacher_rows()}),
               of_student = Tensor<SoftmaxPiece<T>>::empty({tiles.count, s.student_rows()});
    const auto cross = Tensor<T>::zeros({tiles.count, DinoSizes::global, s.student_rows()});
    const DinoPieces<T> pieces{of_teacher.data(), of_student.data(), cross.data(), tiles.count};
    count_launch();
    parallel_for(tiles.tasks, [&](std::int64_t task) {
        const auto scratch = Tensor<T>::empty({(s.student_rows() + s.teacher_rows() + 2) * tiles.width});
        for (std::int64_t tile = tiles.first(task); tile < tiles.first(task + 1); ++tile) {
            const std::int64_t begin = tiles.begin(tile), n = tiles.size(tile);
            cpu::dino_scales(s, student, begin, n);
            cpu::dino_scales(s, teacher, begin, n);
            T* logit_sums = out.teacher_logit_sums + begin;
            std::fill_n(logit_sums, n, T(0));
            cpu::dino_forward_rows(s,
                                   cpu::dino_tile(s, student, teacher, centre, tiles, tile, scratch.data()),
                                   temperatures, scratch.data() + (s.student_rows() + s.teacher_rows()) * n,
                                   logit_sums, pieces.of_tile(s, tile));
        }
    });
    DinoSums sums;
    for (std::int64_t row = 0; row < s.student_rows(); ++row)
        sums.add_student(s, pieces, row, out);
    for (std::int64_t row = 0; row < s.teacher_rows(); ++row)
        sums.add_teacher(s, pieces, row, out);
    sums.put(s, out);
}

template <class T>
void dino_backward(Cpu, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                   const T* centre, const DinoTemperatures<T>& temperatures, const DinoForward<T>& forward,
                   const T* gradient, const GradientTarget<T>& dz, const GradientTarget<T>& ddirections) {
    const cpu::DinoTiles tiles(s);
    const std::int64_t rows = s.student_rows();
    const T factor = dino_gradient_factor(s, temperatures, *gradient);
    const auto sums = Tensor<T>::zeros({dz ? tiles.tasks : 0, rows * s.width});
    count_launch();
    parallel_for(tiles.tasks, [&](std::int64_t task) {
        const auto scratch = Tensor<T>::empty({(rows + s.teacher_rows()) * tiles.width});
        const auto products = Tensor<T>::empty({ddirections ? tiles.width : 0, s.width});
        for (std::int64_t tile = tiles.first(task); tile < tiles.first(task + 1); ++tile) {
            const std::int64_t begin = tiles.begin(tile), n = tiles.size(tile);
            const DinoTile<T> own = cpu::dino_tile(s, student, teacher, centre, tiles, tile, scratch.data());
            cpu::dino_backward_rows(s, own, temperatures, forward, factor);
            const auto by_products = Matrix<T>::row_major(own.student_products, rows, n, n);
            const T* directions = student.directions + begin * s.width;
            if (dz)
                gemm(Cpu{}, T(1), by_products, Matrix<T>::row_major(directions, n, s.width, s.width), true,
                     sums.data() + task * rows * s.width, s.width);
            if (ddirections) {
                gemm(Cpu{}, T(1), by_products.transposed(),
                     Matrix<T>::row_major(student.z, rows, s.width, s.width), false, products.data(),
                     s.width);
                cpu::dino_direction_gradients(n, s.width, directions, products.data(),
                                              row_of(ddirections, begin * s.width));
            }
        }
    });
    if (dz)
        cpu::sum_partials(dz, sums.data(), tiles.tasks, rows * s.width);
}

/// One after the other: a few per mille of the forward pass.
template <class T>
void dino_centre_norm(Cpu, std::int64_t prototypes, const T* centre, double* norm) {
    double squares = 0.0;
    for (std::int64_t i = 0; i < prototypes; ++i)
        squares += static_cast<double>(centre[i]) * static_cast<double>(centre[i]);
    *norm = std::sqrt(squares);
}

}  // namespace lafs::inline LAFS_ABI
