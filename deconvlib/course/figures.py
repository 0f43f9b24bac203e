"""Figures with a number, a caption and a description for those who do not see them: the words stand in the cell.

In a notebook the caption is shown below the picture. Both outputs carry the words as metadata, from which the site
makes one numbered figure (book/course_site/figures.py).
"""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The key of the words among an output's metadata.
METADATA = "deconv_figure"
_NUMBER = re.compile(r"[1-9]\d*\.[1-9]\d*|0\.[1-9]\d*")


def checked_words(number: str | None, caption: str | None, alt: str | None) -> dict[str, str] | None:
    """The words of a figure, or None if there are none.

    Raises
    ------
    TypeError
        If one of them is no text.
    ValueError
        If only some are given, the number is not like "11.3", or the description is empty or the caption again.
    """
    given = {"number": number, "caption": caption, "alt": alt}
    if all(value is None for value in given.values()):
        return None
    words = {}
    for name, value in given.items():
        if value is None:
            raise ValueError(f"a numbered figure needs number, caption and alt; {name} is missing")
        if not isinstance(value, str):
            raise TypeError(f'{name} must be text, such as number="11.3", got {value!r}')
        words[name] = " ".join(value.split())
        if not words[name]:
            raise ValueError(f"{name} must not be empty")
    if not _NUMBER.fullmatch(words["number"]):
        raise ValueError(f'number must be chapter.figure, such as "11.3", got {number!r}')
    if words["alt"] == words["caption"]:
        raise ValueError("alt must say what is to be seen, for those who do not see it; it is the caption again")
    return words


def label(words: dict[str, str]) -> str:
    return f"Figure {words['number']}"


def show_figure(
    number: str | None = None, caption: str | None = None, alt: str | None = None, figure: Figure | None = None
) -> None:
    """Show a matplotlib figure, in place of ``plt.show()``.

    Parameters
    ----------
    number
        As it stands in the text: ``"11.3"`` is the third figure of chapter 11.
    caption
        What the figure shows and what to look for; Markdown with formulas.
    alt
        What is to be seen, for those who do not see it. Plain words.
    figure
        The current one, if it is not given.

    Raises
    ------
    TypeError, ValueError
        If some of the words are missing or are not what is expected. Without any, the figure is shown as it is.
    """
    import matplotlib.pyplot as plt

    words = checked_words(number, caption, alt)
    if words is None:
        plt.show()
        return
    figure = figure or plt.gcf()
    if not _in_notebook():
        plt.show()
        print(f"{label(words)}. {words['caption']}")
        return
    from IPython.display import display

    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=figure.dpi, bbox_inches="tight")
    size = f"<Figure size {figure.bbox.width:.0f}x{figure.bbox.height:.0f} with {len(figure.axes)} Axes>"
    plt.close(figure)
    display(
        {"image/png": picture.getvalue(), "text/plain": size},
        metadata={"image/png": {"alt": words["alt"]}, METADATA: words},
        raw=True,
    )
    show_caption(words)


def show_caption(words: dict[str, str]) -> None:
    """The caption, as an output of its own that belongs to the one before it."""
    from IPython.display import display

    display(
        {
            "text/markdown": f"**{label(words)}.** {words['caption']}",
            "text/plain": f"{label(words)}. {words['caption']}",
        },
        metadata={METADATA: words},
        raw=True,
    )


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None
