// The recogniser of lafs_compare, lafs_embed and lafs_evaluate --device cuda, compiled once for them.
#include <lafs/faces/face_embedder.hpp>

#include "offer_cuda.hpp"

namespace {
const bool offered = offer_cuda(&lafs::face_embedder<lafs::Cuda>);
}  // namespace
