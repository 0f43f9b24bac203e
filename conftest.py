"""How `make test` spreads tests and notebooks over processes (pytest-xdist)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import pytest

from deconvlib.course.surroundings import STORED

MANY = 20  # cases of one test: each may go to any process, so that they do not hold one up alone


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: a test that takes many seconds; its file is begun before other files")


def dealt(nodeids: Iterable[str]) -> set[str]:
    """The tests of many cases."""
    return {name for name, cases in Counter(nodeid.partition("[")[0] for nodeid in nodeids).items() if cases >= MANY}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What cannot be divided comes first: notebooks, the later and longer ones before the earlier; then files, those with a
    test marked ``long`` before the others. The cases that are dealt out one by one fill the gaps at the end.
    """
    notebooks = sorted({item.path for item in items if item.path.suffix == ".ipynb"}, reverse=True)
    long = {item.path for item in items if item.get_closest_marker("long")}
    many = dealt(item.nodeid for item in items)

    def turn(item: pytest.Item) -> int:
        if item.path in notebooks:
            return notebooks.index(item.path)
        if item.nodeid.partition("[")[0] in many:
            return len(notebooks) + 2
        return len(notebooks) + (item.path not in long)

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """A notebook is compared with what is stored of it, so it runs as it does when it is stored."""
    with pytest.MonkeyPatch.context() as patch:
        if item.path.suffix == ".ipynb":
            patch.setenv(STORED, "1")
        return (yield)


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist there is nothing to spread
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        """A file stays in one process, as the cells of a notebook must; a test of many cases is dealt out case by case.

        Nothing is listed by name: a new file is run like any other. (``--dist loadgroup`` does this by marks, and does not
        see them under pytest 9.2: issue 1386 of pytest-xdist.)
        """

        @cached_property
        def _dealt(self) -> set[str]:
            return dealt(self.collection or ())

        def _split_scope(self, nodeid: str) -> str:
            name = nodeid.partition("[")[0]
            return nodeid if name in self._dealt else name.partition("::")[0]

    config.option.loadscopereorder = False  # ours is the order
    return Files(config, log)
