"""The Triton kernel as GPUs get it: translated to machine code, for which none need be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# In a process of its own, as Triton's interpreter, which other tests use, is chosen when the kernel is defined.
CODE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
import triton
from stolcke.kernels.triton_kernel import _apply

TYPES = {"masks": "*i32", "logprobs": "*fp32", "indices": "*i64", "beta": "fp32"}

def machine_code(logits, has_indices, has_bias, capability):
    constants = {"HAS_INDICES": has_indices, "HAS_BIAS": has_bias, "WORDS": 128}
    constants |= {} if has_bias else {"logprobs": None}
    constants |= {} if has_indices else {"indices": None}
    types = TYPES | {"logits": logits} | dict.fromkeys(constants, "constexpr")
    source = ASTSource(
        fn=_apply,
        signature={name: types.get(name, "i32") for name in _apply.arg_names},
        constexprs={(_apply.arg_names.index(name),): value for name, value in constants.items()},
    )
    return triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"]

for logits, has_indices, has_bias, capability in (
    ("*fp32", False, False, 80), ("*fp16", True, True, 80), ("*bf16", True, True, 90)
):
    print(machine_code(logits, has_indices, has_bias, capability)[:4])
"""


def test_the_kernel_becomes_machine_code(tmp_path) -> None:
    pytest.importorskip("triton")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=Path(__file__).parents[2],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [r"b'\x7fELF'"] * 3, done.stderr
