"""What grades chapter 16."""

from __future__ import annotations

from deconv_grader.checks.writing import check

# count_parameters


@check("count_parameters", "TODO: a case that you can work out by hand", weight=2)
def test_count_parameters_by_hand(learner):
    raise NotImplementedError  # learner.count_parameters.gives(expected, x)


@check("count_parameters", "TODO: any ...", hidden=True)
def test_count_parameters_drawn(learner):
    raise NotImplementedError  # learner.count_parameters.gives(reference.count_parameters(x), x), x drawn by @given


@check("count_parameters", "refuses TODO")
def test_count_parameters_refuses(learner):
    raise NotImplementedError  # learner.count_parameters.raises(ValueError, x)


# SeparableTranspose2d


@check("SeparableTranspose2d", "TODO: a case that you can work out by hand", weight=2)
def test_separabletranspose2d_by_hand(learner):
    raise NotImplementedError  # learner.SeparableTranspose2d.gives(expected, x)


@check("SeparableTranspose2d", "TODO: any ...", hidden=True)
def test_separabletranspose2d_drawn(learner):
    raise NotImplementedError  # learner.SeparableTranspose2d.gives(reference.SeparableTranspose2d(x), x), x drawn by @given


@check("SeparableTranspose2d", "refuses TODO")
def test_separabletranspose2d_refuses(learner):
    raise NotImplementedError  # learner.SeparableTranspose2d.raises(ValueError, x)


# low_rank_transpose


@check("low_rank_transpose", "TODO: a case that you can work out by hand", weight=2)
def test_low_rank_transpose_by_hand(learner):
    raise NotImplementedError  # learner.low_rank_transpose.gives(expected, x)


@check("low_rank_transpose", "TODO: any ...", hidden=True)
def test_low_rank_transpose_drawn(learner):
    raise NotImplementedError  # learner.low_rank_transpose.gives(reference.low_rank_transpose(x), x), x drawn by @given


@check("low_rank_transpose", "refuses TODO")
def test_low_rank_transpose_refuses(learner):
    raise NotImplementedError  # learner.low_rank_transpose.raises(ValueError, x)


# tie_weights


@check("tie_weights", "TODO: a case that you can work out by hand", weight=2)
def test_tie_weights_by_hand(learner):
    raise NotImplementedError  # learner.tie_weights.gives(expected, x)


@check("tie_weights", "TODO: any ...", hidden=True)
def test_tie_weights_drawn(learner):
    raise NotImplementedError  # learner.tie_weights.gives(reference.tie_weights(x), x), x drawn by @given


@check("tie_weights", "refuses TODO")
def test_tie_weights_refuses(learner):
    raise NotImplementedError  # learner.tie_weights.raises(ValueError, x)


# generalisation_gap


@check("generalisation_gap", "TODO: a case that you can work out by hand", weight=2)
def test_generalisation_gap_by_hand(learner):
    raise NotImplementedError  # learner.generalisation_gap.gives(expected, x)


@check("generalisation_gap", "TODO: any ...", hidden=True)
def test_generalisation_gap_drawn(learner):
    raise NotImplementedError  # learner.generalisation_gap.gives(reference.generalisation_gap(x), x), x drawn by @given


@check("generalisation_gap", "refuses TODO")
def test_generalisation_gap_refuses(learner):
    raise NotImplementedError  # learner.generalisation_gap.raises(ValueError, x)
