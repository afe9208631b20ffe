// The tests of the CUDA backend, their kernels run by the host.
#include "../cuda/sum_test.cu"
