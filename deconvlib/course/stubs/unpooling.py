"""What comes back out of a pooling layer: pooling, the article's formula, and three repairs. Chapter 5."""

from __future__ import annotations

import numpy as np

from deconvlib.course.arguments import array, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="Max-pooling that remembers where",
    points=6,
    minutes=25,
    difficulty=2,
    hints=(
        "Write it for one window first: which rows and columns does window (i, j) read? It starts at row i * "
        "stride_h - padding_h and column j * stride_w - padding_w.",
        "Padding must never win, not even over negative values, so zeros are no padding here. Read only the rows "
        "and columns that exist: from max(start, 0) to min(start + K, H). (Padding with -inf nearly works: integers "
        "have none, and an image may hold -inf itself.)",
        "np.argmax gives the first of equal values, counted inside the window. Turn it into a row and a column "
        "of the unpadded image; the switch is row * W + column.",
        "Without a loop over pixels: rows = np.clip(starts[:, None] + np.arange(K), 0, H - 1), columns likewise; "
        "places = rows[:, None, :, None] * W + columns[None, :, None, :]. Reshape places to (out_h, out_w, K * "
        "L), look the values up in x.reshape(N, C, H * W), and take the argmax along the last axis.",
    ),
)
def max_pool2d(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest value of each window, and where it stood.

    Parameters
    ----------
    x : array (N, C, H, W)
    kernel : int or (K, L)
        Height and width of the window, in pixels.
    stride : int or pair, optional
        From one window to the next; by default the kernel, so that windows touch and do not overlap.
    padding : int or pair
        Pixels on each side that hold nothing: they never win. At most half of the kernel.

    Returns
    -------
    y : array (N, C, out_h, out_w), dtype of `x`
        out_h = (H + 2 * padding - K) // stride + 1: rows and columns that fill no window are dropped.
    switches : int64 array of the same shape
        Where the maximum stood: row * W + column in its plane of the unpadded `x`. Of equal values the first one
        wins, in reading order. A NaN counts as the largest of all, so it is never hidden.

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded image, or the padding is more than half of the kernel.

    Examples
    --------
    >>> x = np.array([[[[1, 4, 2, 2], [3, 0, 2, 1]]]])
    >>> y, switches = max_pool2d(x, 2)
    >>> y.tolist(), switches.tolist()
    ([[[[4, 2]]]], [[[[1, 2]]]])
    """
    raise NotImplementedError


@exercise(
    title="The article's formula, literally",
    points=3,
    minutes=15,
    difficulty=1,
    hints=(
        "The formula looks back: x(u, v) reads the rows u-K+1 to u of y. Which of those exist when u is 0?",
        "With indices from 0: x[u, v] = y[max(u-K+1, 0) : u+1, max(v-L+1, 0) : v+1].max(). A slice may end past "
        "the edge.",
        "Without a loop over pixels: pad y by K-1 rows and L-1 columns of -inf on every side and take the "
        "maximum over all K x L windows. Integers have no -inf: pad with np.iinfo(y.dtype).min.",
    ),
)
def sliding_max(y: np.ndarray, kernel: int | tuple[int, int]) -> np.ndarray:
    """Return the maximum of y(u-k+1, v-l+1) over k = 1..K and l = 1..L, at every pixel that some window reaches.

    Parameters
    ----------
    y : array (H, W)
    kernel : int or (K, L)

    Returns
    -------
    x : array (H+K-1, W+L-1), dtype of `y`
        Places outside `y` do not count: they are not zeros.

    Raises
    ------
    ValueError
        If `y` is empty.

    Notes
    -----
    Section 3.3.3 of the source article. Image processing calls it the gray-scale dilation by a flat K x L rectangle.

    Examples
    --------
    >>> sliding_max(np.array([[1, 5], [2, 3]]), 2).tolist()
    [[1, 5, 5], [2, 5, 5], [2, 3, 3]]
    """
    raise NotImplementedError


@exercise(
    title="Unpooling with switches",
    points=5,
    minutes=15,
    difficulty=2,
    needs=("max_pool2d",),
    hints=(
        "Start from a plane of zeros. Every pooled value goes to its switch, and values that meet there add up.",
        "Flatten: one row of H * W zeros for each of the N * C planes, then reshape at the end.",
        "x[plane, switch] += y keeps one of the values that meet at one place. np.add.at(x, (plane, switch), y) "
        "adds them all; plane = np.arange(N * C)[:, None].",
    ),
)
def max_unpool2d(y: np.ndarray, switches: np.ndarray, output_size: int | tuple[int, int]) -> np.ndarray:
    """Put pooled values back where they came from, zeros elsewhere.

    Values that share a switch add up. That makes it the adjoint of picking ``x`` at the switches.

    Parameters
    ----------
    y : array (N, C, h, w)
    switches : integer array (N, C, h, w)
        Flat indices row * W + column into each output plane, as `max_pool2d` returns them.
    output_size : int or (H, W)
        Height and width of the result. The switches do not know it: it must be the size that was pooled.

    Returns
    -------
    x : array (N, C, H, W), dtype of `y`

    Raises
    ------
    TypeError
        If the switches are not whole numbers.
    ValueError
        If the switches do not have the shape of `y`, or point outside the plane (negative ones too).

    Notes
    -----
    M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 2.1.
    ``torch.nn.functional.max_unpool2d`` keeps one of the values that share a switch.

    Examples
    --------
    >>> max_unpool2d(np.array([[[[4, 2]]]]), np.array([[[[1, 2]]]]), (2, 4)).tolist()
    [[[[0, 4, 2, 0], [0, 0, 0, 0]]]]
    """
    raise NotImplementedError


@exercise(
    title="Average pooling",
    points=3,
    minutes=10,
    difficulty=1,
    hints=(
        "Pad with zeros, look at the windows, take the mean. np.lib.stride_tricks.sliding_window_view gives the "
        "windows.",
        "sliding_window_view(x, (K, L), axis=(2, 3)) has shape (N, C, rows, columns, K, L). Which of those rows "
        "and columns does the stride keep?",
    ),
)
def avg_pool2d(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> np.ndarray:
    """Return the mean of each window. Padding is zeros, and they count: every sum is divided by K * L.

    Parameters
    ----------
    x : array (N, C, H, W)
    kernel : int or (K, L)
    stride : int or pair, optional
        By default the kernel.
    padding : int or pair
        Rows and columns of zeros on each side, at most half of the kernel.

    Returns
    -------
    y : array (N, C, out_h, out_w)
        Sizes as in `max_pool2d`. dtype of `x` if that is floating, float64 otherwise: a mean of integers is no integer.

    Raises
    ------
    ValueError
        If the kernel does not fit into the padded image, or the padding is more than half of the kernel.

    Examples
    --------
    >>> avg_pool2d(np.array([[[[1.0, 4.0, 2.0, 2.0], [3.0, 0.0, 2.0, 2.0]]]]), 2).tolist()
    [[[[2.0, 2.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="The mean's adjoint",
    points=5,
    minutes=20,
    difficulty=2,
    needs=("avg_pool2d",),
    hints=(
        "avg_pool2d gives each of a window's K * L pixels the weight 1 / (K * L). The adjoint uses the same "
        "weights backward: each pooled value sends that share to each pixel of its window.",
        "Work on the padded plane, (H + 2 * padding_h, W + 2 * padding_w), add every share where it belongs, and "
        "cut the padding off at the end. Windows that overlap add.",
        "for k in range(K): for l in range(L): plane[:, :, k : k + stride_h * (h - 1) + 1 : stride_h, l : ...] "
        "+= y / (K * L) adds pixel (k, l) of all windows at once.",
    ),
)
def avg_unpool2d(
    y: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    output_size: int | tuple[int, int] | None = None,
) -> np.ndarray:
    """Return the adjoint of `avg_pool2d`: each value spread evenly over its window, overlaps added.

    For every x and y, ``(avg_pool2d(x, ...) * y).sum() == (x * avg_unpool2d(y, ..., output_size=x.shape[2:])).sum()``.

    Parameters
    ----------
    y : array (N, C, h, w)
    kernel, stride, padding
        Those of the pooling.
    output_size : int or (H, W), optional
        The size that was pooled. By default the smallest such size, (h - 1) * stride + K - 2 * padding.

    Returns
    -------
    x : array (N, C, H, W)
        dtype of `y` if that is floating, float64 otherwise. Pixels that no window holds are 0.

    Raises
    ------
    ValueError
        If pooling `output_size` would not give (h, w), or nothing is left over.

    Examples
    --------
    >>> avg_unpool2d(np.array([[[[4.0, 8.0]]]]), (1, 2), stride=1).tolist()
    [[[[2.0, 6.0, 4.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="The smallest maximum",
    points=6,
    minutes=20,
    difficulty=2,
    needs=("max_pool2d",),
    hints=(
        "Window (i, j) says: no pixel in here is above y[i, j]. Which of the windows that hold a pixel says the most?",
        "Start from a plane of +inf, no bound at all. Let each window lower its pixels to at most its value.",
        "for i, j: patch = x[:, :, i * stride_h : i * stride_h + K, j * stride_w : j * stride_w + L]; patch "
        "takes the np.minimum of itself and y[:, :, i, j, None, None]. Integers have no inf: start from "
        "np.iinfo(y.dtype).max.",
        "Fewer steps: loop over the K * L places (k, l) of the window in place of the windows; x[:, :, k : k + "
        "stride_h * (h - 1) + 1 : stride_h, l : ...] is that place in all windows at once.",
    ),
)
def min_unpool2d(
    y: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    output_size: int | tuple[int, int] | None = None,
) -> np.ndarray:
    """Return, at each pixel, the smallest of the pooled values whose windows hold it.

    That is the largest image that pools to at most `y`: the upper adjoint U of max-pooling P (`max_pool2d` without
    padding), P(x) <= y exactly if x <= U(y).

    Parameters
    ----------
    y : array (N, C, h, w)
    kernel : int or (K, L)
    stride : int or pair, optional
        By default the kernel.
    output_size : int or (H, W), optional
        The size that was pooled. By default what the windows cover, (h - 1) * stride + K.

    Returns
    -------
    x : array (N, C, H, W), dtype of `y`
        A pixel that no window holds is unbounded: +inf, or the largest number of an integer dtype. A NaN in `y` fills
        its window.

    Raises
    ------
    ValueError
        If max-pooling `output_size` would not give (h, w).

    Examples
    --------
    >>> min_unpool2d(np.array([[[[4, 8]]]]), (1, 2), stride=1).tolist()
    [[[[4, 4, 8]]]]
    """
    raise NotImplementedError
