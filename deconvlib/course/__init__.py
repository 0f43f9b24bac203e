"""What the chapters share and nobody completes: set-up, data, pictures, explorers, the article's claims."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "set_up": "notebook",
    "load_ipython_extension": "notebook",
    "photograph": "data",
    "photograph_names": "data",
    "photograph_crops": "data",
    "photograph_crop_credits": "data",
    "nuclei": "data",
    "fashion_mnist": "data",
    "fashion_mnist_names": "data",
    "composed_scenes": "scenes",
    "scene_classes": "scenes",
    "road_scenes": "scenes",
    "vgg16": "networks",
    "vgg16_input": "networks",
    "show_figure": "figures",
    "show_images": "pictures",
    "show_grids": "pictures",
    "explore": "explorers",
    "verdict": "article",
    "verdict_table": "article",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `import deconvlib` must not cost matplotlib or IPython.
    if name not in _HOMES:
        raise AttributeError(f"deconvlib.course has no {name!r}; it has {', '.join(sorted(_HOMES))}")
    return getattr(import_module(f"deconvlib.course.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
