"""An exercise that is a class: the learner's own once a method is written, the reference's until then."""

from __future__ import annotations

import copy

import pytest

from deconvlib.course import exercise as course


@pytest.fixture
def reference():
    """Answers in the place of the solutions, and what they were asked."""
    asked = []

    def answer(identity, args, keywords):
        asked.append((identity, args, keywords))
        return "the reference"

    course.set_fallback(answer)
    yield asked
    course.set_fallback(None)


def decorated(name, **members):
    made = type(name, (), {**members, "__module__": "deconvlib.nowhere"})
    return course.exercise(title="", points=1, minutes=1, difficulty=1)(made)


def stub(self, *args):
    raise NotImplementedError


def keep(self, size):
    self.size = size


def test_a_stub_is_answered_by_the_reference(reference):
    Net = decorated("Stub", __init__=stub, forward=stub)
    assert course.is_stub(Net)
    assert Net(3, bias=False) == "the reference"
    assert reference == [("nowhere.Stub", (3,), {"bias": False})]


def test_one_written_method_makes_it_the_learners(reference):
    Net = decorated("Written", __init__=keep, forward=stub)
    net = Net(3)
    assert (type(net), net.size, reference) == (Net, 3, [])
    assert isinstance(net, Net)


def test_while_another_exercise_is_graded_the_reference_answers_but_instances_stay(reference):
    Net = decorated("Prerequisite", __init__=keep)
    before = Net(4)
    with course.serve_only({"nowhere.another"}):
        assert Net(5) == "the reference"
        assert copy.deepcopy(before).size == 4
    with course.serve_only({"nowhere.Prerequisite"}):
        assert Net(5).size == 5


def test_a_subclass_is_itself(reference):
    Net = decorated("Base", __init__=stub)
    Larger = type("Larger", (Net,), {"__init__": keep})
    assert Larger(6).size == 6
