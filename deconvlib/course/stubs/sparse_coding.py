"""Convolutional sparse coding, the deconvolutional network of 2010: infer the codes, learn the filters. Chapter 10."""

from __future__ import annotations

import torch
from torch.nn import functional  # noqa: F401 (for your answers)

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="Codes to an image",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "Every code stamps its filter into the image, at its own place, and stamps that overlap add up. Which operation "
        "of chapter 3 is that, with stride 1?",
        "torch.nn.functional.conv_transpose2d takes a weight (C_in, C_out, K, L). Here C_in is the number of filters F.",
        "Check the channels, then, under torch.no_grad(): functional.conv_transpose2d(z, filters).",
    ),
)
def synthesise(z: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Return the sum of all filters, stamped at every place with the code that stands there.

    Parameters
    ----------
    z : tensor (N, F, h, w)
        The codes: for each image one map a filter.
    filters : tensor (F, C, K, L)

    Returns
    -------
    x : tensor (N, C, h+K-1, w+L-1)
        x[n, c] is the sum over f of the full convolution of z[n, f] with filters[f, c]. No gradient history.

    Raises
    ------
    TypeError
        If one of them is no tensor.
    ValueError
        If they do not have four axes, or `z` does not have a channel for each filter.

    Notes
    -----
    M. D. Zeiler, D. Krishnan, G. W. Taylor and R. Fergus, Deconvolutional Networks, CVPR 2010.

    Examples
    --------
    >>> z = torch.tensor([[[[1.0, 0.0, 2.0]]]])
    >>> synthesise(z, torch.tensor([[[[3.0, 5.0]]]])).tolist()
    [[[[3.0, 5.0, 6.0, 10.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="An image to codes: the adjoint",
    points=3,
    minutes=10,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "The adjoint of stamping is looking: lay every filter on every place where it fits into the image, multiply, "
        "and add up. Is a filter turned round for that?",
        "It is the layer that networks call a convolution, without padding, stride 1 and no bias.",
        "Check the channels and that the filters fit, then, under torch.no_grad(): functional.conv2d(x, filters).",
    ),
)
def analyse(x: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Return the inner product of every filter with every window of the image: the adjoint of `synthesise`.

    For every x and z, ``(analyse(x, filters) * z).sum() == (x * synthesise(z, filters)).sum()``.

    Parameters
    ----------
    x : tensor (N, C, H, W)
    filters : tensor (F, C, K, L)

    Returns
    -------
    z : tensor (N, F, H-K+1, W-L+1)
        No gradient history.

    Raises
    ------
    TypeError
        If one of them is no tensor.
    ValueError
        If they do not have four axes, differ in their channels, or the filters do not fit into the image.

    Examples
    --------
    >>> x = torch.tensor([[[[1.0, 0.0, 2.0]]]])
    >>> analyse(x, torch.tensor([[[[3.0, 5.0]]]])).tolist()
    [[[[3.0, 10.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="Shrink, and drop what is small",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "torch.nn.functional.softshrink", "torch.nn.Softshrink"),
    hints=(
        "Every number moves toward 0 by t. What happens to the numbers that are nearer to 0 than t?",
        "The sign and the size are treated apart: the size is |z| - t, but never below 0.",
        "z.sign() * (z.abs() - t).clamp(min=0). A NaN fails every comparison: not (t >= 0) is true for it.",
    ),
)
def soft_threshold(z: torch.Tensor, t: float | torch.Tensor) -> torch.Tensor:
    """Return sign(z) max(|z| - t, 0): the number u for which (u - z)^2 / 2 + t |u| is smallest.

    Parameters
    ----------
    z : floating tensor of any shape
    t : float or tensor
        At least 0. A tensor must broadcast to the shape of `z`, such as (F, 1, 1) for a threshold of each filter.

    Returns
    -------
    u : tensor, shape and dtype of `z`
        No gradient history.

    Raises
    ------
    TypeError
        If `z` is not a floating tensor.
    ValueError
        If a threshold is negative or NaN.

    Examples
    --------
    >>> soft_threshold(torch.tensor([-3.0, 0.5, 1.0, 2.5]), 1.0).tolist()
    [-2.0, 0.0, 0.0, 1.5]
    """
    raise NotImplementedError


@exercise(
    title="How much can synthesis enlarge?",
    points=4,
    minutes=20,
    difficulty=2,
    needs=("synthesise", "analyse"),
    forbids=("scipy",),
    hints=(
        "Apply a symmetric matrix again and again, and the direction of its largest eigenvalue takes over. Here the "
        "matrix is 'synthesise, then analyse'.",
        "The numbers grow at every step: divide by the Euclidean norm of the whole tensor (v.norm()) before the first "
        "step and after each one.",
        "At the end v has norm 1, and v . analyse(synthesise(v)) is the squared norm of synthesise(v): "
        "float(synthesise(v, filters).square().sum()).",
    ),
)
def lipschitz(filters: torch.Tensor, shape: tuple[int, int, int, int], iterations: int, rng: torch.Generator) -> float:
    """Estimate the largest eigenvalue of z -> analyse(synthesise(z)) by power iteration.

    Draw v once, ``torch.randn(shape, generator=rng, dtype=filters.dtype)``, and divide it by its norm. Then, `iterations`
    times: v becomes analyse(synthesise(v)), divided by its norm. The estimate is the squared norm of synthesise(v).

    Parameters
    ----------
    filters : tensor (F, C, K, L)
    shape : (N, F, h, w)
        Of the codes.
    iterations : int
        At least 0.
    rng : torch.Generator

    Returns
    -------
    L : float
        Never more than the eigenvalue, but for rounding. 0.0 if all filters are 0.

    Raises
    ------
    ValueError
        If `shape` does not have a channel for each filter, or `iterations` is negative.

    Notes
    -----
    The estimate is the Rayleigh quotient of v. The eigenvalue is the Lipschitz constant of the gradient of
    |x - synthesise(z)|^2 / 2.

    Examples
    --------
    >>> filters = torch.tensor([[[[3.0]]], [[[4.0]]]])       # one pixel each: L is 3^2 + 4^2
    >>> round(lipschitz(filters, (1, 2, 1, 1), 5, torch.Generator().manual_seed(0)), 3)
    25.0
    """
    raise NotImplementedError


@exercise(
    title="A bound that is never too small",
    points=4,
    minutes=25,
    difficulty=3,
    forbids=("scipy",),
    hints=(
        "Around a torus, convolution multiplies each frequency by a number (chapter 4). With F filters and C channels it "
        "multiplies each frequency by a C x F matrix.",
        "torch.fft.fft2(filters, s=(H, W)) pads the filters with zeros and transforms them: (F, C, H, W). Move the "
        "frequencies to the front.",
        "The most that a matrix enlarges a vector is its largest singular value: torch.linalg.matrix_norm(..., ord=2) takes "
        "the last two axes. Take the worst frequency, and square it.",
    ),
)
def lipschitz_bound(filters: torch.Tensor, size: int | tuple[int, int]) -> float:
    """Return an upper bound of the largest eigenvalue of z -> analyse(synthesise(z)), from the filters' frequencies.

    At each frequency of an H x W image the filters, padded with zeros, make up a C x F matrix of complex numbers. The bound
    is the square of the largest singular value that any of these matrices has. For one channel, that is the largest sum
    over the filters of |transfer function|^2.

    Parameters
    ----------
    filters : tensor (F, C, K, L)
    size : int or (H, W)
        Height and width of the image. The codes then are (H-K+1, W-L+1).

    Returns
    -------
    bound : float

    Raises
    ------
    ValueError
        If the filters do not fit into the image.

    Examples
    --------
    >>> filters = torch.tensor([[[[1.0, 1.0]]], [[[1.0, -1.0]]]])
    >>> round(lipschitz_bound(filters, (1, 8)), 3)
    4.0
    """
    raise NotImplementedError


@exercise(
    title="ISTA",
    points=5,
    minutes=25,
    difficulty=2,
    needs=("synthesise", "analyse", "soft_threshold", "lipschitz_bound"),
    forbids=("scipy",),
    hints=(
        "Two halves: a step down the gradient of the first term, then a soft threshold for the second.",
        "The gradient of |x - synthesise(z)|^2 / 2 is -analyse(x - synthesise(z)). The step is 1 / L, and the threshold is "
        "scaled by the step as well: weight / L.",
        "z = soft_threshold(z + analyse(residual, filters) / L, weight / L); residual = x - synthesise(z, filters); "
        "append float(residual.square().sum() / 2 + weight * z.abs().sum()).",
    ),
)
def ista(
    x: torch.Tensor, filters: torch.Tensor, weight: float, iterations: int, start: torch.Tensor | None = None
) -> tuple[torch.Tensor, list[float]]:
    """Minimize |x - synthesise(z)|^2 / 2 + weight |z|_1 by iterative shrinkage and thresholding.

    With L = lipschitz_bound(filters, (H, W)), every iteration takes z to
    soft_threshold(z + analyse(x - synthesise(z)) / L, weight / L).

    Parameters
    ----------
    x : tensor (N, C, H, W)
    filters : tensor (F, C, K, L)
    weight : float
        At least 0: the price of a code.
    iterations : int
        At least 0.
    start : tensor (N, F, H-K+1, W-L+1), optional
        Codes to start from; by default zeros.

    Returns
    -------
    z : tensor (N, F, H-K+1, W-L+1)
    history : list of iterations + 1 floats
        The objective, over the whole batch, at the start and after every iteration.

    Raises
    ------
    ValueError
        If `weight` or `iterations` is negative, the filters do not fit or are all 0, or `start` has another shape.

    Notes
    -----
    A. Beck and M. Teboulle, A Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems, SIAM Journal on
    Imaging Sciences 2(1), 2009, equation (1.4) and theorem 3.1.

    Examples
    --------
    >>> x, filters = torch.tensor([[[[3.0, 0.5, -2.0]]]]), torch.tensor([[[[1.0]]]])
    >>> z, history = ista(x, filters, 1.0, 1)
    >>> z.tolist(), history
    ([[[[2.0, 0.0, -1.0]]]], [6.625, 4.125])
    """
    raise NotImplementedError


@exercise(
    title="FISTA",
    points=5,
    minutes=25,
    difficulty=3,
    needs=("synthesise", "analyse", "soft_threshold", "lipschitz_bound"),
    forbids=("scipy",),
    hints=(
        "One more tensor than in `ista`: a point `ahead` of z, from which the next step starts.",
        "The step is taken at `ahead`; the objective is measured at z. Keep the z before the step: the momentum is their "
        "difference.",
        "t starts at 1. After the step: t_next = (1 + sqrt(1 + 4 t^2)) / 2, then ahead = z + (t - 1) / t_next * (z - before), "
        "then t = t_next. The first `ahead` is the start.",
    ),
)
def fista(
    x: torch.Tensor, filters: torch.Tensor, weight: float, iterations: int, start: torch.Tensor | None = None
) -> tuple[torch.Tensor, list[float]]:
    """Minimize the same objective as `ista`, with momentum.

    Every iteration takes the step of `ista` at a point ahead of z. The first such point is the start itself. With t = 1 at
    first, and t' = (1 + sqrt(1 + 4 t^2)) / 2, the next one is z + (t - 1) / t' (z - z before the step), and t becomes t'.

    Parameters
    ----------
    x, filters, weight, iterations, start
        As in `ista`.

    Returns
    -------
    z : tensor (N, F, H-K+1, W-L+1)
    history : list of iterations + 1 floats
        The objective at z, not at the point ahead of it. It may rise now and then.

    Raises
    ------
    ValueError
        As in `ista`.

    Notes
    -----
    Beck and Teboulle (2009), section 4: FISTA with constant step size, equations (4.1) to (4.3), and theorem 4.4.

    Examples
    --------
    >>> x, filters = torch.tensor([[[[3.0, 0.5, -2.0]]]]), torch.tensor([[[[1.0]]]])
    >>> z, history = fista(x, filters, 1.0, 1)
    >>> z.tolist(), history
    ([[[[2.0, 0.0, -1.0]]]], [6.625, 4.125])
    """
    raise NotImplementedError


@exercise(
    title="One step for the filters",
    points=5,
    minutes=30,
    difficulty=3,
    needs=("synthesise",),
    forbids=("scipy",),
    hints=(
        "For fixed codes, synthesise(z, d) is linear in d. So it has an adjoint in d, too: chapter 2 calls it "
        "conv2d_weight_gradient.",
        "torch.nn.grad.conv2d_weight(residual, filters.shape, z) is that adjoint, at the residual: image in, codes in the "
        "place of the output's gradient.",
        "Along d + a g the squared residual is a parabola in a. Its lowest point is at a = |g|^2 / |synthesise(z, g)|^2.",
        "Then divide each filter by filters.flatten(1).norm(dim=1), but leave those alone whose codes are all zero.",
    ),
)
def update_filters(x: torch.Tensor, z: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Take the steepest step down |x - synthesise(z, d)|^2 / 2 in the filters d, for fixed codes; then normalize them.

    With r = x - synthesise(z, filters), the direction is
    g[f, c, k, l] = sum over n, i, j of r[n, c, i+k, j+l] z[n, f, i, j], which is minus the gradient. The step
    a = |g|^2 / |synthesise(z, g)|^2 is the best along it (no step where that is 0 / 0). Each filter of filters + a g is then
    divided by its Euclidean norm over (C, K, L).

    Parameters
    ----------
    x : tensor (N, C, H, W)
    z : tensor (N, F, H-K+1, W-L+1)
    filters : tensor (F, C, K, L)

    Returns
    -------
    filters : tensor (F, C, K, L)
        Of norm 1 each. A filter whose codes are all 0 comes back as it was.

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    Examples
    --------
    >>> x, z = torch.tensor([[[[3.0, 4.0, 0.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    >>> update_filters(x, z, torch.tensor([[[[1.0, 0.0]]]])).tolist()      # the codes say: stamp once, at the left
    [[[[0.6000000238418579, 0.800000011920929]]]]
    """
    raise NotImplementedError
