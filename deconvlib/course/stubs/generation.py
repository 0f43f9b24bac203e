"""TODO: what it is about. Chapter 13."""

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
def reparameterise(x: np.ndarray) -> np.ndarray:
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
def kl_divergence(x: np.ndarray) -> np.ndarray:
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
def elbo_loss(x: np.ndarray) -> np.ndarray:
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
def ConvVAE(x: np.ndarray) -> np.ndarray:
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
def DCGANGenerator(x: np.ndarray) -> np.ndarray:
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
def DCGANDiscriminator(x: np.ndarray) -> np.ndarray:
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
def generator_loss(x: np.ndarray) -> np.ndarray:
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
def discriminator_loss(x: np.ndarray) -> np.ndarray:
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
