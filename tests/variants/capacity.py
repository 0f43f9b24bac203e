"""Right answers to chapter 16, written in other ways than the solutions."""

from __future__ import annotations

from deconv_grader.checks.known_answers import variant


@variant("count_parameters")
def count_parameters_variant_1(x):
    raise NotImplementedError  # TODO


@variant("count_parameters")
def count_parameters_variant_2(x):
    raise NotImplementedError  # TODO


@variant("SeparableTranspose2d")
def separabletranspose2d_variant_1(x):
    raise NotImplementedError  # TODO


@variant("SeparableTranspose2d")
def separabletranspose2d_variant_2(x):
    raise NotImplementedError  # TODO


@variant("low_rank_transpose")
def low_rank_transpose_variant_1(x):
    raise NotImplementedError  # TODO


@variant("low_rank_transpose")
def low_rank_transpose_variant_2(x):
    raise NotImplementedError  # TODO


@variant("tie_weights")
def tie_weights_variant_1(x):
    raise NotImplementedError  # TODO


@variant("tie_weights")
def tie_weights_variant_2(x):
    raise NotImplementedError  # TODO


@variant("generalisation_gap")
def generalisation_gap_variant_1(x):
    raise NotImplementedError  # TODO


@variant("generalisation_gap")
def generalisation_gap_variant_2(x):
    raise NotImplementedError  # TODO
