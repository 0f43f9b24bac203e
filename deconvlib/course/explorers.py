"""Explorers: figures that the reader can move, in a notebook through anywidget and on the site without a kernel.

Each explorer is one file of `explorers/`. What it can be set to is the list `controls` at its top.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from deconvlib.course.figures import METADATA, checked_words, show_caption
from deconvlib.course.surroundings import stored

FOLDER = Path(__file__).with_name("explorers")
STYLE = FOLDER / "explorers.css"
NAMES = (
    "convolution",
    "convolution_matrix",
    "transposed_convolution",
    "inversion",
    "unpooling",
    "upsampling",
    "mirror_network",
    "deconvnet",
    "sanity_checks",
    "sparse_coding",
    "restoration",
    "segmentation",
    "generation",
    "fast_algorithms",
    "gpu",
    "capacity",
)

_SUBJECTS = {
    "convolution": "convolution arithmetic",
    "convolution_matrix": "convolution as a matrix",
    "transposed_convolution": "transposed convolution by stamping",
    "inversion": "undoing a blur",
    "unpooling": "unpooling, and pooling again",
    "upsampling": "how stamps overlap",
    "mirror_network": "sizes down an encoder and up its mirror",
    "deconvnet": "what a unit of VGG-16 responds to",
    "sanity_checks": "pictures of a network whose layers are made random",
    "sparse_coding": "a signal written with few spikes",
    "restoration": "a photograph spoiled and repaired, to wipe across",
    "segmentation": "a scene named by four networks",
    "generation": "the latent plane of a decoder of garments",
    "fast_algorithms": "a layer's algorithms under the roofline of a machine",
    "gpu": "what each program of a kernel's launch reads and writes",
    "capacity": "the numbers in a transposed convolution, built in four ways",
}
_CONTROLS = re.compile(r"^export const controls = (\[.*?^\]);$", re.DOTALL | re.MULTILINE)
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./common\.mjs";$', re.MULTILINE)
_SHEET = re.compile(r'^import \{ images, sheet \} from "\./(\w+)\.sheet";$', re.MULTILINE)
_CHECKSUMS = "sheets.sha256"
_LARGEST = 99
_RUN = (
    "To move its figure, run this cell in a notebook, and run it again when the notebook was opened anew: it then starts "
    "where the cell says. On the course's site it moves where scripts run."
)
_INSTALL = "Its figure needs anywidget, which is not installed here: %pip install anywidget, then restart the kernel."


@functools.cache
def controls(name: str) -> tuple[dict[str, Any], ...]:
    """The controls of an explorer, as its module lists them."""
    found = _CONTROLS.search((FOLDER / f"{name}.mjs").read_text(encoding="utf-8"))
    assert found, f"{name}.mjs has no list of controls"
    return tuple(json.loads(found[1]))


@functools.cache
def module(name: str) -> str:
    """The explorer as one ES module, which is what anywidget loads: the shared part stands where it was imported."""
    shared = re.sub(r"^export ", "", (FOLDER / "common.mjs").read_text(encoding="utf-8"), flags=re.MULTILINE)
    own = (FOLDER / f"{name}.mjs").read_text(encoding="utf-8")
    text, replaced = _IMPORT.subn(lambda _: shared, own)
    assert replaced == 1, f"{name}.mjs imports common.mjs {replaced} times"
    return _SHEET.sub(lambda found: _sheet(found[1]), text)


def _shipped(file: str) -> bytes:
    """The contents of a file that `make sheets` made, its checksum verified."""
    path = FOLDER / file
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; reinstall deconvlib, or run `make sheets` in a checkout")
    contents = path.read_bytes()
    lines = (FOLDER / _CHECKSUMS).read_text(encoding="utf-8").splitlines()
    expected = {known: digest for digest, known in (line.split() for line in lines)}.get(file)
    digest = hashlib.sha256(contents).hexdigest()
    if digest != expected:
        raise ValueError(
            f"{path} is damaged: sha256 {digest}, expected {expected}; reinstall deconvlib, or run `make sheets` in a checkout"
        )
    return contents


@functools.cache
def sheet(name: str) -> dict[str, Any]:
    """What stands on the pre-computed sheet of an explorer: its numbers, and the places of its pictures."""
    return dict(json.loads(_shipped(f"{name}.json")))


def _sheet(name: str) -> str:
    """A sheet as JavaScript. Its images are data URLs, so that a page opened from disk, or a notebook, has them at once."""
    content = sheet(name)
    images = [
        f"data:image/webp;base64,{base64.b64encode(_shipped(file)).decode('ascii')}" for file in content["images"]
    ]
    return "\n".join(
        f"const {key} = {json.dumps(value, separators=(',', ':'))};"
        for key, value in (("sheet", content), ("images", images))
    )


def script(name: str) -> str:
    """The explorer as a classic script for the site: it puts its widget into ``deconvExplorers``, for book/mount.js.

    A page opened from disk may load scripts but no modules.
    """
    text = re.sub(r"^export default ", "const widget = ", module(name), flags=re.MULTILINE)
    text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
    return f'(() => {{\n"use strict";\n{text}\n(globalThis.deconvExplorers ??= {{}}).{name} = widget;\n}})();\n'


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _grid(name: str, value: Any) -> list[list[int]]:
    rows = value.tolist() if hasattr(value, "tolist") else value
    if (
        not isinstance(rows, (list, tuple))
        or not all(isinstance(row, (list, tuple)) for row in rows)
        or len({len(row) for row in rows}) != 1
    ):
        raise ValueError(f"{name}: values={value!r}, expected rows of whole numbers, all of one length")
    for row in rows:
        for entry in row:
            if not _whole(entry) or abs(entry) > _LARGEST:
                raise ValueError(
                    f"{name}: values holds {entry!r}, expected whole numbers from -{_LARGEST} to {_LARGEST}"
                )
    return [list(row) for row in rows]


def _checked(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The whole state of an explorer: what was given, checked, and the defaults for the rest."""
    listed = {control["name"]: control for control in controls(name)}
    if "kernel" in given and "kernel_height" in listed:
        kernel = given.pop("kernel")
        pair = (kernel, kernel) if _whole(kernel) else kernel
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{name}: kernel={kernel!r}, expected a whole number or a pair of them")
        given = {"kernel_height": pair[0], "kernel_width": pair[1], **given}
    state = {key: control["value"] for key, control in listed.items()}
    if name == "unpooling":
        values = given.pop("values", None)
        state["values"] = [] if values is None else _grid(name, values)
        if state["values"]:
            size = {"height": len(state["values"]), "width": len(state["values"][0])}
            for key, expected in size.items():
                if given.setdefault(key, expected) != expected:
                    raise ValueError(f"{name}: {key}={given[key]!r}, but values has {key} {expected}")
    for key, value in given.items():
        if key not in listed:
            others = [*state, "kernel"] if "kernel_height" in listed else state
            raise ValueError(f"{name}: no state named {key!r}; there are {', '.join(others)}")
        control = listed[key]
        if "options" in control:
            allowed = [option["value"] for option in control["options"]]
            if value not in allowed:
                raise ValueError(f"{name}: {key}={value!r}, expected one of {', '.join(allowed)}")
        elif not _whole(value) or not control["min"] <= value <= control["max"]:
            raise ValueError(
                f"{name}: {key}={value!r}, expected a whole number from {control['min']} to {control['max']}"
            )
        state[key] = value
    return state


def _in_kernel() -> bool:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


@functools.cache
def _widget_class(name: str) -> Any:
    import anywidget
    import traitlets

    members: dict[str, Any] = {"_esm": module(name), "_css": STYLE.read_text(encoding="utf-8")}
    for control in controls(name):
        kind = traitlets.Unicode if "options" in control else traitlets.Int
        members[control["name"]] = kind(control["value"]).tag(sync=True)
    if name == "unpooling":
        members["values"] = traitlets.List([]).tag(sync=True)
    return type(f"{name.title().replace('_', '')}Explorer", (anywidget.AnyWidget,), members)


class Explorer:
    """An explorer and what it is set to. A notebook shows it; elsewhere it is one sentence."""

    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name = name
        self.state = state

    def __repr__(self) -> str:
        def shown(value: Any) -> str:
            return f"a {len(value)} × {len(value[0])} grid" if isinstance(value, list) else f"{value}"

        listed = ", ".join(f"{key} {shown(value)}" for key, value in self.state.items() if value != [])
        listed = re.sub("(?<=[a-z])_(?=[a-z])", " ", listed)  # of words, not of names like conv4_3
        return f"Explorer of {_SUBJECTS[self.name]}: {listed}"

    def _repr_html_(self, advice: str = _RUN) -> str:
        state = html.escape(json.dumps(self.state, separators=(",", ":")))
        return (
            f'<div class="deconv-explorer" data-explorer="{self.name}" data-state="{state}">'
            f"<p>{html.escape(repr(self))}. {html.escape(advice)}</p></div>"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), "text/html": self._repr_html_()}
        # The chapters are stored without widgets, so that they hold nothing that changes.
        if _in_kernel() and not stored():
            try:
                widget = _widget_class(self.name)(**self.state)
            except ImportError:
                return bundle | {"text/html": self._repr_html_(_INSTALL)}
            view = widget._repr_mimebundle_()
            data = view[0] if isinstance(view, tuple) else view
            key = "application/vnd.jupyter.widget-view+json"
            bundle[key] = (data or {})[key]
        return bundle


class NumberedExplorer(Explorer):
    """An explorer that is a figure with a number and a caption. It says itself what it shows."""

    def __init__(self, name: str, state: dict[str, Any], words: dict[str, str]) -> None:
        super().__init__(name, state)
        self.words = words

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._repr_mimebundle_(), metadata={METADATA: self.words}, raw=True)
        show_caption(self.words)


def explore(name: str, *, number: str | None = None, caption: str | None = None, **state: Any) -> Explorer:
    """An explorer, one of `NAMES` (deconvlib/course/explorers.py).

    Parameters
    ----------
    name : str
        Which explorer.
    number, caption : str, optional
        As for `show_figure`; what is to be seen, the explorer says itself.
    **state
        Where it starts: the controls of its module, for example `height=5, kernel=3, stride=2`. `kernel` takes a
        whole number or a pair. "unpooling" also takes `values`, the rows of its grid.

    Raises
    ------
    ValueError
        For a name, a state or a value that the explorer does not have.

    Examples
    --------
    >>> explore("convolution", kernel=(2, 3), stride=1).state["kernel_width"]
    3
    """
    if name not in NAMES:
        raise ValueError(f"name={name!r}, expected one of {', '.join(NAMES)}")
    explorer = Explorer(name, _checked(name, dict(state)))
    words = checked_words(number, caption, None if number is caption is None else repr(explorer))
    return explorer if words is None else NumberedExplorer(name, explorer.state, words)
