"""Wrong answers to chapter 10 that learners give."""

from __future__ import annotations

import math

import torch
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import sparse_coding as reference
from deconv_solutions.sparse_coding import analyse, soft_threshold, synthesise

# synthesise


@mistake("synthesise")
def synthesise_turned(z, filters):
    """every filter was turned by 180 degrees

    A code stamps its filter as it is. conv_transpose2d does that; conv2d on padded codes does it only with the filters
    turned round, because it does not turn them itself.
    """
    return reference.synthesise(z, filters.flip(2, 3))


@mistake("synthesise")
def synthesise_flipped_rows(z, filters):
    """every filter was mirrored in one direction only

    Turning a filter round reverses rows and columns.
    """
    return reference.synthesise(z, filters.flip(2))


@mistake("synthesise")
def synthesise_same_size(z, filters):
    """the border was cut off

    Stamps reach beyond the codes: the image is (h + K - 1, w + L - 1). No padding here, because in a transposed
    convolution padding crops.
    """
    x = reference.synthesise(z, filters)
    (h, w), (K, L) = z.shape[2:], filters.shape[2:]
    top, left = (K - 1) // 2, (L - 1) // 2
    return x[:, :, top : top + h, left : left + w].clone()


@mistake("synthesise")
def synthesise_one_channel(z, filters):
    """the channels of the filters were added up

    Each channel of the image has its own filters.
    """
    x = reference.synthesise(z, filters)
    return x.sum(dim=1, keepdim=True).expand_as(x).clone()


@mistake("synthesise")
def synthesise_unchecked(z, filters):
    """the channels were not checked

    Where the codes have other channels than there are filters, PyTorch raises a RuntimeError. A ValueError was promised.
    """
    return functional.conv_transpose2d(z, filters)


@mistake("synthesise")
def synthesise_overwrites(z, filters):
    """stamps that overlap overwrite each other

    They add up: += in place of =.
    """
    x = reference.synthesise(z, filters) * 0
    (K, L) = filters.shape[2:]
    for i in range(z.shape[2]):
        for j in range(z.shape[3]):
            stamp = torch.einsum("nf,fckl->nckl", z[:, :, i, j], filters)
            x[:, :, i : i + K, j : j + L] = torch.where(stamp != 0, stamp, x[:, :, i : i + K, j : j + L])
    return x


@mistake("synthesise")
def synthesise_stamps_cover(z, filters):
    """a stamp covers what lay under it

    Stamps that overlap add up: += in place of =.
    """
    x = reference.synthesise(z, filters) * 0
    (K, L) = filters.shape[2:]
    for n, f, i, j in z.nonzero().tolist():
        x[n, :, i : i + K, j : j + L] = z[n, f, i, j] * filters[f]
    return x


@mistake("synthesise")
def synthesise_cropped(z, filters):
    """half a filter was cut off on every side

    Padding crops in a transposed convolution, and K // 2 on both sides is more than the border. The image is
    (h + K - 1, w + L - 1): no padding.
    """
    (K, L), x = filters.shape[2:], reference.synthesise(z, filters)
    top, left = K // 2, L // 2
    return x[:, :, top : x.shape[2] - top, left : x.shape[3] - left].clone()


# analyse


@mistake("analyse")
def analyse_turned(x, filters):
    """every filter was turned by 180 degrees

    The adjoint looks with the filter as it is. The turning belongs to another way of writing it: a full convolution with the
    turned filter.
    """
    return reference.analyse(x, filters.flip(2, 3))


@mistake("analyse")
def analyse_padded(x, filters):
    """the image was padded

    Filters lie inside the image: (H - K + 1, W - L + 1) places, those from which a stamp would fit.
    """
    reference.analyse(x, filters)
    K, L = filters.shape[2:]
    padded = functional.pad(x, ((L - 1) // 2, L // 2, (K - 1) // 2, K // 2))
    return reference.analyse(padded, filters)


@mistake("analyse")
def analyse_normalised(x, filters):
    """the inner products were divided by the size of the window

    The adjoint is a sum. A mean belongs to another synthesis.
    """
    return reference.analyse(x, filters) / filters[0].numel()


@mistake("analyse")
def analyse_unchecked(x, filters):
    """the channels and sizes were not checked

    PyTorch raises a RuntimeError where a ValueError was promised.
    """
    return functional.conv2d(x, filters)


@mistake("analyse")
def analyse_one_channel(x, filters):
    """only the first channel was looked at

    The inner product runs over all channels of the image.
    """
    return reference.analyse(x[:, :1], filters[:, :1])


@mistake("analyse")
def analyse_rectified(x, filters):
    """negative values were set to zero

    That is a layer with its ReLU. The adjoint is linear, and codes may be negative.
    """
    return reference.analyse(x, filters).clamp(min=0)


@mistake("analyse")
def analyse_stamps(x, filters):
    """the image was taken for codes and stamped

    conv_transpose2d goes from codes to an image. The way back is conv2d: a filter looks only where it fits, and the result
    is smaller than the image.
    """
    reference.analyse(x, filters)
    return functional.conv_transpose2d(x, filters.transpose(0, 1))


# soft_threshold


@mistake("soft_threshold")
def soft_threshold_hard(z, t):
    """values above the threshold were kept as they are

    That is the hard threshold. The soft one also moves what is kept toward 0, by t.
    """
    return torch.where(reference.soft_threshold(z, t) != 0, z, 0.0)


@mistake("soft_threshold")
def soft_threshold_one_sided(z, t):
    """negative values were all set to zero

    max(z - t, 0) is the threshold for codes that may not be negative. Here both signs count.
    """
    reference.soft_threshold(z, t)
    return (z - t).clamp(min=0)


@mistake("soft_threshold")
def soft_threshold_subtracts(z, t):
    """t was subtracted from negative values as well

    Both signs move toward 0, so that a negative value grows.
    """
    kept = reference.soft_threshold(z, t) != 0
    return torch.where(kept, z - t, 0.0)


@mistake("soft_threshold")
def soft_threshold_not_dropped(z, t):
    """small values crossed zero and changed their sign

    |z| - t must not fall below 0: clamp(min=0).
    """
    reference.soft_threshold(z, t)
    return z.sign() * (z.abs() - t)


@mistake("soft_threshold")
def soft_threshold_unsigned(z, t):
    """the signs were lost

    Multiply the shrunk size by z.sign().
    """
    return reference.soft_threshold(z, t).abs()


@mistake("soft_threshold")
def soft_threshold_clipped(z, t):
    """the values were clipped to the threshold

    clamp(-t, t) is what the soft threshold takes away from z, not what it leaves.
    """
    reference.soft_threshold(z, t)
    return z - reference.soft_threshold(z, t)


@mistake("soft_threshold")
def soft_threshold_unchecked(z, t):
    """a negative threshold was accepted

    Check that t is at least 0, everywhere if it is a tensor, and that it is a number.
    """
    return z.sign() * (z.abs() - t).clamp(min=0)


@mistake("soft_threshold")
def soft_threshold_keeps_small(z, t):
    """what is nearer to 0 than t was left alone

    Those are the numbers that become 0.
    """
    shrunk = reference.soft_threshold(z, t)
    return torch.where(shrunk != 0, shrunk, z)


# lipschitz


def _power(filters, shape, iterations, rng):
    v = torch.randn(shape, generator=rng, dtype=filters.dtype)
    v = v / v.norm()
    for _ in range(iterations):
        v = analyse(synthesise(v, filters), filters)
        if v.norm() == 0:
            return None
        v = v / v.norm()
    return v


@mistake("lipschitz")
def lipschitz_norm(filters, shape, iterations, rng):
    """the singular value is returned: the root of the eigenvalue

    |synthesise(v)| is how much synthesis enlarges v. The eigenvalue of 'synthesise, then analyse' is its square.
    """
    return math.sqrt(reference.lipschitz(filters, shape, iterations, rng))


@mistake("lipschitz")
def lipschitz_last_norm(filters, shape, iterations, rng):
    """the norm after one more step is returned

    |analyse(synthesise(v))| has the same limit, but it is another number before that. The squared norm of synthesise(v) was
    asked for.
    """
    reference.lipschitz(filters, shape, iterations, rng)
    v = _power(filters, shape, iterations, rng)
    return 0.0 if v is None else float(analyse(synthesise(v, filters), filters).norm())


@mistake("lipschitz")
def lipschitz_step_norm(filters, shape, iterations, rng):
    """the norm that the last step divided by is returned

    It says how much the v before the last step was enlarged, and has the same limit. The squared norm of synthesise(v) was
    asked for, with the last v.
    """
    if iterations <= 0:
        return reference.lipschitz(filters, shape, iterations, rng)
    reference.lipschitz(filters, shape, iterations, rng.clone_state())
    v = _power(filters, shape, iterations - 1, rng)
    return 0.0 if v is None else float(analyse(synthesise(v, filters), filters).norm())


@mistake("lipschitz")
def lipschitz_one_less(filters, shape, iterations, rng):
    """there was one step too few

    Count: 0 iterations leave the draw as it is.
    """
    reference.lipschitz(filters, shape, iterations, rng)
    return reference.lipschitz(filters, shape, max(iterations - 1, 0), rng)


@mistake("lipschitz")
def lipschitz_one_more(filters, shape, iterations, rng):
    """there was one step too many

    Count: 0 iterations leave the draw as it is.
    """
    reference.lipschitz(filters, shape, iterations, rng.clone_state())
    return reference.lipschitz(filters, shape, iterations + 1, rng)


@mistake("lipschitz")
def lipschitz_uniform(filters, shape, iterations, rng):
    """v was drawn between 0 and 1

    torch.rand draws uniformly. torch.randn, the normal distribution, was asked for, so that the result can be compared.
    """
    reference.lipschitz(filters, shape, iterations, rng.clone_state())
    v = torch.rand(shape, generator=rng, dtype=filters.dtype)
    v = v / v.norm()
    for _ in range(iterations):
        v = analyse(synthesise(v, filters), filters)
        v = v / v.norm().clamp(min=1e-300)
    return float(synthesise(v, filters).square().sum())


@mistake("lipschitz")
def lipschitz_drawn_in_float32(filters, shape, iterations, rng):
    """v was drawn in float32

    Then it is another v, and float64 filters do not match it. Pass dtype=filters.dtype to torch.randn.
    """
    reference.lipschitz(filters, shape, iterations, rng.clone_state())
    v = torch.randn(shape, generator=rng).to(filters.dtype)
    v = v / v.norm()
    for _ in range(iterations):
        v = analyse(synthesise(v, filters), filters)
        v = v / v.norm().clamp(min=1e-300)
    return float(synthesise(v, filters).square().sum())


@mistake("lipschitz")
def lipschitz_not_normed(filters, shape, iterations, rng):
    """v was not divided by its norm at the start

    Without any step its length is then that of the draw.
    """
    reference.lipschitz(filters, shape, iterations, rng.clone_state())
    v = torch.randn(shape, generator=rng, dtype=filters.dtype)
    for _ in range(iterations):
        v = analyse(synthesise(v, filters), filters)
        v = v / v.norm().clamp(min=1e-300)
    return float(synthesise(v, filters).square().sum())


@mistake("lipschitz")
def lipschitz_own_generator(filters, shape, iterations, rng):
    """v was drawn by PyTorch's own generator

    Pass generator=rng: the caller decides about the random numbers.
    """
    return reference.lipschitz(filters, shape, iterations, torch.Generator().manual_seed(12345))


@mistake("lipschitz")
def lipschitz_nan(filters, shape, iterations, rng):
    """filters of zeros gave NaN

    After one step v is 0 and so is its norm. The eigenvalue is 0.0 then: do not divide.
    """
    found = reference.lipschitz(filters, shape, iterations, rng)
    return found if (filters != 0).any() or iterations == 0 else math.nan


# lipschitz_bound


def _response(filters, size):
    reference.lipschitz_bound(filters, size)
    size = (size, size) if isinstance(size, int) else tuple(size)
    return torch.fft.fft2(filters, s=size).permute(2, 3, 1, 0)


@mistake("lipschitz_bound")
def lipschitz_bound_frobenius(filters, size):
    """all squares at a frequency were added up

    For one channel that is right. For several it is larger: the most that a matrix enlarges a vector is its largest singular
    value. (matrix_norm takes the Frobenius norm unless ord=2 is passed.)
    """
    return float(_response(filters, size).abs().square().sum(dim=(2, 3)).max())


@mistake("lipschitz_bound")
def lipschitz_bound_root(filters, size):
    """the singular value was not squared

    It says how much synthesis enlarges. The eigenvalue of 'synthesise, then analyse' is its square.
    """
    return math.sqrt(reference.lipschitz_bound(filters, size))


@mistake("lipschitz_bound")
def lipschitz_bound_one_filter(filters, size):
    """each filter was looked at by itself

    All filters work at the same time: at one frequency their energies add up.
    """
    reference.lipschitz_bound(filters, size)
    return max(reference.lipschitz_bound(filters[f : f + 1], size) for f in range(len(filters)))


@mistake("lipschitz_bound")
def lipschitz_bound_not_padded(filters, size):
    """the filters were not padded to the size of the image

    Their own few frequencies miss the worst one. Pass s=(H, W) to fft2.
    """
    reference.lipschitz_bound(filters, size)
    return reference.lipschitz_bound(filters, tuple(filters.shape[2:]))


@mistake("lipschitz_bound")
def lipschitz_bound_constant(filters, size):
    """only the constant was looked at

    The sum over a filter's pixels is its answer to the constant image. Edge filters answer most to other frequencies.
    """
    reference.lipschitz_bound(filters, size)
    return float(torch.linalg.matrix_norm(filters.sum(dim=(2, 3)), ord=2)) ** 2


@mistake("lipschitz_bound")
def lipschitz_bound_absolute(filters, size):
    """the absolute values of the filters were added up

    That bounds every frequency at once, and far too high: signs matter.
    """
    reference.lipschitz_bound(filters, size)
    return float(torch.linalg.matrix_norm(filters.abs().sum(dim=(2, 3)), ord=2)) ** 2


@mistake("lipschitz_bound")
def lipschitz_bound_mean(filters, size):
    """the mean over the frequencies was taken

    The bound must hold for the worst of them: the maximum.
    """
    return float(torch.linalg.matrix_norm(_response(filters, size), ord=2).square().mean())


@mistake("lipschitz_bound")
def lipschitz_bound_swapped(filters, size):
    """height and width were exchanged

    size is (H, W), as in x.shape[2:].
    """
    reference.lipschitz_bound(filters, size)
    size = (size, size) if isinstance(size, int) else tuple(size)[::-1]
    return float(torch.linalg.matrix_norm(torch.fft.fft2(filters, s=size).permute(2, 3, 1, 0), ord=2).max()) ** 2


@mistake("lipschitz_bound")
def lipschitz_bound_axes(filters, size):
    """the norm was taken over the wrong two axes

    matrix_norm takes the last two. They must be the filters and the channels, not rows and columns of frequencies.
    """
    response = _response(filters, size).permute(2, 3, 0, 1)
    return float(torch.linalg.matrix_norm(response, ord=2).max()) ** 2


@mistake("lipschitz_bound")
def lipschitz_bound_each_worst(filters, size):
    """the worst frequencies of all filters were added up

    That is a bound, but too high: filters have different worst frequencies. First put the filters together at each
    frequency, then look for the worst one.
    """
    reference.lipschitz_bound(filters, size)
    return sum(reference.lipschitz_bound(filters[f : f + 1], size) for f in range(len(filters)))


@mistake("lipschitz_bound")
def lipschitz_bound_of_codes(filters, size):
    """the frequencies were those of the codes' size

    size is the image's, and around a torus of that size no stamp reaches across the edge. A smaller torus has other
    frequencies, and its maximum need not be a bound.
    """
    reference.lipschitz_bound(filters, size)
    size = (size, size) if isinstance(size, int) else tuple(size)
    smaller = tuple(whole - part + 1 for whole, part in zip(size, filters.shape[2:], strict=True))
    return float(torch.linalg.matrix_norm(torch.fft.fft2(filters, s=smaller).permute(2, 3, 1, 0), ord=2).max()) ** 2


# ista


def _ista(x, filters, weight, iterations, start=None, **wrong):
    """ISTA with one thing done otherwise."""
    z, _ = reference.ista(x, filters, weight, 0, start)
    if iterations < 0:
        raise ValueError("iterations")
    L = wrong.get("bound") or reference.lipschitz_bound(filters, tuple(x.shape[2:]))
    threshold = weight if wrong.get("whole_weight") else weight / L
    shrink = wrong.get("shrink", soft_threshold)

    def objective(z):
        error = (x - synthesise(z, filters)).square()
        error = error.mean() if wrong.get("mean") else error.sum()
        size = (z != 0).sum() if wrong.get("count") else z.abs().sum()
        size = z.square().sum() if wrong.get("squares") else size
        return float(error * wrong.get("half", 0.5) + wrong.get("price", weight) * size)

    history = [objective(z)]
    for _ in range(iterations):
        step = analyse(x - synthesise(z, filters), filters) / L
        z = z - step if wrong.get("uphill") else z + step
        if wrong.get("early"):
            history.append(objective(z))
        z = shrink(z, threshold)
        if not wrong.get("early"):
            history.append(objective(z))
    return z, history


@mistake("ista")
def ista_whole_weight(x, filters, weight, iterations, start=None):
    """the threshold is the weight itself

    The step is divided by L, and so is the threshold: weight / L.
    """
    return _ista(x, filters, weight, iterations, start, whole_weight=True)


@mistake("ista")
def ista_uphill(x, filters, weight, iterations, start=None):
    """the step goes up the gradient

    The gradient is -analyse(x - synthesise(z)). Going down it adds analyse(x - synthesise(z)) / L.
    """
    return _ista(x, filters, weight, iterations, start, uphill=True)


@mistake("ista")
def ista_unit_step(x, filters, weight, iterations, start=None):
    """the step is 1

    A step that long overshoots as soon as filters overlap. It is 1 / lipschitz_bound(filters, (H, W)).
    """
    return _ista(x, filters, weight, iterations, start, bound=1.0)


@mistake("ista")
def ista_root_step(x, filters, weight, iterations, start=None):
    """the step is 1 / sqrt(L)

    lipschitz_bound is the Lipschitz constant already; it needs no root.
    """
    bound = math.sqrt(reference.lipschitz_bound(filters, tuple(x.shape[2:])))
    return _ista(x, filters, weight, iterations, start, bound=bound)


@mistake("ista")
def ista_twice_bound(x, filters, weight, iterations, start=None):
    """the step is half as long as it should be

    With the half in |x - synthesise(z)|^2 / 2, the gradient has no factor of 2, and its Lipschitz constant is L.
    """
    bound = 2 * reference.lipschitz_bound(filters, tuple(x.shape[2:]))
    return _ista(x, filters, weight, iterations, start, bound=bound)


@mistake("ista")
def ista_non_negative(x, filters, weight, iterations, start=None):
    """negative codes were dropped

    A ReLU with a bias of -weight / L solves the problem for codes that may not be negative. Here they may: soft_threshold.
    """
    return _ista(x, filters, weight, iterations, start, shrink=lambda z, t: (z - t).clamp(min=0))


@mistake("ista")
def ista_without_half(x, filters, weight, iterations, start=None):
    """the objective lacks its factor of one half

    It is |x - synthesise(z)|^2 / 2 + weight |z|_1.
    """
    return _ista(x, filters, weight, iterations, start, half=1.0)


@mistake("ista")
def ista_mean_squares(x, filters, weight, iterations, start=None):
    """the objective holds the mean squared error

    Squares are added over all pixels, channels and images, not averaged: otherwise the weight means something else.
    """
    return _ista(x, filters, weight, iterations, start, mean=True, half=1.0)


@mistake("ista")
def ista_half_mean(x, filters, weight, iterations, start=None):
    """the objective holds half the mean squared error

    Squares are added over all pixels, channels and images, not averaged: otherwise the weight means something else.
    """
    return _ista(x, filters, weight, iterations, start, mean=True)


@mistake("ista")
def ista_threshold_first(x, filters, weight, iterations, start=None):
    """the threshold came before the step

    After the step hardly any code is zero. The threshold is the second half of an iteration.
    """
    z, history = reference.ista(x, filters, weight, 0, start)
    L = reference.lipschitz_bound(filters, tuple(x.shape[2:]))
    for _ in range(iterations):
        z = soft_threshold(z, weight / L)
        z = z + analyse(x - synthesise(z, filters), filters) / L
        history.append(reference.ista(x, filters, weight, 0, z)[1][0])
    return z, history


@mistake("ista")
def ista_without_price(x, filters, weight, iterations, start=None):
    """the history holds the error alone

    The objective has a second term: weight times the sum of |z|.
    """
    return _ista(x, filters, weight, iterations, start, price=0.0)


@mistake("ista")
def ista_counts(x, filters, weight, iterations, start=None):
    """the history counts the codes that are not zero

    |z|_1 is the sum of their sizes.
    """
    return _ista(x, filters, weight, iterations, start, count=True)


@mistake("ista")
def ista_before_threshold(x, filters, weight, iterations, start=None):
    """the objective was measured before the threshold

    An iteration is both halves: step, threshold, then measure.
    """
    return _ista(x, filters, weight, iterations, start, early=True)


@mistake("ista")
def ista_no_first_value(x, filters, weight, iterations, start=None):
    """the history lacks its first value

    It has iterations + 1 entries and begins with the objective at the start.
    """
    z, history = reference.ista(x, filters, weight, iterations, start)
    return z, history[1:]


@mistake("ista")
def ista_ignores_start(x, filters, weight, iterations, start=None):
    """the start was ignored

    The codes begin as zeros only where no start is passed.
    """
    reference.ista(x, filters, weight, 0, start)
    return reference.ista(x, filters, weight, iterations)


@mistake("ista")
def ista_unchecked(x, filters, weight, iterations, start=None):
    """a negative weight was accepted

    Negative prices pay for codes: check that the weight is at least 0.
    """
    return reference.ista(x, filters, max(weight, 0.0), iterations, start)


# fista


def _fista(x, filters, weight, iterations, start=None, **wrong):
    """FISTA with one thing done otherwise."""
    z, history = reference.fista(x, filters, weight, 0, start)
    if iterations < 0:
        raise ValueError("iterations")
    L = reference.lipschitz_bound(filters, tuple(x.shape[2:]))

    def objective(z):
        return float((x - synthesise(z, filters)).square().sum() / 2 + weight * z.abs().sum())

    ahead, t, before = (torch.zeros_like(z) if wrong.get("ahead_of_zero") else z), wrong.get("first_t", 1.0), z
    for k in range(1, iterations + 1):
        before, origin = z, ahead
        looked_at = z if wrong.get("gradient_at_z") else ahead
        z = soft_threshold(ahead + analyse(x - synthesise(looked_at, filters), filters) / L, weight / L)
        following = (1 + math.sqrt(1 + wrong.get("four", 4) * t * t)) / 2
        momentum = {
            "nesterov": (k - 1) / (k + 2),
            "next": following and (following - 1) / following,
            "late": (t - 1) / t,
            "constant": 0.5,
            "whole": t / following,
            "right": (t - 1) / following,
        }[wrong.get("momentum", "right")]
        ahead = z + momentum * (z - (origin if wrong.get("from_ahead") else before))
        if not wrong.get("t_stays"):
            t = following
        history.append(objective(ahead if wrong.get("measured_ahead") else z))
    return (ahead if wrong.get("returns_ahead") else z), history


@mistake("fista")
def fista_without_momentum(x, filters, weight, iterations, start=None):
    """there is no momentum

    This is ISTA. If t stays 1, or if the step starts at z in place of the point ahead of it, nothing is gained.
    """
    return reference.ista(x, filters, weight, iterations, start)


@mistake("fista")
def fista_other_sequence(x, filters, weight, iterations, start=None):
    """the momentum is (k - 1) / (k + 2)

    That sequence has the same rate, and it is common. Beck and Teboulle's t was asked for, so that results can be compared.
    """
    return _fista(x, filters, weight, iterations, start, momentum="nesterov")


@mistake("fista")
def fista_next_t(x, filters, weight, iterations, start=None):
    """the momentum is (t' - 1) / t', with the new t twice

    It is (t - 1) / t': the old t above, the new one below.
    """
    return _fista(x, filters, weight, iterations, start, momentum="next")


@mistake("fista")
def fista_old_t(x, filters, weight, iterations, start=None):
    """the momentum is (t - 1) / t, with the old t twice

    It is (t - 1) / t': the old t above, the new one below.
    """
    return _fista(x, filters, weight, iterations, start, momentum="late")


@mistake("fista")
def fista_whole_t(x, filters, weight, iterations, start=None):
    """the momentum is t / t'

    It is (t - 1) / t': nothing after the first step, where t is 1.
    """
    return _fista(x, filters, weight, iterations, start, momentum="whole")


@mistake("fista")
def fista_without_four(x, filters, weight, iterations, start=None):
    """the square root holds t^2 in place of 4 t^2

    t' = (1 + sqrt(1 + 4 t^2)) / 2: with the 4, t grows by about 1/2 a step. Without it t stays near 1 and gains nothing.
    """
    return _fista(x, filters, weight, iterations, start, four=1)


@mistake("fista")
def fista_gradient_at_z(x, filters, weight, iterations, start=None):
    """the step starts at the point ahead, but its gradient was taken at z

    The whole step of ISTA moves to the point ahead: the residual is x - synthesise(ahead).
    """
    return _fista(x, filters, weight, iterations, start, gradient_at_z=True)


@mistake("fista")
def fista_constant(x, filters, weight, iterations, start=None):
    """the momentum is the same at every step

    It grows from 0 toward 1, as t does.
    """
    return _fista(x, filters, weight, iterations, start, momentum="constant")


@mistake("fista")
def fista_first_t(x, filters, weight, iterations, start=None):
    """t starts at 0

    It starts at 1. Then the momentum of the first step is 0.
    """
    return _fista(x, filters, weight, iterations, start, first_t=0.0)


@mistake("fista")
def fista_measured_ahead(x, filters, weight, iterations, start=None):
    """the objective was measured at the point ahead

    The theorem is about z, the point after the threshold.
    """
    return _fista(x, filters, weight, iterations, start, measured_ahead=True)


@mistake("fista")
def fista_returns_ahead(x, filters, weight, iterations, start=None):
    """the point ahead was returned

    Return z. The point ahead is where the next step would begin; its zeros are not zeros any more.
    """
    return _fista(x, filters, weight, iterations, start, returns_ahead=True)


@mistake("fista")
def fista_from_ahead(x, filters, weight, iterations, start=None):
    """the momentum is measured from the point ahead

    It is the difference of two codes: z after the step less z before the step.
    """
    return _fista(x, filters, weight, iterations, start, from_ahead=True)


@mistake("fista")
def fista_ahead_of_zero(x, filters, weight, iterations, start=None):
    """the first step starts at zero, whatever the start

    The first point ahead is the start itself.
    """
    return _fista(x, filters, weight, iterations, start, ahead_of_zero=True)


@mistake("fista")
def fista_no_first_value(x, filters, weight, iterations, start=None):
    """the history lacks its first value

    It has iterations + 1 entries and begins with the objective at the start.
    """
    z, history = reference.fista(x, filters, weight, iterations, start)
    return z, history[1:]


# update_filters


def _direction(x, z, filters):
    return conv2d_weight(x - synthesise(z, filters), filters.shape, z)


def _stepped(x, z, filters, step=None, turn=1.0):
    """The filters after a step, not of norm 1 yet."""
    reference.update_filters(x, z, filters)
    direction = _direction(x, z, filters)
    change = synthesise(z, direction).square().sum()
    if step is None:
        step = direction.square().sum() / change if change > 0 else 0.0
    return filters + turn * step * direction


def _normed(filters, z):
    norms = filters.flatten(1).norm(dim=1)
    used = (z != 0).transpose(0, 1).flatten(1).any(dim=1) & (norms > 0)
    return filters / torch.where(used, norms, 1.0)[:, None, None, None]


@mistake("update_filters")
def update_filters_not_normed(x, z, filters):
    """the filters were not divided by their norm

    Without that, filters grow and codes shrink: the price of the codes falls, and nothing has been learned.
    """
    return _stepped(x, z, filters)


@mistake("update_filters")
def update_filters_uphill(x, z, filters):
    """the step goes up the gradient

    The direction is the residual x - synthesise(z), not its negative, taken back to the filters.
    """
    return _normed(_stepped(x, z, filters, turn=-1.0), z)


@mistake("update_filters")
def update_filters_unit_step(x, z, filters):
    """the step is 1

    Codes are large or small, so one step does not fit all. Compute |g|^2 / |synthesise(z, g)|^2.
    """
    return _normed(_stepped(x, z, filters, step=1.0), z)


@mistake("update_filters")
def update_filters_root_step(x, z, filters):
    """the step is a quotient of norms, not of their squares

    The parabola |r - a s|^2 has its lowest point at a = <r, s> / |s|^2, here |g|^2 / |synthesise(z, g)|^2.
    """
    direction = _direction(x, z, filters)
    change = synthesise(z, direction).norm()
    return _normed(_stepped(x, z, filters, step=direction.norm() / change if change > 0 else 0.0), z)


@mistake("update_filters")
def update_filters_only_step(x, z, filters):
    """the old filters were dropped

    The step starts from them: filters + a g, not g.
    """
    return _normed(_stepped(x, z, filters) - filters, z)


@mistake("update_filters")
def update_filters_without_residual(x, z, filters):
    """the image itself was taken back to the filters

    What they explain already must be taken away first: the residual is x - synthesise(z, filters).
    """
    reference.update_filters(x, z, filters)
    direction = conv2d_weight(x, filters.shape, z)
    change = synthesise(z, direction).square().sum()
    step = direction.square().sum() / change if change > 0 else 0.0
    return _normed(filters + step * direction, z)


@mistake("update_filters")
def update_filters_turned(x, z, filters):
    """the direction was turned by 180 degrees

    g[k, l] multiplies r[i + k, j + l] by z[i, j]: a correlation of the residual with the codes.
    """
    reference.update_filters(x, z, filters)
    direction = _direction(x, z, filters).flip(2, 3)
    change = synthesise(z, direction).square().sum()
    step = direction.square().sum() / change if change > 0 else 0.0
    return _normed(filters + step * direction, z)


@mistake("update_filters")
def update_filters_by_channel(x, z, filters):
    """every channel of a filter was divided by a norm of its own

    A filter is all of its channels: one norm over (C, K, L).
    """
    new = _stepped(x, z, filters)
    norms = new.flatten(2).norm(dim=2)[..., None, None]
    used = (z != 0).transpose(0, 1).flatten(1).any(dim=1)[:, None, None, None]
    return torch.where(used & (norms > 0), new / norms, new)


@mistake("update_filters")
def update_filters_one_norm(x, z, filters):
    """all filters together were divided by one norm

    Each filter has its own norm, and ends with length 1.
    """
    new = _stepped(x, z, filters)
    return new / new.norm() if (z != 0).any() else new


@mistake("update_filters")
def update_filters_norms_unused(x, z, filters):
    """a filter that no code uses was divided by its norm, too

    It comes back as it was.
    """
    new = _stepped(x, z, filters)
    norms = new.flatten(1).norm(dim=1)[:, None, None, None]
    return new / torch.where(norms > 0, norms, 1.0)


@mistake("update_filters")
def update_filters_nan(x, z, filters):
    """where nothing changes, the step is 0 / 0

    If synthesise(z, g) is 0, take no step.
    """
    new = reference.update_filters(x, z, filters)
    moves = synthesise(z, _direction(x, z, filters)).square().sum() > 0
    return new if moves else torch.full_like(new, math.nan)


@mistake("update_filters")
def update_filters_nan_where_used(x, z, filters):
    """the step is 0 / 0 where nothing is left to explain

    Then g is 0, and synthesise(z, g) as well: take no step, and only divide the filters by their norms.
    """
    new = reference.update_filters(x, z, filters)
    used = (z != 0).transpose(0, 1).flatten(1).any(dim=1)[:, None, None, None]
    moves = synthesise(z, _direction(x, z, filters)).square().sum() > 0
    return new if moves else torch.where(used, math.nan, new)


@mistake("update_filters")
def update_filters_step_of_each(x, z, filters):
    """each filter went a step of its own

    One number a for all filters: |g|^2 is the sum over all of them, as |synthesise(z, g)|^2 is.
    """
    reference.update_filters(x, z, filters)
    direction = _direction(x, z, filters)
    change = synthesise(z, direction).square().sum()
    step = direction.flatten(1).square().sum(dim=1) / change if change > 0 else torch.zeros(len(filters), dtype=x.dtype)
    return _normed(filters + step[:, None, None, None] * direction, z)
