// Dense convolution on the GPU (sizes, formula and contract: primitives/convolution.hpp).
//
// Kernels of one pixel are products of the weights with each image, in one batch. Others are products with the
// columns of the images - what the kernel covers for each pixel of the output - which are written out for as
// many images at a time as fit in a bounded scratch memory.
#pragma once

#include <lafs/backend/cuda/gemm.hpp>
#include <lafs/backend/cuda/reduce.cuh>
#include <lafs/primitives/convolution.hpp>

namespace lafs::inline LAFS_ABI {

namespace cuda {

/// columns (images, depth, out_plane) of x.
template <class T>
__global__ void columns_kernel(ConvGeometry g, std::int64_t images, const T* x, T* columns) {
    each_element(images * g.depth() * g.out_plane(), [=](std::int64_t at) {
        const std::int64_t line = at / g.out_plane(), k = line % g.depth(), pixel = at % g.out_plane(),
                           plane = line / g.depth() * g.in + k / g.taps(),
                           row = g.row(pixel / g.out_width, k % g.taps()),
                           column = g.column(pixel % g.out_width, k % g.taps());
        columns[at] = g.has(row, column) ? x[plane * g.in_plane() + row * g.width + column] : T(0);
    });
}

/// dx (+)= the columns' gradients, gathered by the pixels that they were read from.
template <class T>
__global__ void gather_columns_kernel(ConvGeometry g, std::int64_t images, const T* columns,
                                      GradientTarget<T> dx) {
    each_element(images * g.in * g.in_plane(), [=](std::int64_t at) {
        const std::int64_t plane = at / g.in_plane();
        const T* from = columns + (plane / g.in * g.depth() + plane % g.in * g.taps()) * g.out_plane();
        T sum(0);
        g.each_reader(at % g.in_plane() / g.width, at % g.width,
                      [&](std::int64_t t, std::int64_t pixel) { sum += from[t * g.out_plane() + pixel]; });
        dx.data[at] = dx.accumulate ? dx.data[at] + sum : sum;
    });
}

template <class T>
__global__ void fill_planes_kernel(std::int64_t planes, std::int64_t plane, std::int64_t channels,
                                   const T* bias, T* y) {
    each_element(planes * plane, [=](std::int64_t i) { y[i] = bias[i / plane % channels]; });
}

/// Runs body(first, images) over the batch, so many images at a time that `per_image` numbers of T for each of
/// them stay within 64 MB.
template <class T, class Body>
void each_image_group(const ConvGeometry& g, std::int64_t per_image, const Body& body) {
    constexpr std::int64_t room = (std::int64_t{64} << 20) / static_cast<std::int64_t>(sizeof(T));
    const std::int64_t group = std::clamp<std::int64_t>(room / std::max<std::int64_t>(1, per_image), 1,
                                                        std::max<std::int64_t>(1, g.batch));
    for (std::int64_t first = 0; first < g.batch; first += group)
        body(first, std::min(group, g.batch - first));
}

/// The columns of some images, from `first` on: x itself for kernels of one pixel, else made in `scratch`.
template <class T>
const T* columns_of(const ConvGeometry& g, std::int64_t first, std::int64_t images, const T* x, T* scratch) {
    const T* own = x + first * g.in * g.in_plane();
    if (g.pointwise())
        return own;
    launch_elements(columns_kernel<T>, images * g.depth() * g.out_plane(), g, images, own, scratch);
    return scratch;
}

/// Room for the columns of a group of images; none for kernels of one pixel.
template <class T>
Tensor<T, Cuda> columns_room(const ConvGeometry& g, std::int64_t images) {
    return Tensor<T, Cuda>::empty({g.pointwise() ? 0 : images * g.depth() * g.out_plane()});
}

}  // namespace cuda

template <class T>
void conv_forward(Cuda device, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
    if (bias)
        cuda::launch_elements(cuda::fill_planes_kernel<T>, g.batch * g.out * g.out_plane(), g.batch * g.out,
                              g.out_plane(), g.out, bias, y);
    const std::int64_t columns = g.depth() * g.out_plane(), result = g.out * g.out_plane();
    cuda::each_image_group<T>(g, columns, [&](std::int64_t first, std::int64_t images) {
        const auto room = cuda::columns_room<T>(g, images);
        const T* from = cuda::columns_of(g, first, images, x, room.data());
        gemm_batch(device, compute_t<T>(1), Matrix<T>::row_major(w, g.out, g.depth(), g.depth()),
                   Matrix<T>::row_major(from, g.depth(), g.out_plane(), g.out_plane()), bias != nullptr,
                   y + first * result, g.out_plane(), GemmBatch{images, 0, columns, result});
    });
}

template <class T>
void conv_input_gradient(Cuda device, const ConvGeometry& g, const T* w, const T* grad,
                         const GradientTarget<T>& dx) {
    const auto left = Matrix<T>::row_major(w, g.out, g.depth(), g.depth()).transposed();
    const std::int64_t columns = g.depth() * g.out_plane(), result = g.out * g.out_plane(),
                       image = g.in * g.in_plane();
    cuda::each_image_group<T>(g, columns, [&](std::int64_t first, std::int64_t images) {
        const auto room = cuda::columns_room<T>(g, images);
        T* own = dx.data + first * image;
        gemm_batch(device, compute_t<T>(1), left,
                   Matrix<T>::row_major(grad + first * result, g.out, g.out_plane(), g.out_plane()),
                   g.pointwise() && dx.accumulate, g.pointwise() ? own : room.data(), g.out_plane(),
                   GemmBatch{images, 0, result, columns});
        if (!g.pointwise())
            cuda::launch_elements(cuda::gather_columns_kernel<T>, images * image, g, images, room.data(),
                                  GradientTarget<T>{own, dx.accumulate});
    });
}

/// The products of the images are summed in order.
template <class T>
void conv_weight_gradient(Cuda device, const ConvGeometry& g, const T* x, const T* grad,
                          const GradientTarget<T>& dw) {
    const std::int64_t columns = g.depth() * g.out_plane(), result = g.out * g.out_plane(),
                       weights = g.out * g.depth();
    if (g.batch == 0 && !dw.accumulate)
        DeviceMemory<Cuda>::zero(dw.data, static_cast<std::size_t>(weights) * sizeof(T));
    cuda::each_image_group<T>(g, columns + weights, [&](std::int64_t first, std::int64_t images) {
        const auto room = cuda::columns_room<T>(g, images), sums = Tensor<T, Cuda>::empty({images, weights});
        const T* from = cuda::columns_of(g, first, images, x, room.data());
        gemm_batch(device, compute_t<T>(1),
                   Matrix<T>::row_major(grad + first * result, g.out, g.out_plane(), g.out_plane()),
                   Matrix<T>::row_major(from, g.depth(), g.out_plane(), g.out_plane()).transposed(), false,
                   sums.data(), g.depth(), GemmBatch{images, result, columns, weights});
        cuda::sum_axis(1, images, weights, sums.data(), compute_t<T>(1),
                       GradientTarget<T>{dw.data, dw.accumulate || first > 0});
    });
}

}  // namespace lafs::inline LAFS_ABI
