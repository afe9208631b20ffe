// Everything, and the templates that reach most of it: compiled for its warnings alone.
#include <lafs/lafs.hpp>

template class lafs::BasicFinetuneTask<float>;
template class lafs::BasicPretrainTask<float>;
