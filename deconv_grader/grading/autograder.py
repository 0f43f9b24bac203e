"""The zip that Gradescope wants as an autograder: set-up and run scripts, the course, and pinned requirements."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from deconv_grader.grading.course import course_files
from deconvlib.course.catalogue import Exercise

DISTRIBUTION = "deconvlib"
TORCH = "torch"

SETUP = """\
#!/usr/bin/env bash
# Gradescope runs this once, as root, when the autograder is built.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}

find_python() {
  local python
  for python in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
    if [ -n "$python" ] && "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  return 1
}

if ! find_python >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3.11 python3.11-venv
fi
python=$(find_python) || { echo "Python 3.11 or newer is needed, and this image has none: choose a newer base image" >&2; exit 1; }
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --quiet --requirement "$root/source/requirements.txt"
"""

RUN = """\
#!/usr/bin/env bash
# Gradescope runs this for every submission. It reads submission/ and writes results/results.json.
set -uo pipefail
root=${{AUTOGRADER_ROOT:-/autograder}}
python=${{PYTHON:-$root/venv/bin/python}}
mkdir -p "$root/results"
cd "$root/source"
export PYTHONPATH="$root/source/course" DECONV_WORKSPACE=none
"$python" -m deconv_grader grade "$root/submission" --name submission \\
  --gradescope "$root/results/results.json"{options}
code=$?
# 1: the submission could not be read, and the results say so. Anything else is no fault of the learner's.
[ "$code" -le 1 ] || exit "$code"
"""


def write_autograder(target: Path, only: Sequence[Exercise] = (), require: str | None = None) -> list[str]:
    """Write the zip and return the names of what is in it, the course's own files left out.

    Parameters
    ----------
    target
        The zip.
    only
        The exercises to be graded (default: all).
    require
        The weakest isolation that will do.
    """
    needs_torch = not only or any(TORCH not in exercise.forbids for exercise in only)
    options = "".join(f" --only {exercise.name}" for exercise in only)
    options += f" --require-isolation {require}" if require else ""
    pinned = requirements(["torch"] if needs_torch else [])
    scripts = {
        "setup.sh": SETUP,
        "run_autograder": RUN.format(options=options and f" \\\n {options}"),
        "requirements.txt": "".join(f"{line}\n" for line in pinned),
        f"course/{DISTRIBUTION}-{metadata.version(DISTRIBUTION)}.dist-info/METADATA": _metadata(),
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in scripts.items():
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o755 if name in ("setup.sh", "run_autograder") else 0o644) << 16
            archive.writestr(info, text)
        for name, path in course_files():
            archive.write(path, f"course/{name}")
    return list(scripts)


def _metadata() -> str:
    """What makes the folder an installation: its version is in every result."""
    return f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {metadata.version(DISTRIBUTION)}\n"


def requirements(extras: Iterable[str] = ()) -> list[str]:
    """What the course rests on, and what that rests on, at the versions that are installed here."""
    from packaging.requirements import Requirement

    found: dict[str, str] = {}
    todo: list[tuple[str, frozenset[str]]] = [(DISTRIBUTION, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        for line in metadata.requires(one[0]) or ():
            need = Requirement(line)
            if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in ("", *one[1])):
                continue
            name = re.sub(r"[-_.]+", "-", need.name).lower()
            if name == DISTRIBUTION:
                continue
            try:
                version = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue  # for another system than this one
            found[name] = f"{name}=={version.partition('+')[0]}"
            todo.append((name, frozenset(need.extras)))
    return [found[name] for name in sorted(found)]
