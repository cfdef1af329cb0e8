"""NumPy kernels of the products: BLAS."""

import numpy as np


def matmul(x, y, out=None):
    return np.matmul(x, y, out=out)


def _einsum(operands, equation):
    # "optimal" orders the products by size and runs them as BLAS calls where it can.
    return np.einsum(equation, *operands, optimize="optimal" if len(operands) > 2 else "greedy").astype(
        operands[0].dtype
    )
