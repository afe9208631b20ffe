// lafs_pretrain --device cuda
#include "offer_cuda.hpp"
#include "pretrain_run.hpp"

namespace {
const bool offered = offer_cuda(&pretrain<lafs::Cuda>);
}  // namespace
