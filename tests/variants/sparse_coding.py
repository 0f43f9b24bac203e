"""Right answers to chapter 10, written in other ways than the solutions."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from deconv_grader.checks.known_answers import variant


def _four_axes(*tensors):
    for part in tensors:
        if not isinstance(part, torch.Tensor):
            raise TypeError("a tensor was expected")
        if part.ndim != 4:
            raise ValueError("four axes were expected")


def _of_filters(z, filters):
    _four_axes(z, filters)
    if z.shape[1] != filters.shape[0]:
        raise ValueError("a channel for each filter was expected")


def _in_image(x, filters):
    _four_axes(x, filters)
    if x.shape[1] != filters.shape[1]:
        raise ValueError("other channels than the filters")
    if x.shape[2] < filters.shape[2] or x.shape[3] < filters.shape[3]:
        raise ValueError("the filters do not fit")


@variant("synthesise")
def synthesise_stamps(z, filters):
    _of_filters(z, filters)
    (N, _, h, w), (_, C, K, L) = z.shape, filters.shape
    x = torch.zeros(N, C, h + K - 1, w + L - 1, dtype=z.dtype)
    for i in range(h):
        for j in range(w):
            x[:, :, i : i + K, j : j + L] += torch.einsum("nf,fckl->nckl", z[:, :, i, j], filters)
    return x


@variant("synthesise")
def synthesise_padded_convolution(z, filters):
    _of_filters(z, filters)
    K, L = filters.shape[2:]
    return functional.conv2d(z, filters.flip(2, 3).transpose(0, 1), padding=(K - 1, L - 1)).detach()


@variant("synthesise")
def synthesise_fft(z, filters):
    _of_filters(z, filters)
    size = z.shape[2] + filters.shape[2] - 1, z.shape[3] + filters.shape[3] - 1
    product = torch.einsum("nfuv,fcuv->ncuv", torch.fft.rfft2(z, s=size), torch.fft.rfft2(filters, s=size))
    return torch.fft.irfft2(product, s=size)


@variant("synthesise")
def synthesise_fold(z, filters):
    _of_filters(z, filters)
    (_, _, h, w), (F, _, K, L) = z.shape, filters.shape
    columns = filters.reshape(F, -1).T @ z.flatten(2)
    return functional.fold(columns, (h + K - 1, w + L - 1), (K, L))


@variant("analyse")
def analyse_windows(x, filters):
    _in_image(x, filters)
    windows = x.unfold(2, filters.shape[2], 1).unfold(3, filters.shape[3], 1)
    return torch.einsum("nchwkl,fckl->nfhw", windows, filters)


@variant("analyse")
def analyse_gradient(x, filters):
    # The gradient of <x, synthesise(z)> by z.
    _in_image(x, filters)
    z = torch.zeros(len(x), len(filters), *(n - k + 1 for n, k in zip(x.shape[2:], filters.shape[2:], strict=True)))
    z = z.to(x.dtype).requires_grad_()
    with torch.enable_grad():
        product = (functional.conv_transpose2d(z, filters) * x).sum()
    return torch.autograd.grad(product, z)[0]


@variant("analyse")
def analyse_loops(x, filters):
    _in_image(x, filters)
    (N, _, H, W), (F, _, K, L) = x.shape, filters.shape
    z = torch.empty(N, F, H - K + 1, W - L + 1, dtype=x.dtype)
    for i in range(H - K + 1):
        for j in range(W - L + 1):
            z[:, :, i, j] = x[:, :, i : i + K, j : j + L].flatten(1) @ filters.flatten(1).T
    return z


def _threshold(z, t):
    if not z.is_floating_point():
        raise TypeError("a floating tensor was expected")
    t = torch.as_tensor(t).to(z.dtype)
    if not bool((t >= 0).all()):
        raise ValueError("the threshold must be at least 0")
    return t


@variant("soft_threshold")
def soft_threshold_two_relus(z, t):
    t = _threshold(z, t)
    return functional.relu(z - t) - functional.relu(-z - t)


@variant("soft_threshold")
def soft_threshold_signs(z, t):
    t = _threshold(z, t)
    return torch.sign(z) * torch.clamp(torch.abs(z) - t, min=0)


@variant("soft_threshold")
def soft_threshold_where(z, t):
    t = _threshold(z, t)
    return torch.where(z > t, z - t, torch.where(z < -t, z + t, torch.zeros_like(z)))


@variant("lipschitz")
def lipschitz_unscaled(filters, shape, iterations, rng):
    # Norms kept beside the vector; the quotient is formed at the end.
    if iterations < 0 or shape[1] != len(filters):
        raise ValueError("iterations or shape")
    v = torch.randn(*shape, generator=rng, dtype=filters.dtype)
    for step in range(iterations + 1):
        v = v / torch.sqrt((v * v).sum())
        x = functional.conv_transpose2d(v, filters)
        if step == iterations:
            return (x * x).sum().item()
        v = functional.conv2d(x, filters)
        if not v.any():
            return 0.0


@variant("lipschitz")
def lipschitz_inner_product(filters, shape, iterations, rng):
    if iterations < 0 or shape[1] != filters.shape[0]:
        raise ValueError("iterations or shape")

    def normal(v):
        return functional.conv2d(functional.conv_transpose2d(v, filters), filters)

    v = torch.randn(shape, generator=rng, dtype=filters.dtype)
    v /= torch.linalg.vector_norm(v)
    for _ in range(iterations):
        w = normal(v)
        if torch.linalg.vector_norm(w) == 0:
            return 0.0
        v = w / torch.linalg.vector_norm(w)
    return float(torch.dot(v.flatten(), normal(v).flatten()))


def _sides(filters, size):
    size = (size, size) if isinstance(size, int) else tuple(size)
    if size[0] < filters.shape[2] or size[1] < filters.shape[3]:
        raise ValueError("the filters do not fit")
    return size


@variant("lipschitz_bound")
def lipschitz_bound_gram(filters, size):
    # The half of the frequencies that real filters have of their own; eigenvalues of the smaller Gram matrix.
    D = torch.fft.rfft2(filters, s=_sides(filters, size)).permute(2, 3, 0, 1)
    gram = D @ D.mH if D.shape[2] < D.shape[3] else D.mH @ D
    return float(torch.linalg.eigvalsh(gram).max())


@variant("lipschitz_bound")
def lipschitz_bound_numpy(filters, size):
    H, W = _sides(filters, size)
    padded = np.zeros((*filters.shape[:2], H, W))
    padded[:, :, : filters.shape[2], : filters.shape[3]] = filters.numpy()
    D = np.fft.fft2(padded)
    return float(max(np.linalg.norm(D[:, :, u, v], 2) ** 2 for u in range(H) for v in range(W)))


def _problem(x, filters, weight, iterations, start):
    if weight < 0 or iterations < 0:
        raise ValueError("weight and iterations must be at least 0")
    z = torch.zeros_like(functional.conv2d(x, filters)) if start is None else start.clone()
    if z.shape != functional.conv2d(x, filters).shape:
        raise ValueError("start")

    def objective(z):
        error = x - functional.conv_transpose2d(z, filters)
        return (0.5 * error.pow(2).sum() + weight * z.abs().sum()).item()

    def step(z):
        L = lipschitz_bound_gram(filters, tuple(x.shape[2:]))
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            error = (x - functional.conv_transpose2d(z, filters)).pow(2).sum() / 2
        z = z.detach() - torch.autograd.grad(error, z)[0] / L
        return soft_threshold_two_relus(z, weight / L)

    return z, objective, step


@variant("ista")
def ista_autograd(x, filters, weight, iterations, start=None):
    z, objective, step = _problem(x, filters, weight, iterations, start)
    path = [z]
    for _ in range(iterations):
        path.append(step(path[-1]))
    return path[-1], [objective(z) for z in path]


@variant("ista")
def ista_gram(x, filters, weight, iterations, start=None):
    # The image is looked at once; after that only codes are.
    z, objective, _ = _problem(x, filters, weight, iterations, start)
    L = lipschitz_bound_gram(filters, tuple(x.shape[2:]))
    seen = functional.conv2d(x, filters) / L
    history = [objective(z)]
    for _ in range(iterations):
        z = z + seen - functional.conv2d(functional.conv_transpose2d(z, filters), filters) / L
        z = z - z.clamp(-weight / L, weight / L)
        history += [objective(z)]
    return z, history


@variant("fista")
def fista_autograd(x, filters, weight, iterations, start=None):
    z, objective, step = _problem(x, filters, weight, iterations, start)
    path, t, ahead = [z], [1.0], z
    for k in range(iterations):
        path.append(step(ahead))
        t.append(0.5 + (0.25 + t[k] ** 2) ** 0.5)
        ahead = path[-1] + (t[k] - 1) / t[k + 1] * (path[-1] - path[-2])
    return path[-1], [objective(z) for z in path]


@variant("fista")
def fista_momentum_first(x, filters, weight, iterations, start=None):
    # The momentum is added at the beginning of a step, from a velocity that starts at 0.
    z, objective, step = _problem(x, filters, weight, iterations, start)
    velocity, t_before, t = torch.zeros_like(z), 1.0, 1.0
    history = [objective(z)]
    for _ in range(iterations):
        z_new = step(z + (t_before - 1) / t * velocity)
        velocity, z = z_new - z, z_new
        t_before, t = t, (1 + np.sqrt(1 + 4 * t**2)) / 2
        history.append(objective(z))
    return z, history


def _fits(x, z, filters):
    if functional.conv_transpose2d(z, filters).shape != x.shape:
        raise ValueError("x")


@variant("update_filters")
def update_filters_autograd(x, z, filters):
    _fits(x, z, filters)
    d = filters.detach().requires_grad_()
    with torch.enable_grad():
        error = (x - functional.conv_transpose2d(z, d)).pow(2).sum() / 2
    down = -torch.autograd.grad(error, d)[0]
    rate = functional.conv_transpose2d(z, down).pow(2).sum()
    new = filters + (down.pow(2).sum() / rate) * down if rate > 0 else filters.clone()
    for f in range(len(new)):
        if z[:, f].any() and new[f].any():
            new[f] = new[f] / new[f].norm()
        else:
            new[f] = filters[f]
    return new


@variant("update_filters")
def update_filters_windows(x, z, filters):
    # The best step from the parabola's own terms: <r, s> / <s, s>.
    _fits(x, z, filters)
    r = x - functional.conv_transpose2d(z, filters)
    windows = r.unfold(2, z.shape[2], 1).unfold(3, z.shape[3], 1)
    g = torch.einsum("ncklij,nfij->fckl", windows, z)
    s = functional.conv_transpose2d(z, g)
    if s.any():
        filters = filters + (r * s).sum() / (s * s).sum() * g
    length = filters.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
    used = z.abs().amax(dim=(0, 2, 3))[:, None, None, None] > 0
    return torch.where(used & (length > 0), filters / length, filters)
