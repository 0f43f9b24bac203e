"""TODO: what it is about. Chapter 12."""

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
def confusion_matrix(x: np.ndarray) -> np.ndarray:
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
def mean_iou(x: np.ndarray) -> np.ndarray:
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
def fill_bilinear_(x: np.ndarray) -> np.ndarray:
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
def FCN8s(x: np.ndarray) -> np.ndarray:
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
def NohDeconvNet(x: np.ndarray) -> np.ndarray:
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
def SegNet(x: np.ndarray) -> np.ndarray:
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
def UNet(x: np.ndarray) -> np.ndarray:
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
