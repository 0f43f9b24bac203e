"""How a worker finds modules: the course's support package on disk, the learner's modules in memory, the rest nowhere.

The learner's files are read by the grader and arrive as text, so no link, device or huge file of a submission is ever
opened here. A library that is not allowed is not simply missing: ``import torch`` at the top of a module works, and the
first use says in words why it may not be used, so that it costs the exercise that used it and no other.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PACKAGE = "deconvlib"

#: Packages a learner may have at hand and that no worker needs.
NOT_WHILE_GRADING = frozenset(
    """matplotlib PIL skimage cv2 sklearn pandas seaborn plotly imageio tqdm IPython ipywidgets numba cupy jax
    tensorflow keras torchvision torch scipy sympy networkx einops opt_einsum""".split()  # noqa: SIM905
)


class Forbidden(ImportError):
    """A library was used that this exercise, or grading as such, does not allow."""


def course_package(course: Path) -> None:
    """Make ``deconvlib`` a package without a folder, whose ``course`` is the trusted one."""
    package = types.ModuleType(PACKAGE, "The learner's modules, and the course's support package.")
    package.__path__ = []
    sys.modules[PACKAGE] = package
    name = f"{PACKAGE}.course"
    spec = importlib.util.spec_from_file_location(
        name, course / "__init__.py", submodule_search_locations=[str(course)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = package.course = module  # type: ignore[attr-defined]
    spec.loader.exec_module(module)
    for part in ("arguments", "exercise"):
        importlib.import_module(f"{name}.{part}")


class Submission(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads ``deconvlib.NAME`` from the sources that the grader sent.

    Parameters
    ----------
    sources
        Module name without the package -> its text.
    exercises
        Module name -> the names of the exercises it should hold.
    graded
        The module that is graded. Another chapter's module that is not there, or does not import, is stood in for by
        its exercises alone, which the reference answers: one mistake is charged once.
    """

    def __init__(self, sources: Mapping[str, str], exercises: Mapping[str, Sequence[str]], graded: str):
        self.sources = dict(sources)
        self.graded = graded
        self.exercises = {module: tuple(names) for module, names in exercises.items()}
        self.files = {f"{PACKAGE}/{name.replace('.', '/')}.py": name for name in self.sources}
        for file, name in self.files.items():
            linecache.cache[file] = (len(self.sources[name]), None, self.sources[name].splitlines(True), file)
        sys.modules[PACKAGE].__getattr__ = self._exercise  # type: ignore[method-assign]

    def _exercise(self, name: str) -> Any:
        """``from deconvlib import conv2d``, whichever module has it."""
        for module, names in self.exercises.items():
            if name in names:
                return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)
        raise AttributeError(f"{PACKAGE} has no {name!r}")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        name = fullname.removeprefix(f"{PACKAGE}.")
        if name == fullname:
            return None
        folder = any(other.startswith(f"{name}.") for other in self.sources)
        if name not in self.sources and not folder and name not in self.exercises:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=folder)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__.removeprefix(f"{PACKAGE}.")
        course, exercises = sys.modules[f"{PACKAGE}.course.exercise"], self.exercises.get(name, ())
        course.prepare(module, exercises)
        if name not in self.sources:
            return
        try:
            self._execute(name, module)
        except BaseException:  # an exit as well
            if name == self.graded or name not in self.exercises:
                raise
            course.prepare(module, exercises)
        else:
            course.settle(module, exercises)

    def _execute(self, name: str, module: types.ModuleType) -> None:
        file = f"{PACKAGE}/{name.replace('.', '/')}.py"
        module.__file__ = file
        exec(compile(self.sources[name], file, "exec", dont_inherit=True), module.__dict__)


class NotAllowed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a stand-in for each package that may not be used: importing it is no fault, using it is."""

    def __init__(self, forbidden: Sequence[str], allowed: Sequence[str]):
        self.forbidden = frozenset(name for name in forbidden if "." not in name)
        self.packages = (self.forbidden | NOT_WHILE_GRADING) - frozenset(allowed)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self.packages:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return types.ModuleType(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        package = name.partition(".")[0]
        if package in self.forbidden:
            words = f"{package} may not be used in this exercise: write it yourself"
        else:
            words = f"{package} cannot be used while an exercise is graded"

        def __getattr__(attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            return stand_in(f"{name}.{attribute}", lambda: Forbidden(words, name=package))

        module.__getattr__ = __getattr__  # type: ignore[method-assign]


def forbid_function(name: str) -> None:
    """Refuse one function of a library that may be used otherwise, under whatever names the library has it."""
    module, _, attribute = name.rpartition(".")
    package = module.partition(".")[0]
    function = getattr(sys.modules.get(module), attribute, None)
    if function is None:
        return
    refuse = stand_in(name, lambda: Forbidden(f"{name} may not be used in this exercise: write it yourself", name=name))
    places = [
        place
        for other, place in list(sys.modules.items())
        if other.partition(".")[0] == package and isinstance(place, types.ModuleType)
    ]
    for place in [*places, *_compiled(sys.modules[package])]:
        for key, value in list(vars(place).items()):
            # The same function under another name, or another of the same name: torch has each operation several times.
            if value is function or (key == attribute and callable(value)):
                setattr(place, key, refuse)
    if package == "torch":
        _forbid_operation(attribute, refuse)


def _compiled(library: Any) -> list[types.ModuleType]:
    """The modules of a library's compiled part, which are not in the list of modules."""
    core = getattr(library, "_C", None)
    return [part for part in vars(core).values() if isinstance(part, types.ModuleType)] if core else []


def _forbid_operation(name: str, refuse: Any) -> None:
    """Refuse one of torch's operations where they are looked up by name."""
    torch = sys.modules["torch"]
    for space in (torch.ops.aten, torch.ops.prims):
        setattr(space, name, refuse)
    for looks_up in ("_jit_get_operation", "_get_operation_overload"):
        _guard(torch._C, looks_up, name, refuse)
    if hasattr(torch._C, "_VariableFunctions") and hasattr(torch._C._VariableFunctions, name):
        with contextlib.suppress(TypeError, AttributeError):  # a compiled class may hold fast to what it has
            setattr(torch._C._VariableFunctions, name, refuse)


def _guard(place: Any, attribute: str, operation: str, refuse: Any) -> None:
    original = getattr(place, attribute, None)
    if original is None:
        return

    def guarded(asked: str, *rest: Any) -> Any:
        return refuse() if asked.rpartition("::")[2] == operation else original(asked, *rest)

    setattr(place, attribute, guarded)


class _StandInType(type):
    """Whatever is looked up in a package that may not be used: a class that can be named and inherited, not called."""

    _reason: Callable[[], Forbidden]

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        raise cls._reason()

    def __getattr__(cls, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return stand_in(f"{cls.__qualname__}.{attribute}", cls._reason)

    def __iter__(cls) -> Any:
        raise cls._reason()

    def __array__(cls, *args: Any, **keywords: Any) -> Any:
        raise cls._reason()


def stand_in(name: str, reason: Callable[[], Forbidden]) -> Any:
    return _StandInType(name.rpartition(".")[2], (), {"__qualname__": name, "_reason": staticmethod(reason)})
