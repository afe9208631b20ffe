// The CUDA backend, for .cu files: with it, `lafs::Cuda` works as the device of tensors and variables.
//
//   #include <lafs/lafs.hpp>
//   #include <lafs/cuda.hpp>
//   lafs::Variable<float, lafs::Cuda> x(host_tensor.to<lafs::Cuda>(), true);
//
// It adds overloads of the primitives that take `Cuda` first; functions over variables find them where they
// are used. docs/cuda.md lists what there is.
#pragma once

#include <lafs/backend/cuda/attention.cuh>
#include <lafs/backend/cuda/batch_norm.cuh>
#include <lafs/backend/cuda/choose.cuh>
#include <lafs/backend/cuda/class_attention.cuh>
#include <lafs/backend/cuda/conv.cuh>
#include <lafs/backend/cuda/convert.cuh>
#include <lafs/backend/cuda/cross_entropy.cuh>
#include <lafs/backend/cuda/depthwise.cuh>
#include <lafs/backend/cuda/device.hpp>
#include <lafs/backend/cuda/dino_loss.cuh>
#include <lafs/backend/cuda/dropout.cuh>
#include <lafs/backend/cuda/extremum.cuh>
#include <lafs/backend/cuda/fill.cuh>
#include <lafs/backend/cuda/gather.cuh>
#include <lafs/backend/cuda/gemm.hpp>
#include <lafs/backend/cuda/label_product.cuh>
#include <lafs/backend/cuda/landmark_patches.cuh>
#include <lafs/backend/cuda/landmark_views.cuh>
#include <lafs/backend/cuda/map.cuh>
#include <lafs/backend/cuda/map_gradients.cuh>
#include <lafs/backend/cuda/optimizer_step.cuh>
#include <lafs/backend/cuda/pooling.cuh>
#include <lafs/backend/cuda/reduce.cuh>
#include <lafs/backend/cuda/rms_norm.cuh>
#include <lafs/backend/cuda/row.cuh>
