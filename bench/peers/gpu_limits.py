#!/usr/bin/env python3
"""What a GPU can do at the shapes of a training step: products and attention through PyTorch, in bfloat16.

These are the floors that kernels of our own are measured against. Pre-training at base size sees 2 views of 197 tokens and
8 of 37 for each image, so 690 rows an image; fine-tuning sees 197. The times are the device's own, between two events around
ten calls; the best round of each counts.

    bench/peers/gpu_limits.py [--images 82] [--rounds 5]

Needs torch with CUDA. Exit status 77 when there is none.
"""

import argparse
import sys

try:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

WIDTH, HEADS, HEAD_WIDTH, HIDDEN = 768, 11, 64, 2048  # Part fViT of base size
GLOBAL_TOKENS, LOCAL_TOKENS, GLOBAL_VIEWS, LOCAL_VIEWS = 197, 37, 2, 8
INNER = HEADS * HEAD_WIDTH
LINEAR = {"qkv": (WIDTH, 3 * INNER), "projection": (INNER, WIDTH), "mlp in": (WIDTH, HIDDEN), "mlp out": (HIDDEN, WIDTH)}
BACKENDS = {
    "flash": SDPBackend.FLASH_ATTENTION,
    "cuDNN": SDPBackend.CUDNN_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
}


def seconds(call, rounds, calls=10):
    """Seconds of one call: the best of some rounds, after a warm-up."""
    for _ in range(3):
        call()
    best = float("inf")
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) * 1e-3 / calls)
    return best


def random(*shape, **options):
    return torch.randn(*shape, device="cuda", dtype=torch.bfloat16, **options)


def print_products(rows, rounds):
    """Forward (rows, in) x (in, out), gradient to the input, gradient to the weight."""
    print(f"\nproducts, {rows} rows, TFLOP/s    forward   to input  to weight")
    for name, (inputs, outputs) in LINEAR.items():
        x, weight, gradient = random(rows, inputs), random(outputs, inputs), random(rows, outputs)
        flops = 2e-12 * rows * inputs * outputs
        calls = (lambda: x @ weight.T, lambda: gradient @ weight, lambda: gradient.T @ x)
        print(f"  {name:10} {inputs:5} x {outputs:5}     " + "".join(f"{flops / seconds(each, rounds):11.0f}" for each in calls))


def attention_arguments(sequences, tokens):
    """Queries, keys and values as a product leaves them, (B, N, 3, H, D), seen as (B, H, N, D); all need gradients."""
    packed = random(sequences, tokens, 3, HEADS, HEAD_WIDTH, requires_grad=True)
    return packed, [packed[:, :, part].transpose(1, 2) for part in range(3)]


def print_attention(sequences, tokens, rounds):
    """Time, and the share of the copy's bandwidth if each operand crossed memory once (forward 4, backward 8 of them)."""
    operand = sequences * tokens * INNER * 2e-9  # GB
    print(f"\nattention, {sequences} x {HEADS} x {tokens} x {HEAD_WIDTH}     forward: us   GB/s    backward: us   GB/s")
    for name, backend in BACKENDS.items():
        try:
            with sdpa_kernel(backend):
                packed, (query, key, value) = attention_arguments(sequences, tokens)
                scale = WIDTH**-0.5
                call = lambda: scaled_dot_product_attention(query, key, value, scale=scale)
                with torch.no_grad():
                    forward = seconds(call, rounds)
                result = call()
                gradient = random(sequences, tokens, HEADS, HEAD_WIDTH).transpose(1, 2)
                backward = seconds(
                    lambda: torch.autograd.grad(result, (query, key, value), gradient, retain_graph=True), rounds
                )
        except RuntimeError as refused:
            print(f"  {name:10} refused: {str(refused).splitlines()[0]}")
            continue
        print(f"  {name:27} {forward * 1e6:8.0f} {4 * operand / forward:6.0f} {backward * 1e6:15.0f} {8 * operand / backward:6.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=82)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("SKIPPED: PyTorch sees no CUDA device")
        sys.exit(77)
    print(f"{torch.cuda.get_device_name()}; torch {torch.__version__}; best of {arguments.rounds} rounds")
    source = random(1 << 28)
    target = torch.empty_like(source)
    print(f"copy of 512 MB: {2 * 2e-9 * source.numel() / seconds(lambda: target.copy_(source), arguments.rounds):.0f} GB/s")
    square = random(8192, 8192)
    print(f"product of 8192 x 8192: {2e-12 * 8192**3 / seconds(lambda: square @ square, arguments.rounds):.0f} TFLOP/s")
    images = arguments.images
    print_products(images * (GLOBAL_VIEWS * GLOBAL_TOKENS + LOCAL_VIEWS * LOCAL_TOKENS), arguments.rounds)
    print_products(images * GLOBAL_VIEWS * GLOBAL_TOKENS, arguments.rounds)
    print_attention(images * GLOBAL_VIEWS, GLOBAL_TOKENS, arguments.rounds)
    print_attention(images * LOCAL_VIEWS, LOCAL_TOKENS, arguments.rounds)


if __name__ == "__main__":
    main()
