"""Wrong answers to chapter 16 that learners give."""

from __future__ import annotations

from deconv_grader.checks.known_answers import mistake

# count_parameters


@mistake("count_parameters")
def count_parameters_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("count_parameters")
def count_parameters_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("count_parameters")
def count_parameters_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("count_parameters")
def count_parameters_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# SeparableTranspose2d


@mistake("SeparableTranspose2d")
def separabletranspose2d_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SeparableTranspose2d")
def separabletranspose2d_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SeparableTranspose2d")
def separabletranspose2d_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SeparableTranspose2d")
def separabletranspose2d_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# low_rank_transpose


@mistake("low_rank_transpose")
def low_rank_transpose_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("low_rank_transpose")
def low_rank_transpose_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("low_rank_transpose")
def low_rank_transpose_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("low_rank_transpose")
def low_rank_transpose_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# tie_weights


@mistake("tie_weights")
def tie_weights_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("tie_weights")
def tie_weights_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("tie_weights")
def tie_weights_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("tie_weights")
def tie_weights_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# generalisation_gap


@mistake("generalisation_gap")
def generalisation_gap_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generalisation_gap")
def generalisation_gap_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generalisation_gap")
def generalisation_gap_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generalisation_gap")
def generalisation_gap_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError
