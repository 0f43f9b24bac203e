"""torch modules on their way to a worker: a tree of known layers, their numbers and plain settings.

Only toward a worker: a test passes a model as an argument, and the worker builds it anew. Layers of `LAYERS` are made by
torch itself. Any other module becomes a container of its layers whose own methods (`encode`, `forward`) ask the grader.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, MutableMapping
from typing import Any

from deconv_grader.values import torch_scipy

#: The layers that are known, with the arguments that make them.
LAYERS: dict[str, tuple[str, ...]] = {
    "Conv2d": (
        *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"),
        "padding_mode",
    ),
    "ConvTranspose2d": (
        *("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups"),
        "dilation",
    ),
    "Linear": ("in_features", "out_features"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    "AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "AdaptiveAvgPool2d": ("output_size",),
    "Upsample": ("size", "scale_factor", "mode", "align_corners"),
    "PixelShuffle": ("upscale_factor",),
    "Flatten": ("start_dim", "end_dim"),
    "ReLU": ("inplace",),
    "LeakyReLU": ("negative_slope", "inplace"),
    "Sigmoid": (),
    "Tanh": (),
    "Softmax": ("dim",),
    "Dropout": ("p", "inplace"),
    "Identity": (),
    "Sequential": (),
    "ModuleList": (),
}
#: In a worker: what each module that was built here stands for, over there.
lent: MutableMapping[Any, Any] = weakref.WeakKeyDictionary()

_CONTAINERS = ("Sequential", "ModuleList")
_PLAIN = (int, float, str, bool)
_METHODS = (types.FunctionType, staticmethod, classmethod)


def is_module(value: Any) -> bool:
    """Whether a value is a torch module."""
    torch = torch_scipy.library("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def describe(module: Any, passed: Callable[[Any, str], Any], seen: list[Any] | None = None) -> dict[str, Any]:
    """A module as a tree of plain values and tensors. `passed` makes an argument of a method that stays here.

    `seen` are the parameters on the way so far: one that two layers share is shared again when it is built.
    """
    torch = torch_scipy.library("torch")
    assert torch is not None
    seen = [] if seen is None else seen
    numbers = {}
    for key, value in module.named_parameters(recurse=False):
        numbers[key] = next((n for n, other in enumerate(seen) if other is value), len(seen))
        seen += [value] if numbers[key] == len(seen) else []
    name = type(module).__name__
    known = name in LAYERS and type(module) is getattr(torch.nn, name)
    settings = {key: _plain(getattr(module, key)) for key in LAYERS[name]} if known else _own_settings(module)
    if known and hasattr(module, "bias") and name != "BatchNorm2d":
        settings["bias"] = module.bias is not None
    return {
        "type": name,
        "known": known,
        "settings": settings,
        "training": module.training,
        "state": {key: value.detach() for key, value in _own_state(module)},
        "buffers": [key for key, _ in module.named_buffers(recurse=False)],
        "frozen": [key for key, value in module.named_parameters(recurse=False) if not value.requires_grad],
        "numbers": numbers,
        # Not named_children(), which names a layer that stands in two places once.
        "children": [
            [key, describe(child, passed, seen)] for key, child in module._modules.items() if child is not None
        ],
        "methods": {} if known else {key: passed(getattr(module, key), key) for key in methods_of(module)},
    }


def build(tree: dict[str, Any], made: dict[int, Any] | None = None) -> Any:
    """The module that `describe` described. `made` are the parameters that stand already, by their numbers."""
    torch = torch_scipy.library("torch")
    assert torch is not None
    made = {} if made is None else made
    if tree["known"]:
        module = getattr(torch.nn, tree["type"])(**(tree["settings"] if tree["type"] not in _CONTAINERS else {}))
    else:
        module = type(tree["type"], (torch.nn.Module,), {})()
        for key, value in tree["settings"].items():
            setattr(module, key, value)
    for key, child in tree["children"]:
        module.add_module(key, build(child, made))
    own = dict(_own_state(module))
    for key, value in tree["state"].items():
        if key in own:
            own[key].data = value.clone()  # its dtype too
        elif key in tree["buffers"]:
            module.register_buffer(key, value.clone())
        else:
            module.register_parameter(key, torch.nn.Parameter(value.clone()))
    for key in tree["frozen"]:
        getattr(module, key).requires_grad_(False)
    for key, number in tree["numbers"].items():
        if number in made:
            setattr(module, key, made[number])
        made[number] = getattr(module, key)
    for key, method in tree["methods"].items():
        setattr(module, key, method)
    module.training = tree["training"]
    return module


def methods_of(module: Any) -> list[str]:
    """`forward`, and the public methods that a module's own class defines; none of torch's, some of which change it."""
    torch = torch_scipy.library("torch")
    assert torch is not None
    own = [vars(base) for base in type(module).__mro__ if base.__module__.partition(".")[0] != "torch"]
    found = {key for names in own for key, value in names.items() if isinstance(value, _METHODS) and key[0] != "_"}
    return sorted({"forward", *found - set(dir(torch.nn.Module))})


def state_of(module: Any) -> tuple[Any, ...]:
    """What a call must leave as it was, besides the numbers: layers, settings, modes, what is frozen, gradients, hooks."""
    return tuple(
        (
            name,
            type(part).__name__,
            {key for key in vars(part) if not key.startswith("_")},
            _own_settings(part),
            part.training,
            tuple(
                (key, value.requires_grad, value.grad is None, not value._backward_hooks)
                for key, value in part.named_parameters(recurse=False)
            ),
            tuple(len(getattr(part, hooks)) for hooks in _HOOKS if hasattr(part, hooks)),
            tuple(part._modules),
        )
        for name, part in module.named_modules()
    )


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _own_state(module: Any) -> list[tuple[str, Any]]:
    return [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]


def _own_settings(module: Any) -> dict[str, Any]:
    found = {key: value for key, value in vars(module).items() if not key.startswith("_") and key != "training"}
    return {key: _plain(value) for key, value in found.items() if is_plain(value)}


def is_plain(value: Any) -> bool:
    """Whether a value is None, a number, a text or a truth value, or a list or tuple of such."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, _PLAIN)


def _plain(value: Any) -> Any:
    if not is_plain(value):
        raise TypeError(f"a layer's setting {value!r} cannot be sent")
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else value
