"""Where a message will be read: in a terminal, in a notebook, or in a chapter whose outputs are stored for the site."""

from __future__ import annotations

import os

NOTEBOOK = "DECONV_NOTEBOOK"  # set for the processes that a notebook starts
STORED = "DECONV_STORED"  # set where a chapter is executed to be stored, or to be compared with what is stored


_in_notebook = bool(os.environ.get(NOTEBOOK))


def enter_notebook() -> None:
    """From here on, messages of this process are read in a notebook. (Not by its environment: a shell has that, too.)"""
    global _in_notebook
    _in_notebook = True


def command(words: str = "") -> str:
    """How ``deconv`` with these words is typed here: in a notebook as a line magic."""
    return f"%deconv {words}".rstrip() if _in_notebook else f"deconv {words}".rstrip()


def stored() -> bool:
    """Whether this output is kept in a chapter: it holds nothing that a reader's own run adds."""
    return bool(os.environ.get(STORED))
