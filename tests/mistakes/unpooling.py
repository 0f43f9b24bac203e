"""Wrong answers to chapter 5 that learners give."""

from __future__ import annotations

import numpy as np

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import unpooling as reference


def _both(value):
    return (value, value) if np.ndim(value) == 0 else tuple(value)


def _pad(x, padding, value=0):
    top, left = _both(padding)
    return np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=value)


def _windows(pooled, kernel, stride):
    """The slices of every window of a pooled plane, with its row and column."""
    (K, L), (down, right) = _both(kernel), _both(kernel if stride is None else stride)
    for i in range(pooled[0]):
        for j in range(pooled[1]):
            yield i, j, slice(i * down, i * down + K), slice(j * right, j * right + L)


def _rows_columns(switches, width):
    return switches // width, switches % width


# max_pool2d


@mistake("max_pool2d")
def max_pool2d_zero_padding(x, kernel, stride=None, padding=0):
    """the padding was filled with zeros that take part

    A window of negative values then has the maximum 0, which stands nowhere in the image. Padding must never win.
    """
    reference.max_pool2d(x, kernel, stride, padding)
    y, at = reference.max_pool2d(_pad(x, padding), kernel, stride)
    rows, columns = _rows_columns(at, x.shape[3] + 2 * _both(padding)[1])
    rows = np.clip(rows - _both(padding)[0], 0, x.shape[2] - 1)
    columns = np.clip(columns - _both(padding)[1], 0, x.shape[3] - 1)
    return y, rows * x.shape[3] + columns


@mistake("max_pool2d")
def max_pool2d_zero_padded_image(x, kernel, stride=None, padding=0):
    """the image was padded with zeros and then taken for the image itself

    Two things follow: zeros win over negative values, and the switches count pixels of the padded image. Padding must
    never win, and a switch points into the image that came in.
    """
    reference.max_pool2d(x, kernel, stride, padding)
    return reference.max_pool2d(_pad(x, padding), kernel, stride)


@mistake("max_pool2d")
def max_pool2d_padding_ties(x, kernel, stride=None, padding=0):
    """padding of -inf won over a pixel that is -inf too

    Their values are equal, and the padding comes first. Choose among the pixels that exist.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    (down, right), (top, left) = _both(kernel if stride is None else stride), _both(padding)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    rows, columns = np.arange(y.shape[2])[:, None] * down - top, np.arange(y.shape[3]) * right - left
    tied = (y == lowest) & ((rows < 0) | (columns < 0))
    return y, np.where(tied, rows * x.shape[3] + columns, at)


@mistake("max_pool2d")
def max_pool2d_float64(x, kernel, stride=None, padding=0):
    """the values are always float64

    np.zeros and np.empty make float64 unless they are told otherwise, and so does padding whole numbers with -inf. A maximum
    is one of the values of x: keep its dtype.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    return y.astype(np.float64), at


@mistake("max_pool2d")
def max_pool2d_padded_switches(x, kernel, stride=None, padding=0):
    """the switches count pixels of the padded image

    They must point into the image that came in: take the padding off the row and the column, and use its own width W.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    rows, columns = _rows_columns(at, x.shape[3])
    top, left = _both(padding)
    return y, (rows + top) * (x.shape[3] + 2 * left) + columns + left


@mistake("max_pool2d")
def max_pool2d_padded_width(x, kernel, stride=None, padding=0):
    """the switches count rows of the padded width

    The row and the column are those of the image, so a row has its W pixels: row * W + column.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    rows, columns = _rows_columns(at, x.shape[3])
    return y, rows * (x.shape[3] + 2 * _both(padding)[1]) + columns


@mistake("max_pool2d")
def max_pool2d_first_of_pairs(x, kernel, stride=None, padding=0):
    """the first number of a pair serves for both axes

    A pair holds one number for the rows and one for the columns, and they may differ.
    """
    return reference.max_pool2d(x, kernel, stride and _both(stride)[0], _both(padding)[0])


@mistake("max_pool2d")
def max_pool2d_window_switches(x, kernel, stride=None, padding=0):
    """the switches count inside each window

    That is what argmax over a window gives. Add where the window starts to get the row and the column in the image.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    rows, columns = _rows_columns(at, x.shape[3])
    down, right = _both(kernel if stride is None else stride)
    top, left = _both(padding)
    rows = rows - (np.arange(y.shape[2])[:, None] * down - top)
    columns = columns - (np.arange(y.shape[3]) * right - left)
    return y, rows * _both(kernel)[1] + columns


@mistake("max_pool2d")
def max_pool2d_last_of_equals(x, kernel, stride=None, padding=0):
    """the last of equal values won

    Where a window holds its maximum twice, the switch must point to the first, in reading order.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    (K, L), (down, right), (top, left) = _both(kernel), _both(kernel if stride is None else stride), _both(padding)
    for n, c, i, j in np.ndindex(*y.shape):
        u, v = max(i * down - top, 0), max(j * right - left, 0)
        part = x[n, c, u : i * down - top + K, v : j * right - left + L]
        equals = np.argwhere((part == y[n, c, i, j]) | (part != part))
        at[n, c, i, j] = (u + equals[-1, 0]) * x.shape[3] + v + equals[-1, 1]
    return y, at


@mistake("max_pool2d")
def max_pool2d_height_for_width(x, kernel, stride=None, padding=0):
    """the switches are row * H + column

    One step down passes a whole row of W pixels: the flat index is row * W + column. H and W are equal only in
    square images.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    rows, columns = _rows_columns(at, x.shape[3])
    return y, rows * x.shape[2] + columns


@mistake("max_pool2d")
def max_pool2d_whole_array(x, kernel, stride=None, padding=0):
    """the switches count through the whole batch

    Each channel plane counts from 0 again, so that one set of switches does not depend on the batch that it came in.
    """
    y, at = reference.max_pool2d(x, kernel, stride, padding)
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], 1, 1)
    return y, at + planes * (x.shape[2] * x.shape[3])


@mistake("max_pool2d")
def max_pool2d_stride_one(x, kernel, stride=None, padding=0):
    """the stride is 1 when it is not given

    That is a convolution's habit. A pooling's stride is its kernel unless it is said otherwise: windows that touch.
    """
    return reference.max_pool2d(x, kernel, 1 if stride is None else stride, padding)


@mistake("max_pool2d")
def max_pool2d_stride_ignored(x, kernel, stride=None, padding=0):
    """the windows always touch

    The stride was taken to be the kernel. With a smaller stride they overlap, with a larger one they leave gaps.
    """
    return reference.max_pool2d(x, kernel, None, padding)


@mistake("max_pool2d")
def max_pool2d_remainder_kept(x, kernel, stride=None, padding=0):
    """rows and columns that fill no window were pooled too

    Sizes are rounded down here: what is left over at the bottom and on the right is dropped.
    """
    y, _ = reference.max_pool2d(x, kernel, stride, padding)
    (K, L), (down, right), (top, left) = _both(kernel), _both(kernel if stride is None else stride), _both(padding)
    H, W = x.shape[2:]
    height = -((-(H + 2 * top - K)) // down) + 1
    width = -((-(W + 2 * left - L)) // right) + 1
    if (height - 1) * down >= H + top:  # as PyTorch's ceil_mode: a window must start inside
        height -= 1
    if (width - 1) * right >= W + left:
        width -= 1
    more = np.empty((*y.shape[:2], height, width), y.dtype)
    at = np.empty(more.shape, np.int64)
    for n, c, i, j in np.ndindex(*more.shape):
        u, v = max(i * down - top, 0), max(j * right - left, 0)
        part = x[n, c, u : i * down - top + K, v : j * right - left + L]
        k, l = divmod(int(part.argmax()), part.shape[1])
        more[n, c, i, j], at[n, c, i, j] = part[k, l], (u + k) * W + v + l
    return more, at


@mistake("max_pool2d")
def max_pool2d_sides_swapped(x, kernel, stride=None, padding=0):
    """height and width of the window were exchanged

    A pair is always (height, width): rows first.
    """
    return reference.max_pool2d(x, _both(kernel)[::-1], stride and _both(stride)[::-1], _both(padding)[::-1])


@mistake("max_pool2d")
def max_pool2d_any_padding(x, kernel, stride=None, padding=0):
    """any padding was accepted

    With more than half a kernel of padding a window can lie beside the image, and nothing in it has a maximum:
    ValueError.
    """
    try:
        return reference.max_pool2d(x, kernel, stride, padding)
    except ValueError:
        return reference.max_pool2d(x, kernel, stride)


@mistake("max_pool2d")
def max_pool2d_nan_hidden(x, kernel, stride=None, padding=0):
    """a NaN was skipped

    np.fmax, nanmax and most comparisons do that. A NaN is a sign of trouble upstream, and pooling must not hide it.
    """
    if x.dtype.kind not in "fc":
        return reference.max_pool2d(x, kernel, stride, padding)
    return reference.max_pool2d(np.where(np.isnan(x), -np.inf, x).astype(x.dtype), kernel, stride, padding)


# sliding_max


@mistake("sliding_max")
def sliding_max_looks_ahead(y, kernel):
    """only windows that lie inside were used

    That is pooling with stride 1, which makes the image smaller. The formula has a value wherever some k and l reach y.
    """
    y4 = np.asarray(y)[None, None]
    return reference.max_pool2d(y4, kernel, 1)[0][0, 0]


@mistake("sliding_max")
def sliding_max_zeros_outside(y, kernel):
    """zeros outside the image took part

    A maximum over nothing but zeros and negative values is 0, a value that is not in y. Places outside do not count.
    """
    good = reference.sliding_max(y, kernel)
    K, L = _both(kernel)
    counted = reference.sliding_max(np.pad(y, ((K - 1, K - 1), (L - 1, L - 1))), kernel)
    return np.ascontiguousarray(counted[K - 1 : K - 1 + good.shape[0], L - 1 : L - 1 + good.shape[1]])


@mistake("sliding_max")
def sliding_max_same_size(y, kernel):
    """the result was cut to the size of y

    The formula still has a value K-1 rows below the last row of y, and L-1 columns to its right.
    """
    return np.ascontiguousarray(reference.sliding_max(y, kernel)[: y.shape[0], : y.shape[1]])


@mistake("sliding_max")
def sliding_max_enlarges(y, kernel):
    """every value was repeated K times and L times

    That is what an unpooling should do, and it is not what the formula says: there is no stride in it.
    """
    K, L = _both(kernel)
    return np.repeat(np.repeat(y, K, axis=0), L, axis=1)


@mistake("sliding_max")
def sliding_max_of_a_pixel_more(y, kernel):
    """the window is one row and one column too large

    k runs from 1 to K, so u-k+1 runs from u down to u-K+1: K rows, of which u-K is none.
    """
    K, L = _both(kernel)
    size = (y.shape[0] + K - 1, y.shape[1] + L - 1)
    return np.ascontiguousarray(reference.sliding_max(y, (K + 1, L + 1))[: size[0], : size[1]])


@mistake("sliding_max")
def sliding_max_minimum(y, kernel):
    """the minimum was taken

    You are ahead of the chapter: the minimum comes last. The article's formula takes the maximum.
    """
    if y.dtype.kind == "u":
        return reference.sliding_max(y[::-1, ::-1], kernel)
    return -reference.sliding_max(-y, kernel)


@mistake("sliding_max")
def sliding_max_wraps(y, kernel):
    """indices before the first row or column counted from the end

    y[-1] is the last row in NumPy. A place outside y is no place: leave it out.
    """
    reference.sliding_max(y, kernel)  # refuses what the solution refuses
    K, L = _both(kernel)
    rows = np.arange(y.shape[0] + K - 1)[:, None] - np.arange(K)
    columns = np.arange(y.shape[1] + L - 1)[:, None] - np.arange(L)
    return y[rows % y.shape[0]].max(axis=1)[:, columns % y.shape[1]].max(axis=2)


@mistake("sliding_max")
def sliding_max_sides_swapped(y, kernel):
    """height and width of the kernel were exchanged

    A pair is always (height, width): rows first.
    """
    return reference.sliding_max(y, _both(kernel)[::-1])


@mistake("sliding_max")
def sliding_max_float64(y, kernel):
    """the result is always float64

    np.full(shape, -np.inf) makes float64, and so does padding whole numbers with -inf. A maximum keeps the dtype of y.
    """
    return reference.sliding_max(y, kernel).astype(np.float64)


@mistake("sliding_max")
def sliding_max_square(y, kernel):
    """the first number of the kernel serves for both axes

    The kernel has K rows and L columns, and they may differ.
    """
    return reference.sliding_max(y, _both(kernel)[0])


@mistake("sliding_max")
def sliding_max_looks_down_and_right(y, kernel):
    """only the windows' top left corners lie in the map

    The formula looks back, from u to u-K+1. Its first value belongs to y(0, 0) alone, and the last to the last corner.
    """
    K, L = _both(kernel)
    good = reference.sliding_max(y, kernel)
    return np.ascontiguousarray(good[K - 1 :, L - 1 :])


# max_unpool2d


@mistake("max_unpool2d")
def max_unpool2d_one_is_kept(y, switches, output_size):
    """values that share a switch overwrite each other

    x[plane, switches] = y keeps the last one. Picking read that pixel once for each window; going back, the
    values add up.
    """
    x = np.zeros_like(reference.max_unpool2d(y, switches, output_size))
    for n, c, i, j in np.ndindex(*y.shape):
        x[n, c].flat[switches[n, c, i, j]] = y[n, c, i, j]
    return x


@mistake("max_unpool2d")
def max_unpool2d_buffered(y, switches, output_size):
    """x[...] += y with repeated indices keeps one value

    NumPy computes x[index] + y first and stores afterwards, so repeated indices do not accumulate. np.add.at does.
    """
    x = np.zeros_like(reference.max_unpool2d(y, switches, output_size))
    flat = x.reshape(-1, x.shape[2] * x.shape[3])
    planes = np.arange(len(flat))[:, None]
    flat[planes, switches.reshape(len(flat), -1)] += y.reshape(len(flat), -1)
    return flat.reshape(x.shape)


@mistake("max_unpool2d")
def max_unpool2d_largest(y, switches, output_size):
    """of the values that share a switch the largest was kept

    That puts a picture's own maxima back, but as an operator on arbitrary values it is not linear, so it is no
    adjoint. Add.
    """
    x = np.zeros_like(reference.max_unpool2d(y, switches, output_size))
    seen = np.zeros(x.shape, bool)
    for n, c, i, j in np.ndindex(*y.shape):
        u, v = divmod(int(switches[n, c, i, j]), x.shape[3])
        x[n, c, u, v] = max(x[n, c, u, v], y[n, c, i, j]) if seen[n, c, u, v] else y[n, c, i, j]
        seen[n, c, u, v] = True
    return x


@mistake("max_unpool2d")
def max_unpool2d_averaged(y, switches, output_size):
    """values that share a switch were averaged

    Picking read that pixel once for each window, so the adjoint sends back the sum of what the windows hold.
    """
    x = reference.max_unpool2d(y, switches, output_size)
    count = reference.max_unpool2d(np.ones(y.shape), switches, output_size)
    return (x / np.maximum(count, 1)).astype(x.dtype)


@mistake("max_unpool2d")
def max_unpool2d_height_for_width(y, switches, output_size):
    """a switch was split by the height of the image

    row, column = divmod(switch, W): one step down passes a whole row of W pixels.
    """
    good = reference.max_unpool2d(y, switches, output_size)
    x = np.zeros_like(good)
    for n, c, i, j in np.ndindex(*y.shape):
        u, v = divmod(int(switches[n, c, i, j]), x.shape[2])
        x[n, c, u % x.shape[2], v % x.shape[3]] += y[n, c, i, j]
    return x


@mistake("max_unpool2d")
def max_unpool2d_first_plane(y, switches, output_size):
    """every plane used the switches of the first one

    Each channel of each image has its own maxima in its own places.
    """
    reference.max_unpool2d(y, switches, output_size)
    return reference.max_unpool2d(y, np.broadcast_to(switches[:1, :1], y.shape), output_size)


@mistake("max_unpool2d")
def max_unpool2d_all_in_one_plane(y, switches, output_size):
    """the values of all planes landed in the first plane

    A switch counts inside its own plane, from 0. Take the planes apart first, so that every one gets its own values:
    np.add.at(x, (plane, switch), value) on x of shape (N * C, H * W).
    """
    x = np.zeros_like(reference.max_unpool2d(y, switches, output_size))
    if x.size:
        np.add.at(x[0, 0].reshape(-1), switches.reshape(-1), y.reshape(-1))
    return x


@mistake("max_unpool2d")
def max_unpool2d_images_added(y, switches, output_size):
    """all images of the batch were put into one

    Each image of the batch has planes of its own. Their values add up only inside one plane.
    """
    x = reference.max_unpool2d(y, switches, output_size)
    return np.repeat(x.sum(axis=0, keepdims=True, dtype=x.dtype), len(x), axis=0)


@mistake("max_unpool2d")
def max_unpool2d_channels_added(y, switches, output_size):
    """all channels of an image were put into one plane

    Each channel has a plane of its own. Values add up only inside one plane.
    """
    x = reference.max_unpool2d(y, switches, output_size)
    return np.repeat(x.sum(axis=1, keepdims=True, dtype=x.dtype), x.shape[1], axis=1)


@mistake("max_unpool2d")
def max_unpool2d_negative_wraps(y, switches, output_size):
    """a negative switch counted from the end

    NumPy takes index -1 for the last element, so a wrong switch passes unseen. Refuse it with a ValueError.
    """
    height, width = _both(output_size)
    return reference.max_unpool2d(y, np.where(switches < 0, switches % (height * width), switches), output_size)


@mistake("max_unpool2d")
def max_unpool2d_float64(y, switches, output_size):
    """the result is always float64

    np.zeros makes float64 unless it is told otherwise. Give it the dtype of y.
    """
    return reference.max_unpool2d(y, switches, output_size).astype(np.float64)


@mistake("max_unpool2d")
def max_unpool2d_doubled(y, switches, output_size):
    """the image was made a whole number of times as large as y

    Pooling drops remainders, so 5 rows and 4 rows both pool to 2. Only output_size knows which it was.
    """
    x = reference.max_unpool2d(y, switches, output_size)
    (H, W), (h, w) = x.shape[2:], y.shape[2:]
    height, width = max(H // h, 1) * h, max(W // w, 1) * w
    return np.ascontiguousarray(x[:, :, :height, :width])


# avg_pool2d


@mistake("avg_pool2d")
def avg_pool2d_padding_not_counted(x, kernel, stride=None, padding=0):
    """the mean was taken over real pixels only

    That is a useful layer too, but here padding counts as zeros, and every sum is divided by K * L.
    """
    ones = np.ones(x.shape, np.float64)
    y = reference.avg_pool2d(x, kernel, stride, padding)
    return (y / reference.avg_pool2d(ones, kernel, stride, padding)).astype(y.dtype)


@mistake("avg_pool2d")
def avg_pool2d_sum(x, kernel, stride=None, padding=0):
    """the sum of each window was taken

    Divide it by the K * L places of the window.
    """
    K, L = _both(kernel)
    y = reference.avg_pool2d(x, kernel, stride, padding)
    return (y * (K * L)).astype(y.dtype)


@mistake("avg_pool2d")
def avg_pool2d_square(x, kernel, stride=None, padding=0):
    """the sum was divided by K * K

    A window has K rows and L columns: K * L places.
    """
    K, L = _both(kernel)
    y = reference.avg_pool2d(x, kernel, stride, padding)
    return (y * L / K).astype(y.dtype)


@mistake("avg_pool2d")
def avg_pool2d_stride_one(x, kernel, stride=None, padding=0):
    """the stride is 1 when it is not given

    A pooling's stride is its kernel unless it is said otherwise: windows that touch.
    """
    return reference.avg_pool2d(x, kernel, 1 if stride is None else stride, padding)


@mistake("avg_pool2d")
def avg_pool2d_whole_numbers(x, kernel, stride=None, padding=0):
    """the mean of whole numbers was cut to a whole number

    The mean of 1 and 2 is 1.5. For an integer image the result is float64.
    """
    y = reference.avg_pool2d(x, kernel, stride, padding)
    return y.astype(x.dtype) if x.dtype.kind in "iu" else y


@mistake("avg_pool2d")
def avg_pool2d_float64(x, kernel, stride=None, padding=0):
    """the result is always float64

    A float32 image has float32 means: keep the dtype of a floating input.
    """
    return reference.avg_pool2d(x, kernel, stride, padding).astype(np.float64)


@mistake("avg_pool2d")
def avg_pool2d_sides_swapped(x, kernel, stride=None, padding=0):
    """height and width of the window were exchanged

    A pair is always (height, width): rows first.
    """
    return reference.avg_pool2d(x, _both(kernel)[::-1], stride and _both(stride)[::-1], _both(padding)[::-1])


@mistake("avg_pool2d")
def avg_pool2d_any_padding(x, kernel, stride=None, padding=0):
    """any padding was accepted

    More than half a kernel of padding makes windows of nothing but zeros: ValueError, as in PyTorch.
    """
    try:
        return reference.avg_pool2d(x, kernel, stride, padding)
    except ValueError:
        return reference.avg_pool2d(_pad(x, padding), kernel, stride)


# avg_unpool2d


@mistake("avg_unpool2d")
def avg_unpool2d_not_divided(y, kernel, stride=None, padding=0, output_size=None):
    """each pixel of a window received the whole value

    The forward weights are 1 / (K * L), so the backward weights are too: the value is shared out.
    """
    K, L = _both(kernel)
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    return (x * (K * L)).astype(x.dtype)


@mistake("avg_unpool2d")
def avg_unpool2d_divided_by_overlap(y, kernel, stride=None, padding=0, output_size=None):
    """overlapping windows were averaged

    That is tidy, and it breaks the dot-product test. The adjoint adds what every window sends to a pixel.
    """
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    reached = reference.avg_unpool2d(np.ones(y.shape), kernel, stride, padding, x.shape[2:])
    K, L = _both(kernel)
    return (x / np.maximum(reached * (K * L), 1)).astype(x.dtype)


@mistake("avg_unpool2d")
def avg_unpool2d_whole_numbers(y, kernel, stride=None, padding=0, output_size=None):
    """the shares of whole numbers were cut to whole numbers

    A sixth of 3 is 0.5. For whole numbers the result is float64: do not store shares in an array of y's dtype.
    """
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    return x.astype(y.dtype) if y.dtype.kind in "iu" else x


@mistake("avg_unpool2d")
def avg_unpool2d_float64(y, kernel, stride=None, padding=0, output_size=None):
    """the result is always float64

    np.zeros makes float64 unless it is told otherwise. Keep the dtype of a floating y.
    """
    return reference.avg_unpool2d(y, kernel, stride, padding, output_size).astype(np.float64)


@mistake("avg_unpool2d")
def avg_unpool2d_overwritten(y, kernel, stride=None, padding=0, output_size=None):
    """a later window overwrote an earlier one

    Where windows overlap, a pixel takes part in several means and gets a share of each: add them.
    """
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    (K, L), (top, left) = _both(kernel), _both(padding)
    big = _pad(np.zeros_like(x), padding)
    for i, j, rows, columns in _windows(y.shape[2:], kernel, stride):
        big[:, :, rows, columns] = y[:, :, i, j, None, None] / (K * L)
    return np.ascontiguousarray(big[:, :, top : top + x.shape[2], left : left + x.shape[3]])


@mistake("avg_unpool2d")
def avg_unpool2d_padding_left_on(y, kernel, stride=None, padding=0, output_size=None):
    """the padding was left on

    Pooling added it, so unpooling takes it off: cut padding rows and columns off every side.
    """
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    top, left = _both(padding)
    return reference.avg_unpool2d(y, kernel, stride, 0, (x.shape[2] + 2 * top, x.shape[3] + 2 * left))


@mistake("avg_unpool2d")
def avg_unpool2d_cut_bottom_right(y, kernel, stride=None, padding=0, output_size=None):
    """all of the padding was cut off at the bottom and on the right

    Padding lies on all four sides: the image starts at row padding_h and column padding_w of the padded plane.
    """
    x = reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    top, left = _both(padding)
    big = reference.avg_unpool2d(y, kernel, stride, 0, (x.shape[2] + 2 * top, x.shape[3] + 2 * left))
    return np.ascontiguousarray(big[:, :, : x.shape[2], : x.shape[3]])


@mistake("avg_unpool2d")
def avg_unpool2d_stride_one(y, kernel, stride=None, padding=0, output_size=None):
    """the stride is 1 when it is not given

    A pooling's stride is its kernel unless it is said otherwise: windows that touch.
    """
    return reference.avg_unpool2d(y, kernel, 1 if stride is None else stride, padding, output_size)


@mistake("avg_unpool2d")
def avg_unpool2d_sides_swapped(y, kernel, stride=None, padding=0, output_size=None):
    """height and width of the window were exchanged

    A pair is always (height, width): rows first.
    """
    return reference.avg_unpool2d(
        y, _both(kernel)[::-1], stride and _both(stride)[::-1], _both(padding)[::-1], output_size
    )


@mistake("avg_unpool2d")
def avg_unpool2d_size_ignored(y, kernel, stride=None, padding=0, output_size=None):
    """output_size was not used

    Several sizes pool to the same one. Rows and columns that no window holds are 0, and they are part of the result.
    """
    reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    return reference.avg_unpool2d(y, kernel, stride, padding)


@mistake("avg_unpool2d")
def avg_unpool2d_any_size(y, kernel, stride=None, padding=0, output_size=None):
    """any output_size was accepted

    Only a stride's worth of sizes pool to the size of y. For another one there is nothing to be the adjoint of:
    ValueError.
    """
    try:
        return reference.avg_unpool2d(y, kernel, stride, padding, output_size)
    except ValueError:
        if output_size is None:
            raise
        x = reference.avg_unpool2d(y, kernel, stride, padding)
        height, width = _both(output_size)
        return np.resize(x, (*x.shape[:2], height, width))


# min_unpool2d


@mistake("min_unpool2d")
def min_unpool2d_maximum(y, kernel, stride=None, output_size=None):
    """the largest of the windows' values was taken

    A pixel is in all of the windows that hold it, so it is at most the smallest of their maxima.
    """
    if y.dtype.kind in "ub":
        raise TypeError("no unsigned numbers")
    return -reference.min_unpool2d(-y, kernel, stride, output_size)


@mistake("min_unpool2d")
def min_unpool2d_maximum_from_infinity(y, kernel, stride=None, output_size=None):
    """a maximum was started from +inf

    Nothing is above +inf, so nothing changes. You are looking for the smallest of the windows' values: np.minimum.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    return np.full(x.shape, np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).max, x.dtype)


@mistake("min_unpool2d")
def min_unpool2d_float64(y, kernel, stride=None, output_size=None):
    """the result is always float64

    np.full(shape, np.inf) makes float64. Give it the dtype of y, and where that is an integer, its largest number.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    top = np.iinfo(y.dtype).max if y.dtype.kind in "iu" else np.inf
    return np.where(x == top, np.inf, x.astype(np.float64))


@mistake("min_unpool2d")
def min_unpool2d_overwritten(y, kernel, stride=None, output_size=None):
    """a later window overwrote an earlier one

    Compare with what is there already and keep the smaller value: np.minimum(x[...], value).
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    for i, j, rows, columns in _windows(y.shape[2:], kernel, stride):
        x[:, :, rows, columns] = y[:, :, i, j, None, None]
    return x


@mistake("min_unpool2d")
def min_unpool2d_first_window_stays(y, kernel, stride=None, output_size=None):
    """the first window that holds a pixel decides

    A later window may have a smaller value. Keep the smallest of them: np.minimum(x[...], value).
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    for i, j, rows, columns in reversed(list(_windows(y.shape[2:], kernel, stride))):
        x[:, :, rows, columns] = y[:, :, i, j, None, None]
    return x


@mistake("min_unpool2d")
def min_unpool2d_zero_gaps(y, kernel, stride=None, output_size=None):
    """pixels that no window holds are 0

    The pooled map says nothing about them, so nothing bounds them: +inf, or the largest number of an integer dtype.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    held = np.zeros(x.shape[2:], bool)
    for _, _, rows, columns in _windows(y.shape[2:], kernel, stride):
        held[rows, columns] = True
    return np.where(held, x, 0).astype(x.dtype)


@mistake("min_unpool2d")
def min_unpool2d_starts_at_zero(y, kernel, stride=None, output_size=None):
    """the minimum was started from zeros

    The minimum of 0 and a positive value is 0. Start from +inf, which no value is above.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    return np.minimum(x, 0).astype(x.dtype)


@mistake("min_unpool2d")
def min_unpool2d_nearest(y, kernel, stride=None, output_size=None):
    """each value was repeated over a block of stride pixels

    That is nearest-neighbor upsampling. It is right where stride and kernel are equal; overlapping windows each
    have a say.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    down, right = _both(kernel if stride is None else stride)
    rows = np.minimum(np.arange(x.shape[2]) // down, y.shape[2] - 1)
    columns = np.minimum(np.arange(x.shape[3]) // right, y.shape[3] - 1)
    return y[:, :, rows[:, None], columns]


@mistake("min_unpool2d")
def min_unpool2d_stride_one(y, kernel, stride=None, output_size=None):
    """the stride is 1 when it is not given

    A pooling's stride is its kernel unless it is said otherwise: windows that touch.
    """
    return reference.min_unpool2d(y, kernel, 1 if stride is None else stride, output_size)


@mistake("min_unpool2d")
def min_unpool2d_sides_swapped(y, kernel, stride=None, output_size=None):
    """height and width of the window were exchanged

    A pair is always (height, width): rows first.
    """
    return reference.min_unpool2d(y, _both(kernel)[::-1], stride and _both(stride)[::-1], output_size)


@mistake("min_unpool2d")
def min_unpool2d_size_ignored(y, kernel, stride=None, output_size=None):
    """output_size was not used

    Several sizes pool to the same one. Pixels that no window holds are part of the result.
    """
    reference.min_unpool2d(y, kernel, stride, output_size)
    return reference.min_unpool2d(y, kernel, stride)


@mistake("min_unpool2d")
def min_unpool2d_any_size(y, kernel, stride=None, output_size=None):
    """any output_size was accepted

    Only a stride's worth of sizes pool to the size of y. For another one P(x) <= y compares maps of two sizes:
    ValueError.
    """
    try:
        return reference.min_unpool2d(y, kernel, stride, output_size)
    except ValueError:
        if output_size is None:
            raise
        x = reference.min_unpool2d(y, kernel, stride)
        height, width = _both(output_size)
        return np.resize(x, (*x.shape[:2], height, width))


@mistake("min_unpool2d")
def min_unpool2d_average(y, kernel, stride=None, output_size=None):
    """overlapping windows were averaged

    The mean of two bounds is above the smaller one, and pooling would then give back too much.
    """
    x = reference.min_unpool2d(y, kernel, stride, output_size)
    total, count = np.zeros(x.shape), np.zeros(x.shape)
    for i, j, rows, columns in _windows(y.shape[2:], kernel, stride):
        total[:, :, rows, columns] += y[:, :, i, j, None, None]
        count[:, :, rows, columns] += 1
    return np.where(count > 0, (total / np.maximum(count, 1)).astype(x.dtype), x)
