"""A transposed convolution that is faster than PyTorch's own where few channels come out, and PyTorch's own elsewhere.

    from deconvlib.fast import FastConvTranspose2d, conv_transpose2d, replace_transposed

`conv_transpose2d` takes what `torch.nn.functional.conv_transpose2d` takes and gives what it gives, up to rounding, gradients
of every order included. `FastConvTranspose2d` is a `torch.nn.ConvTranspose2d` that calls it, and `replace_transposed(model)`
makes these of a whole model's layers where that pays. Chapter 14 derives the algorithms, counts their multiplications and
measures them; this module needs nothing of the course but PyTorch.

The rule. On a CPU, PyTorch's library computes output channels in blocks of 16 (of 8 without AVX-512). A transposed convolution
to 1 channel is computed as one to 16. The polyphase form computes s_h s_w C_out channels, ceil(K / s_h) x ceil(L / s_w) taps
each, in the same blocks, and interleaves them; `choose` counts both, and takes it where less than `PAYS` of PyTorch's
multiplications are left. Where one channel comes out, a matrix product for all taps needs no block at all. Everything that was
not measured is PyTorch's own: other devices than the CPU, other types than float32, dilation, groups, autocast, small inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["FastConvTranspose2d", "choose", "conv_transpose2d", "replace_transposed"]

#: The polyphase form is taken where it has less than this share of PyTorch's multiplications: about twice that share of the
#: time was measured, since interleaving costs time as well.
PAYS = 0.34
#: Up to so many multiplications (of PyTorch's, by whole blocks) the calls cost more than the numbers.
SMALLEST = 30_000_000
#: Nor did it pay with fewer input channels.
FEWEST_CHANNELS = 16
#: From this stride on PyTorch's own is slow whatever comes out, and one matrix product of large bands is better.
WIDE_STRIDE = 32
#: No more numbers than this are held at once beside the input and the result.
LARGEST_BETWEEN = 2**25
#: Output channels that PyTorch's library on a CPU, oneDNN, computes together, used or not.
BLOCK = 16 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 8
_HAS_LIBRARY = torch.backends.mkldnn.is_available()

Size = int | Sequence[int]


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Compute what `torch.nn.functional.conv_transpose2d` computes, by the algorithm that `choose` names.

    Every argument, dtype, device and memory format that PyTorch takes is taken; what it refuses is refused by it, in its
    words. The result differs by rounding only (about 1e-6 of its largest number). It may be differentiated, twice too,
    compiled by `torch.compile`, and mapped by `torch.func.vmap`.

    Parameters
    ----------
    input : tensor (N, C_in, H, W) or (C_in, H, W)
    weight : tensor (C_in, C_out / groups, K, L)
    bias : tensor (C_out,), optional
    stride, padding, output_padding, dilation : int or pair
    groups : int

    Returns
    -------
    tensor (N, C_out, out_h, out_w) or (C_out, out_h, out_w)
    """
    name = choose(input, weight, bias, stride, padding, output_padding, groups, dilation)
    if name == "pytorch":
        return F.conv_transpose2d(
            input,
            weight,
            bias,
            stride=stride,  # type: ignore[arg-type]
            padding=padding,  # type: ignore[arg-type]
            output_padding=output_padding,  # type: ignore[arg-type]
            groups=groups,
            dilation=dilation,  # type: ignore[arg-type]
        )
    y = input if input.dim() == 4 else input.unsqueeze(0)
    function = _Differentiable.apply if _gradients(input, weight) else _by
    x = function(name, y, weight, _pair(stride), _pair(padding), _pair(output_padding))
    if bias is not None:
        x = x + bias.view(-1, 1, 1)
    return x if input.dim() == 4 else x.squeeze(0)


def choose(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> str:
    """Name the algorithm that `conv_transpose2d` takes: ``"pytorch"``, ``"polyphase"``, ``"planes"`` or ``"bands"``.

    - ``"planes"``: one matrix product for all taps, then K + L additions of shifted planes. Where one channel comes out, the
      strides make fewer than 8 phases.
    - ``"bands"``: one matrix product for all phases, whose rows are copied to their places. From stride `WIDE_STRIDE` on, for at
      most 32 output channels and two taps a phase.
    - ``"polyphase"``: one convolution for all phases, then a pixel shuffle. Where it has less than `PAYS` of PyTorch's
      multiplications, both counted in whole blocks of output channels.
    - ``"pytorch"``: everywhere else, whenever an argument is one that PyTorch refuses, and where `torch.compile` looks for
      gradients.

    The gradients are always PyTorch's own: that of the input is a convolution, which has no thin side.
    """
    if not isinstance(input, Tensor) or not isinstance(weight, Tensor) or not _measured(input, weight, bias):
        return "pytorch"
    strides, paddings, more, dilations = (_two(one) for one in (stride, padding, output_padding, dilation))
    if strides is None or paddings is None or more is None or dilations != (1, 1) or groups != 1:
        return "pytorch"
    shape = tuple(input.shape) if input.dim() == 4 else (1, *input.shape)
    if torch.compiler.is_compiling() and _gradients(input, weight):
        return "pytorch"
    return _rule(shape, tuple(weight.shape), strides, paddings, more)


class FastConvTranspose2d(nn.ConvTranspose2d):
    """A `torch.nn.ConvTranspose2d` that computes by `conv_transpose2d` of this module.

    It is built with the same arguments and has the same parameters under the same names, so that a ``state_dict`` of
    one fits the other.
    """

    @classmethod
    def from_module(cls, module: nn.ConvTranspose2d) -> FastConvTranspose2d:
        """Make one that shares the parameters of `module`, which stays as it is."""
        if not isinstance(module, nn.ConvTranspose2d):
            raise TypeError(f"module must be a torch.nn.ConvTranspose2d, got a {type(module).__name__}")
        made = cls(
            module.in_channels,
            module.out_channels,
            module.kernel_size,  # type: ignore[arg-type]
            module.stride,  # type: ignore[arg-type]
            module.padding,  # type: ignore[arg-type]
            module.output_padding,  # type: ignore[arg-type]
            module.groups,
            module.bias is not None,
            module.dilation,  # type: ignore[arg-type]
            module.padding_mode,
            device="meta",
        )
        made.weight, made.bias = module.weight, module.bias
        return made.train(module.training)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        more = self._output_padding(
            input,
            output_size,
            self.stride,  # type: ignore[arg-type]
            self.padding,  # type: ignore[arg-type]
            self.kernel_size,  # type: ignore[arg-type]
            2,
            self.dilation,  # type: ignore[arg-type]
        )
        return conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,  # type: ignore[arg-type]
            more,
            self.groups,
            self.dilation,
        )


def replace_transposed(model: nn.Module) -> list[str]:
    """Make every `torch.nn.ConvTranspose2d` of a model, itself included, a `FastConvTranspose2d` where that can pay.

    It can where the rule of `choose` leaves PyTorch's own for an input of 16, 64 or 256 pixels a side. The layers stay the same objects, with their
    parameters and hooks: only their class changes. Subclasses are left alone.

    Returns
    -------
    list of str
        The names of those that were changed, as ``model.named_modules()`` gives them.
    """
    changed = []
    for name, module in model.named_modules():
        if type(module) is nn.ConvTranspose2d and _can_pay(module):
            module.__class__ = FastConvTranspose2d
            changed.append(name)
    return changed


def _can_pay(module: nn.ConvTranspose2d) -> bool:
    weight, more = module.weight, tuple(int(n) for n in module.output_padding)
    if module.groups != 1 or tuple(module.dilation) != (1, 1) or not (weight.is_cpu and weight.dtype is torch.float32):
        return False
    stride, padding = _two(module.stride), _two(module.padding)
    if stride is None or padding is None:
        return False
    sizes = [(1, module.in_channels, side, side) for side in (16, 64, 256)]
    return any(_rule(one, tuple(weight.shape), stride, padding, (more[0], more[1])) != "pytorch" for one in sizes)


# ---------------------------------------------------------------------------------------------------------------- the rule

Pair = tuple[int, int]


def _rule(shape: tuple[int, ...], weight_shape: tuple[int, ...], stride: Pair, padding: Pair, more: Pair) -> str:
    (batch, channels, height, width), (c_in, c_out, K, L) = shape, weight_shape
    (s_h, s_w), size = stride, _size((height, width), (K, L), stride, padding, more)
    sound = min(stride) >= 1 and min(*padding, *more) >= 0 and more[0] < s_h and more[1] < s_w and min(size) >= 1
    if not sound or channels != c_in:
        return "pytorch"
    theirs = _blocks(c_out) * K * L
    if batch * height * width * c_in * theirs <= SMALLEST or c_in < FEWEST_CHANNELS:
        return "pytorch"
    k, l = -(-K // s_h), -(-L // s_w)
    if min(stride) >= WIDE_STRIDE:
        small = batch * (height + k - 1) * (width + l - 1) * c_out * s_h * s_w <= LARGEST_BETWEEN
        return "bands" if c_out <= 32 and k <= 2 and l <= 2 and small else "pytorch"
    if c_out == 1 and s_h * s_w < 8 and K * L >= 9:
        return "planes" if batch * height * width * K * L <= LARGEST_BETWEEN else "pytorch"
    return "polyphase" if _blocks(c_out * s_h * s_w) * k * l < PAYS * theirs else "pytorch"


def _blocks(channels: int) -> int:
    """`channels`, rounded up to whole blocks."""
    return -(-channels // BLOCK) * BLOCK


def _measured(input: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether the tensors are of the kind for which the rule was measured, and fit each other."""
    return (
        input.dim() in (3, 4)
        and weight.dim() == 4
        and input.is_cpu
        and weight.is_cpu
        and input.dtype is torch.float32
        and weight.dtype is torch.float32
        and (bias is None or (bias.is_cpu and bias.dtype is torch.float32 and bias.shape == weight.shape[1:2]))
        and _HAS_LIBRARY
        and not torch.is_autocast_enabled("cpu")
        and input.layout is torch.strided
        and weight.layout is torch.strided
    )


def _gradients(*tensors: Tensor) -> bool:
    """Whether the result will be differentiated."""
    return torch.is_grad_enabled() and any(one.requires_grad for one in tensors)


def _two(value: Any) -> Pair | None:
    """What PyTorch takes as a size for two axes: an int, one, or two of them; None for anything else."""
    values = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    values = values * 2 if len(values) == 1 else values
    whole = len(values) == 2 and all(isinstance(one, int) and not isinstance(one, bool) for one in values)
    return (values[0], values[1]) if whole else None


def _pair(value: Any) -> Pair:
    found = _two(value)
    assert found is not None  # as `choose` has seen
    return found


def _size(image: Pair, kernel: Pair, stride: Pair, padding: Pair, more: Pair) -> Pair:
    rows, columns = ((image[a] - 1) * stride[a] + kernel[a] - 2 * padding[a] + more[a] for a in (0, 1))
    return rows, columns


# ---------------------------------------------------------------------------------------------------------- the algorithms


def _by(name: str, y: Tensor, weight: Tensor, stride: Pair, padding: Pair, more: Pair) -> Tensor:
    """The result by the algorithm of that name, in the memory format that PyTorch would give it."""
    size = _size((y.shape[2], y.shape[3]), (weight.shape[2], weight.shape[3]), stride, padding, more)
    channels_last = _is_channels_last(y) or _is_channels_last(weight)
    x, start = {"polyphase": _polyphase, "planes": _planes, "bands": _bands}[name](y, weight, stride, padding, size)
    # What was computed begins `start` pixels before the result, and may end before it.
    below, right = (max(0, start[a] + size[a] - x.shape[2 + a]) for a in (0, 1))
    if below or right:
        x = F.pad(x, (0, right, 0, below))
    x = x[:, :, start[0] : start[0] + size[0], start[1] : start[1] + size[1]]
    return _channels_last(x) if channels_last else x.contiguous()


class _Differentiable(torch.autograd.Function):
    """`_by`, with PyTorch's own gradients: they need no other algorithm, and autograd follows them to any order."""

    generate_vmap_rule = True

    @staticmethod
    def forward(name: str, y: Tensor, weight: Tensor, stride: Pair, padding: Pair, more: Pair) -> Tensor:  # type: ignore[override]
        return _by(name, y, weight, stride, padding, more)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, y, weight, *ctx.settings = inputs
        ctx.save_for_backward(y, weight)
        ctx.save_for_forward(y, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # type: ignore[override]
        (y, weight), (stride, padding, more) = ctx.saved_tensors, ctx.settings
        wanted = [ctx.needs_input_grad[1], ctx.needs_input_grad[2], False]
        found = torch.ops.aten.convolution_backward(
            grad, y, weight, None, stride, padding, (1, 1), True, more, 1, wanted
        )
        return None, found[0], found[1], None, None, None

    @staticmethod
    def jvp(ctx: Any, _: Any, y_tangent: Tensor | None, weight_tangent: Tensor | None, *__: Any) -> Any:
        (y, weight), settings = ctx.saved_tensors, ctx.settings
        parts = [(y_tangent, weight), (y, weight_tangent)]
        return sum(F.conv_transpose2d(a, b, None, *settings) for a, b in parts if a is not None and b is not None)


def _is_channels_last(tensor: Tensor) -> bool:
    return not tensor.is_contiguous() and tensor.permute(0, 2, 3, 1).is_contiguous()


def _channels_last(tensor: Tensor) -> Tensor:
    # Not by memory_format, which torch.func.vmap does not take.
    return tensor.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def _taps(weight: Tensor, stride: Pair) -> Tensor:
    """The kernel, split into phases and each of these turned: (C_in, C_out, k, s_h, l, s_w)."""
    (c_in, c_out, K, L), (s_h, s_w) = weight.shape, stride
    k, l = -(-K // s_h), -(-L // s_w)
    filled = F.pad(weight, (0, l * s_w - L, 0, k * s_h - K))
    return filled.reshape(c_in, c_out, k, s_h, l, s_w).flip((2, 4))


def _polyphase(y: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> tuple[Tensor, Pair]:
    """One convolution to all phases of all channels, interleaved."""
    (s_h, s_w), c_out = stride, weight.shape[1]
    taps = _taps(weight, stride)
    k, l = taps.shape[2], taps.shape[4]
    kernels = taps.permute(1, 3, 5, 0, 2, 4).reshape(c_out * s_h * s_w, -1, k, l)
    # Whole rows of phases that would be cropped at both ends are not computed.
    spare = [
        max(
            0,
            min(
                padding[a] // stride[a],
                ((y.shape[2 + a] + n - 1) * stride[a] - padding[a] - size[a]) // stride[a],
                n - 1,
            ),
        )
        for a, n in enumerate((k, l))
    ]
    # Channels last is this library's faster layout for few output channels, the copy included.
    phases = F.conv2d(_channels_last(y), kernels, padding=(k - 1 - spare[0], l - 1 - spare[1]))
    start = padding[0] - spare[0] * s_h, padding[1] - spare[1] * s_w
    if s_h == s_w:
        return F.pixel_shuffle(phases, s_h), start
    batch, _, rows, columns = phases.shape
    phases = phases.reshape(batch, c_out, s_h, s_w, rows, columns).permute(0, 1, 4, 2, 5, 3)
    return phases.reshape(batch, c_out, rows * s_h, columns * s_w), start


def _planes(y: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> tuple[Tensor, Pair]:
    """One matrix product gives a plane for each tap; K shifted additions of rows and L of columns put them together.

    The rows of one phase are neighbors on its canvas, so that an addition runs through memory without a gap.
    """
    (batch, c_in, height, width), (_, c_out, K, L), (s_h, s_w) = y.shape, weight.shape, stride
    rows, columns = height - 1 + -(-K // s_h), width - 1 + -(-L // s_w)
    planes = weight.permute(2, 3, 1, 0).reshape(K * L * c_out, c_in) @ y.flatten(2)
    planes = planes.reshape(batch, K, L, c_out, height, width)
    tall = planes.new_zeros(batch, s_h, L, c_out, rows, width)
    for tap in range(K):
        m, a = divmod(tap, s_h)
        tall[:, a, :, :, m : m + height].add_(planes[:, tap])
    whole = planes.new_zeros(batch, s_w, s_h, c_out, rows, columns)
    for tap in range(L):
        n, b = divmod(tap, s_w)
        whole[:, b, :, :, :, n : n + width].add_(tall[:, :, tap])
    return whole.permute(0, 3, 4, 2, 5, 1).reshape(batch, c_out, rows * s_h, columns * s_w), padding


def _bands(y: Tensor, weight: Tensor, stride: Pair, padding: Pair, size: Pair) -> tuple[Tensor, Pair]:
    """Windows times taps, for each output channel and row of a phase: bands of s_w neighbors, copied to their rows."""
    (s_h, s_w), c_out = stride, weight.shape[1]
    taps = _taps(weight, stride)
    k, l = taps.shape[2], taps.shape[4]
    rows, columns = y.shape[2] + k - 1, y.shape[3] + l - 1
    windows = F.unfold(y, (k, l), padding=(k - 1, l - 1)).transpose(1, 2).unsqueeze(1)  # (N, 1, places, C_in k l)
    kernels = taps.permute(1, 3, 0, 2, 4, 5).reshape(c_out * s_h, -1, s_w)
    bands = (windows @ kernels).reshape(-1, c_out, s_h, rows, columns, s_w)
    return bands.transpose(2, 3).reshape(-1, c_out, rows * s_h, columns * s_w), padding
