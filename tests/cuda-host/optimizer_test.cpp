// The tests of the CUDA backend, their kernels run by the host.
#include "../cuda/optimizer_test.cu"
