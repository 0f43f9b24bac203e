"""TODO: what it is about. Chapter 16."""

from __future__ import annotations

import numpy as np

from deconvlib.course.exercise import exercise


@exercise(
    title="TODO",
    points=0,
    minutes=0,
    difficulty=0,
    hints=(
        "TODO",
        "TODO",
    ),
)
def count_parameters(x: np.ndarray) -> np.ndarray:
    """TODO: one line.

    Parameters
    ----------
    x : TODO

    Returns
    -------
    TODO

    Raises
    ------
    TODO

    Notes
    -----
    TODO: paper and equation.

    Examples
    --------
    TODO: one tiny case, run by the tests.
    """
    raise NotImplementedError


@exercise(
    title="TODO",
    points=0,
    minutes=0,
    difficulty=0,
    hints=(
        "TODO",
        "TODO",
    ),
)
def SeparableTranspose2d(x: np.ndarray) -> np.ndarray:
    """TODO: one line.

    Parameters
    ----------
    x : TODO

    Returns
    -------
    TODO

    Raises
    ------
    TODO

    Notes
    -----
    TODO: paper and equation.

    Examples
    --------
    TODO: one tiny case, run by the tests.
    """
    raise NotImplementedError


@exercise(
    title="TODO",
    points=0,
    minutes=0,
    difficulty=0,
    hints=(
        "TODO",
        "TODO",
    ),
)
def low_rank_transpose(x: np.ndarray) -> np.ndarray:
    """TODO: one line.

    Parameters
    ----------
    x : TODO

    Returns
    -------
    TODO

    Raises
    ------
    TODO

    Notes
    -----
    TODO: paper and equation.

    Examples
    --------
    TODO: one tiny case, run by the tests.
    """
    raise NotImplementedError


@exercise(
    title="TODO",
    points=0,
    minutes=0,
    difficulty=0,
    hints=(
        "TODO",
        "TODO",
    ),
)
def tie_weights(x: np.ndarray) -> np.ndarray:
    """TODO: one line.

    Parameters
    ----------
    x : TODO

    Returns
    -------
    TODO

    Raises
    ------
    TODO

    Notes
    -----
    TODO: paper and equation.

    Examples
    --------
    TODO: one tiny case, run by the tests.
    """
    raise NotImplementedError


@exercise(
    title="TODO",
    points=0,
    minutes=0,
    difficulty=0,
    hints=(
        "TODO",
        "TODO",
    ),
)
def generalisation_gap(x: np.ndarray) -> np.ndarray:
    """TODO: one line.

    Parameters
    ----------
    x : TODO

    Returns
    -------
    TODO

    Raises
    ------
    TODO

    Notes
    -----
    TODO: paper and equation.

    Examples
    --------
    TODO: one tiny case, run by the tests.
    """
    raise NotImplementedError
