// The tests of the CUDA backend, their kernels run by the host.
#include "../cuda/cross_entropy_test.cu"
