// The DINO loss on the GPU (programs and contract: primitives/dino_loss.hpp).
//
// Tiles of prototypes follow each other: cuBLASLt forms a tile's products for all rows, then the threads of a
// block run the program of an image over it, while the tile is in the second-level cache. Sums over tiles are in
// their order, those over rows at the end too. Nothing goes through the host.
#pragma once

#include <lafs/backend/cuda/gemm.hpp>
#include <lafs/backend/cuda/optimizer_step.cuh>
#include <lafs/backend/cuda/row.cuh>
#include <lafs/primitives/dino_loss.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// scales[j] = g / |v| of each direction.
template <int width, class T>
__global__ void dino_scales_kernel(std::int64_t prototypes, std::int64_t n, const T* directions,
                                   const T* gains, T* scales) {
    const RowLanes<T, width> lanes;
    each_row(prototypes, [&](std::int64_t j) {
        const T scale = DinoRows::scale(lanes, n, directions + j * n, gains ? gains[j] : T(1));
        lanes.once([&] { scales[j] = scale; });
    });
}

/// sums[j] *= scales[j]: sums of products become sums of logits.
template <class T>
__global__ void scale_sums_kernel(std::int64_t n, const T* scales, T* sums) {
    each_element(n, [=](std::int64_t j) { sums[j] *= scales[j]; });
}

/// `e` (images, global, n) is scratch.
template <int width, class T>
__global__ void dino_forward_kernel(std::int64_t images, std::int64_t n, DinoSizes s, DinoTile<T> tile,
                                    DinoTemperatures<T> temperatures, T* e, DinoPieces<T> pieces) {
    const RowLanes<T, width> lanes;
    each_row(images, [&](std::int64_t i) {
        DinoRows::forward(lanes, s, i, tile, temperatures, e + i * DinoSizes::global * n, nullptr, pieces);
    });
}

template <int width, class T>
__global__ void dino_backward_kernel(std::int64_t images, std::int64_t n, DinoSizes s, DinoTile<T> tile,
                                     DinoTemperatures<T> temperatures, DinoForward<T> forward,
                                     const T* gradient) {
    static_cast<void>(n);
    const RowLanes<T, width> lanes;
    const T factor = dino_gradient_factor(s, temperatures, *gradient);
    each_row(images,
             [&](std::int64_t i) { DinoRows::backward(lanes, s, i, tile, temperatures, forward, factor); });
}

template <int width, class T>
__global__ void dino_directions_kernel(std::int64_t prototypes, std::int64_t n, const T* directions,
                                       const T* g, GradientTarget<T> target) {
    const RowLanes<T, width> lanes;
    each_row(prototypes, [&](std::int64_t j) {
        DinoRows::direction(lanes, n, directions + j * n, g + j * n, row_of(target, j * n));
    });
}

/// A thread finishes a row, the student's before the teacher's, into sums of its own.
template <class T>
__global__ void dino_rows_kernel(DinoSizes s, DinoPieces<T> pieces, DinoForward<T> out, DinoSums* sums) {
    each_element(s.student_rows() + s.teacher_rows(), [=](std::int64_t row) {
        DinoSums own;
        if (row < s.student_rows())
            own.add_student(s, pieces, row, out);
        else
            own.add_teacher(s, pieces, row - s.student_rows(), out);
        sums[row] = own;
    });
}

/// One block: a thread adds every k-th row.
template <class T>
__global__ void dino_loss_kernel(DinoSizes s, const DinoSums* sums, DinoForward<T> out) {
    DinoSums own;
    for (std::int64_t row = threadIdx.x; row < s.student_rows() + s.teacher_rows(); row += element_threads) {
        own.loss += sums[row].loss;
        own.entropy += sums[row].entropy;
    }
    own.loss = sum_over_block<element_threads>(own.loss);
    own.entropy = sum_over_block<element_threads>(own.entropy);
    if (threadIdx.x == 0)
        own.put(s, out);
}

/// Where the tiles of prototypes lie, by the sizes alone: the products of a tile take about 16 MB.
struct DinoTiles {
    std::int64_t prototypes, width, count;

    template <class T>
    DinoTiles(const DinoSizes& s, const T*) : prototypes(s.prototypes) {
        constexpr std::int64_t room = (std::int64_t{16} << 20) / static_cast<std::int64_t>(sizeof(T));
        const std::int64_t rows = std::max<std::int64_t>(1, s.student_rows() + s.teacher_rows());
        width = std::clamp<std::int64_t>(room / rows / 64 * 64, 256, 16384);
        count = (prototypes + width - 1) / width;
    }
    std::int64_t begin(std::int64_t tile) const { return tile * width; }
    std::int64_t size(std::int64_t tile) const { return std::min(width, prototypes - begin(tile)); }
};

template <class T>
void dino_scales(const DinoSizes& s, const DinoNetwork<T>& network) {
    with_row_width<T>(s.width, {network.directions}, [&](auto width) {
        launch_rows(width, dino_scales_kernel<decltype(width)::value, T>, s.prototypes, s.width,
                    network.directions, network.gains, network.scales);
    });
}

/// products (rows, size) = z . directions of the tile that begins at `begin`.
template <class T>
void dino_products(const DinoSizes& s, const DinoNetwork<T>& network, std::int64_t rows, std::int64_t begin,
                   std::int64_t size, T* products) {
    gemm(Cuda{}, T(1), Matrix<T>::row_major(network.z, rows, s.width, s.width),
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

/// Runs body(width) as with_row_width does for the rows of a tile.
template <class T, class Body>
void with_tile_width(const DinoTile<T>& tile, const Body& body) {
    with_row_width<T>(
        tile.n,
        {tile.student_scales, tile.teacher_scales, tile.centre, tile.student_products, tile.teacher_products},
        body);
}

}  // namespace cuda

template <class T>
void dino_forward(Cuda, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                  const T* centre, const DinoTemperatures<T>& temperatures, const DinoForward<T>& out) {
    const cuda::DinoTiles tiles(s, centre);
    const std::int64_t rows = s.student_rows() + s.teacher_rows();
    const auto of_teacher = Tensor<SoftmaxPiece<T>, Cuda>::empty({tiles.count, s.teacher_rows()}),
               of_student = Tensor<SoftmaxPiece<T>, Cuda>::empty({tiles.count, s.student_rows()});
    const auto cross = Tensor<T, Cuda>::zeros({tiles.count, DinoSizes::global, s.student_rows()}),
               scratch = Tensor<T, Cuda>::empty({rows, tiles.width}),
               e = Tensor<T, Cuda>::empty({s.teacher_rows(), tiles.width});
    const DinoPieces<T> pieces{of_teacher.data(), of_student.data(), cross.data(), tiles.count};
    cuda::dino_scales(s, student);
    cuda::dino_scales(s, teacher);
    for (std::int64_t at = 0; at < tiles.count; ++at) {
        const DinoTile<T> tile = cuda::dino_tile(s, student, teacher, centre, tiles, at, scratch.data());
        // Before the program replaces the products.
        T* logit_sums = out.teacher_logit_sums + tiles.begin(at);
        cuda::sum_axis(1, s.teacher_rows(), tile.n, tile.teacher_products, T(1),
                       GradientTarget<T>{logit_sums, false});
        cuda::launch_elements(cuda::scale_sums_kernel<T>, tile.n, tile.n, tile.teacher_scales, logit_sums);
        cuda::with_tile_width(tile, [&](auto width) {
            cuda::launch_rows(width, cuda::dino_forward_kernel<decltype(width)::value, T>, s.batch, tile.n, s,
                              tile, temperatures, e.data(), pieces.of_tile(s, at));
        });
    }
    const auto sums = Tensor<DinoSums, Cuda>::empty({rows});
    cuda::launch_elements(cuda::dino_rows_kernel<T>, rows, s, pieces, out, sums.data());
    cuda::launch(cuda::dino_loss_kernel<T>, dim3(1), dim3(cuda::element_threads), cuda::stream(), s,
                 sums.data(), out);
}

template <class T>
void dino_backward(Cuda, const DinoSizes& s, const DinoNetwork<T>& student, const DinoNetwork<T>& teacher,
                   const T* centre, const DinoTemperatures<T>& temperatures, const DinoForward<T>& forward,
                   const T* gradient, const GradientTarget<T>& dz, const GradientTarget<T>& ddirections) {
    const cuda::DinoTiles tiles(s, centre);
    const std::int64_t rows = s.student_rows();
    const auto scratch = Tensor<T, Cuda>::empty({rows + s.teacher_rows(), tiles.width});
    const auto products = Tensor<T, Cuda>::empty({ddirections ? tiles.width : 0, s.width});
    for (std::int64_t at = 0; at < tiles.count; ++at) {
        const std::int64_t begin = tiles.begin(at), n = tiles.size(at);
        const DinoTile<T> tile = cuda::dino_tile(s, student, teacher, centre, tiles, at, scratch.data());
        cuda::with_tile_width(tile, [&](auto width) {
            cuda::launch_rows(width, cuda::dino_backward_kernel<decltype(width)::value, T>, s.batch, n, s,
                              tile, temperatures, forward, gradient);
        });
        const auto by_products = Matrix<T>::row_major(tile.student_products, rows, n, n);
        const T* directions = student.directions + begin * s.width;
        if (dz)
            gemm(Cuda{}, T(1), by_products, Matrix<T>::row_major(directions, n, s.width, s.width),
                 dz.accumulate || at > 0, dz.data, s.width);
        if (!ddirections)
            continue;
        gemm(Cuda{}, T(1), by_products.transposed(), Matrix<T>::row_major(student.z, rows, s.width, s.width),
             false, products.data(), s.width);
        const GradientTarget<T> target = row_of(ddirections, begin * s.width);
        cuda::with_row_width<T>(s.width, {directions, products.data(), target.data}, [&](auto width) {
            cuda::launch_rows(width, cuda::dino_directions_kernel<decltype(width)::value, T>, n, s.width,
                              directions, products.data(), target);
        });
    }
}

template <class T>
void dino_centre_norm(Cuda device, std::int64_t prototypes, const T* centre, double* norm) {
    const SquaresOf<T> of{prototypes, centre, nullptr, 1};
    const auto sum = Tensor<double, Cuda>::empty({1});
    sums_of_squares(device, std::span<const SquaresOf<T>>(&of, 1), sum.data(), norm);
}

}  // namespace lafs::inline LAFS_ABI
