"""What a learner handed in, as text: read by the grader with care, and never imported by it.

A submission is a module, a notebook with exercise cells, or a folder or zip with any of these in it, at whatever depth;
`layouts` finds them. Links are not followed, and only ordinary files of a sensible size are read; what is wrong with one
file is said of that file alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deconv_grader.answers.cells import LARGEST_TOTAL, extract_notebook
from deconv_grader.answers.layouts import MOST_SAID, Found, Ignored, Look, look
from deconv_grader.answers.merging import Part, merge, written
from deconv_grader.answers.source import LARGEST_MODULE, CannotRead, read_handed_in

__all__ = ["CannotRead", "Submission"]

MOST_MODULES = 100


@dataclass
class Submission:
    """A learner's modules.

    `sources` maps a module's name in ``deconvlib`` to its text, `problems` that of a module that could not be read to the
    reason, and `broken` an exercise whose notebook cell is not Python to the reason. `read` are the files that these come
    from, `ignored` those that do not count, and `notes` say which of several counts.
    """

    path: Path
    sources: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read_from(
        cls,
        paths: Path | Sequence[Path],
        exercises: Mapping[str, str],
    ) -> Submission:
        """Read what one learner handed in.

        Parameters
        ----------
        paths
            A folder, a module, a notebook or a zip; or several of them, which are one submission.
        exercises
            Exercise name -> the module that it belongs to.

        Raises
        ------
        CannotRead
            If there is no answer in it.
        """
        paths = [paths] if isinstance(paths, Path) else list(paths)
        for path in paths:
            if not path.exists():
                raise CannotRead(f"{path.name or path} is neither a folder nor a file")
        out = cls(paths[0])
        names = {
            module: frozenset(name for name, home in exercises.items() if home == module)
            for module in exercises.values()
        }
        with look(paths, set(exercises.values())) as looked:
            parts = out._parts(looked, names, exercises)
        out.ignored = looked.ignored
        for module, texts in parts.items():
            merged = merge(texts, names.get(module, frozenset()))
            if sum(map(len, out.sources.values())) + len(merged.text) > LARGEST_TOTAL:
                out.problems[module] = f"{module}.py: the modules are too large together"
                continue
            out.sources[module] = merged.text
            out.read += [where for where in merged.read if where not in out.read]
            out.notes += merged.notes
            out.ignored += [one for one in merged.ignored if one.path not in out.read]
        out.ignored = [one for one in out.ignored if one.path not in out.read]
        out._settle(looked.unusable, exercises)
        if not out.sources and not out.problems and not out.broken:
            raise CannotRead(_nothing(out), out.ignored)
        return out

    def _parts(
        self,
        looked: Look,
        names: Mapping[str, frozenset[str]],
        exercises: Mapping[str, str],
    ) -> dict[str, list[Part]]:
        """The text of every file that was found, by module."""
        parts: dict[str, list[Part]] = {}
        for found in looked.found:
            try:
                texts = self._texts(found, exercises)
            except CannotRead as error:
                looked.ignore(found.where, str(error))
                if found.module is not None:
                    self.problems.setdefault(found.module, str(error))
                continue
            except Exception as error:  # one file costs itself
                looked.ignore(found.where, f"it cannot be read: {type(error).__name__}: {error}")
                continue
            for module, text in texts.items():
                if module not in parts and len(parts) >= MOST_MODULES:
                    looked.ignore(found.where, f"there are more than {MOST_MODULES} modules")
                    continue
                own = names.get(module, frozenset())
                parts.setdefault(module, []).append(Part(found.where, text, found.changed, module, own))
        return parts

    def _texts(self, found: Found, exercises: Mapping[str, str]) -> dict[str, str]:
        if found.module is not None:
            return {found.module: read_handed_in(found.path, LARGEST_MODULE)}
        answers = extract_notebook(found.path, exercises)
        self.broken.update(answers.broken)
        self.notes += answers.notes
        if not answers.sources and not answers.broken:
            raise CannotRead(f"{found.path.name} has no cell that begins with %%exercise NAME")
        if not answers.sources:
            self.read.append(found.where)
        return answers.sources

    def _settle(self, unusable: Mapping[str, str], exercises: Mapping[str, str]) -> None:
        """What is written elsewhere is no problem where it is not."""
        for module, reason in unusable.items():
            self.problems.setdefault(module, reason)
        for module in self.sources:
            self.problems.pop(module, None)
        for name in list(self.broken):
            module = exercises[name]
            if name in (written(self.sources.get(module, ""), module, {name}) or ()):
                self.notes.append(f"{self.broken.pop(name)}; another {name} counts in its place")
        if len(self.ignored) > MOST_SAID:
            more = len(self.ignored) - MOST_SAID
            self.ignored[MOST_SAID:] = [Ignored("...", f"and {more} more files and folders that hold no answer")]


def _nothing(submission: Submission) -> str:
    """Why there is nothing to grade, in one line."""
    name = submission.path.resolve().name
    told = "; ".join(f"{one.path}: {one.reason}" for one in submission.ignored[:3])
    more = f"; and {len(submission.ignored) - 3} more" if len(submission.ignored) > 3 else ""
    return (
        f"{name} has no deconvlib/ with a chapter's module in it, no chapter's module and no notebook with %%exercise cells"
        + (f" ({told}{more})" if told else ": it is empty")
    )
