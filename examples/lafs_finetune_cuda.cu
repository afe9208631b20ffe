// lafs_finetune --device cuda
#include "finetune_run.hpp"
#include "offer_cuda.hpp"

namespace {
const bool offered = offer_cuda(&finetune<lafs::Cuda>);
}  // namespace
