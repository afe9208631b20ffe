#!/usr/bin/env python3
"""Operations on a GPU: this project beside PyTorch, eager and compiled, at the same sizes in one run.

The times are the device's own, between two events around ten calls; the best round of each counts.

    bench/peers/cuda_ops.py [build/bench/backends_cuda_bench] [--rounds 3] [--no-compile] [--json FILE]

Needs torch with CUDA. Exit status 77 when there is none, 1 when the program is missing.
"""

import argparse
import json
import os
import subprocess
import sys

try:
    import torch
    import torch._functorch.config
    from torch.nn import functional as F
except ImportError as missing:
    print(f"SKIPPED: {missing}")
    sys.exit(77)

TOKENS, WIDTH, HIDDEN, ELEMENTS = 128 * 197, 768, 2048, 1 << 25  # as in bench/backends.hpp
SOFTMAX = (24 * 11 * 197, 197)
TYPES = {"float": torch.float32, "bfloat16": torch.bfloat16}


def ramp(kind, *shape):
    count = int(torch.Size(shape).numel())
    values = (torch.arange(count, device="cuda") * 7 % 1999).float() / 1000 - 1
    return values.to(kind).reshape(shape)


def gradients(function, arguments, output_gradient):
    """The gradients of all arguments; the forward pass is outside what is timed."""
    leaves = [each.clone().requires_grad_() for each in arguments]
    result = function(*leaves)
    return lambda: torch.autograd.grad(result, leaves, output_gradient, retain_graph=True)


def gelu_of_three(a, b, c):
    return F.gelu(a * b + c) + a


def bias_gelu(x, bias):
    return F.gelu(x + bias)


def layer_norm(x, gain, bias):
    return F.layer_norm(x, (WIDTH,), gain, bias, 1e-6)


def softmax(x):
    return F.softmax(x, -1)


def operations(kind, compiled):
    """Name of the benchmark, the GB it has to move, and a function that makes the call; what can be fused, if compiled."""
    wrap = torch.compile if compiled else lambda function: function
    size = kind.itemsize
    flat, mlp, norm = (ELEMENTS,), (TOKENS, HIDDEN), (TOKENS, WIDTH)
    three = lambda: [ramp(kind, *flat) for _ in range(3)]
    mlp_inputs = lambda: [ramp(kind, *mlp), ramp(kind, HIDDEN)]
    norm_inputs = lambda: [ramp(kind, *norm), ramp(kind, WIDTH), ramp(kind, WIDTH)]

    def call(function, inputs):
        function, inputs = wrap(function), inputs()
        return lambda: function(*inputs)

    def copy():
        source, target = ramp(kind, *flat), torch.empty(flat, dtype=kind, device="cuda")
        return lambda: target.copy_(source)

    mlp_size, norm_size, rows_size = TOKENS * HIDDEN, TOKENS * WIDTH, SOFTMAX[0] * SOFTMAX[1]
    rows = [
        ("copy", 2 * ELEMENTS, copy),
        ("gelu_forward", 4 * ELEMENTS, lambda: call(gelu_of_three, three)),
        ("gelu_backward", 7 * ELEMENTS, lambda: gradients(wrap(gelu_of_three), three(), ramp(kind, *flat))),
        ("bias_gelu_forward", 2 * mlp_size, lambda: call(bias_gelu, mlp_inputs)),
        ("bias_gelu_backward", 3 * mlp_size, lambda: gradients(wrap(bias_gelu), mlp_inputs(), ramp(kind, *mlp))),
        ("sum_over_rows", mlp_size, lambda: call(lambda x: x.sum(0), lambda: [ramp(kind, *mlp)])),
        ("sum_of_all", ELEMENTS, lambda: call(lambda x: x.sum(), lambda: [ramp(kind, *flat)])),
        ("softmax_forward/197", 2 * rows_size, lambda: call(softmax, lambda: [ramp(kind, *SOFTMAX)])),
        ("layer_norm_forward", 2 * norm_size, lambda: call(layer_norm, norm_inputs)),
        (
            "layer_norm_backward",
            3 * norm_size,
            lambda: gradients(wrap(layer_norm), norm_inputs(), ramp(kind, *norm)),
        ),
    ]
    fused = [row for row in rows if "gelu" in row[0] or "norm" in row[0]]
    return [(name, count * size * 1e-9, make) for name, count, make in (fused if compiled else rows)]


def products():
    """Matrix products of a linear layer, in each of the three kinds of arithmetic."""
    shapes = [(TOKENS, 2112, WIDTH), (TOKENS, HIDDEN, WIDTH), (TOKENS, WIDTH, HIDDEN), (8192, 8192, 8192)]
    for name, kind, tf32 in (("float", "float", 0), ("tf32", "float", 1), ("bfloat16", "bfloat16", 0)):
        for m, n, k in shapes:
            work = "square_product" if m == n == k else f"linear_layer/{n}x{k}"

            def make(m=m, n=n, k=k, kind=TYPES[kind], tf32=bool(tf32)):
                torch.backends.cuda.matmul.allow_tf32 = tf32
                x, weight = ramp(kind, m, k), ramp(kind, n, k)
                return lambda: F.linear(x, weight)

            yield f"{work}/{name}", 2e-12 * m * n * k, make


def rate(make, amount, iterations=10, calls=10):
    run = make()
    for _ in range(3):
        run()
    best = float("inf")
    for _ in range(iterations):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(calls):
            run()
        end.record()
        end.synchronize()
        best = min(best, begin.elapsed_time(end) * 1e-3 / calls)
    return amount / best


def rates_of_program(program):
    output = subprocess.run(
        [program, "--benchmark_format=json", "--benchmark_filter=/cuda/"], check=True, capture_output=True, text=True
    ).stdout
    rates = {}
    for each in json.loads(output)["benchmarks"]:
        if each.get("error_occurred"):
            sys.exit(f"cuda_ops.py: {each['name']}: {each['error_message']}")
        rates[each["name"].split("/cuda/")[0]] = each["GFLOP/s"] * 1e-3 if "GFLOP/s" in each else each["GB/s"]
    return rates


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", default=os.path.join(here, "../../build/bench/backends_cuda_bench"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-compile", action="store_true", help="PyTorch without torch.compile")
    parser.add_argument("--json", help="file for the figures")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("SKIPPED: PyTorch sees no CUDA device")
        sys.exit(77)
    if not os.path.exists(arguments.program):
        sys.exit(f"cuda_ops.py: {arguments.program} is not there: build the benchmarks first")

    # The backward pass of a benchmark runs many times from one forward pass.
    torch._functorch.config.donated_buffer = False
    rows, peers = [], {"eager": {}} if arguments.no_compile else {"eager": {}, "compiled": {}}
    for peer in peers:
        for kind, torch_kind in TYPES.items():
            for name, amount, make in operations(torch_kind, peer == "compiled"):
                rows.append((f"{name}/{kind}", amount, make, peer, "GB/s"))
    rows += [(name, amount, make, "eager", "TFLOP/s") for name, amount, make in products()]
    ours = {}
    for _ in range(arguments.rounds):
        for name, value in rates_of_program(arguments.program).items():
            ours[name] = max(value, ours.get(name, 0.0))
        for name, amount, make, peer, _unit in rows:
            peers[peer][name] = max(rate(make, amount), peers[peer].get(name, 0.0))

    device = torch.cuda.get_device_name()
    print(f"{device}; torch {torch.__version__}; best of {arguments.rounds} rounds\n")
    columns = "".join(f"{peer:>12}{'ratio':>8}" for peer in peers)
    print(f"{'':44}{'unit':>8}{'lafs':>10}{columns}")
    for name, unit in dict((row[0], row[4]) for row in rows).items():
        line = f"{name:44}{unit:>8}{ours[name]:10.1f}"
        for of_peer in peers.values():
            line += f"{of_peer[name]:12.1f}{ours[name] / of_peer[name]:8.2f}" if name in of_peer else ""
        print(line)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"device": device, "torch": torch.__version__, "lafs": ours, **peers}, file, indent=2)


if __name__ == "__main__":
    main()
