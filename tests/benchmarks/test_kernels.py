"""The command that times kernels on a GPU compares them with the truth first, at any size."""

from itertools import chain

import pytest
import torch

from benchmarks.kernels import WrongKernel, check
from benchmarks.kernels_cases import Case, Shapes, all_cases
from benchmarks.kernels_sampling import quantized, sampling
from kernels.dispatch import interpreted


def test_every_case_agrees_with_its_truth() -> None:
    names = []

    with interpreted(), torch.inference_mode():
        shapes = Shapes.small()
        for case in chain(all_cases(shapes), sampling(shapes), quantized(shapes)):
            check(case)
            names.append(case.name)

    assert len(set(names)) == len(names) >= 24


def test_a_wrong_kernel_is_not_timed() -> None:
    case = Case("wrong", lambda: torch.ones(3), lambda: torch.ones(3) * 1.05, num_bytes=1)

    with pytest.raises(WrongKernel, match=r"wrong is off by 4\.76%"):
        check(case)
