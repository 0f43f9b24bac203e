"""How tests are spread over processes (conftest.py of the course): each once, a file in one process, many cases in all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import nbformat
import pytest

from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
NOTE = 'import os, pathlib\nnote = lambda name: pathlib.Path("ran", f"{name} {os.environ[\'PYTEST_XDIST_WORKER\']}").touch()\n'
WHOLE = NOTE + "".join(f"def test_{n}(): note('NAME {n}')\n" for n in "abcdef")
# A case is over when another process, too, has begun one.
MANY = f"""{NOTE}
import pytest, time
@pytest.mark.parametrize('case', range(40))
def test_case(case):
    note(f'many {{case}}')
    until = time.monotonic() + {PATIENCE}
    while len({{path.name.split()[2] for path in pathlib.Path('ran').glob('many *')}}) < 2:
        assert time.monotonic() < until
        time.sleep(0.01)
"""


def test_each_once_and_a_file_in_one_process(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "ran").mkdir()
    for name in ("first", "second", "third"):
        (tmp_path / f"test_{name}.py").write_text(WHOLE.replace("NAME", name))
    (tmp_path / "test_many.py").write_text(MANY)
    cells = [NOTE, *(f"note('notebook {n}'); x{n} = 1" for n in range(3)), "note('notebook 3'); x0 + x1 + x2"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "nbval.plugin", "-n", "2", "--nbval-lax", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout
    assert f"{3 * 6 + 40 + len(cells)} passed" in done.stdout
    processes = defaultdict(set)
    ran = defaultdict(list)
    for path in (tmp_path / "ran").iterdir():
        name, case, process = path.name.split()
        processes[name].add(process)
        ran[name].append(case)
    assert {name: len(cases) for name, cases in ran.items()} == {
        **dict.fromkeys(("first", "second", "third"), 6),
        "many": 40,
        "notebook": 4,
    }
    assert {name for name, used in processes.items() if len(used) > 1} == {"many"}


def test_names_of_tests_are_the_same_in_every_process(request: pytest.FixtureRequest) -> None:
    """Else xdist stops before the first one. An address or packed bytes, which hold the hour, make them differ."""
    odd = [item.nodeid for item in request.session.items if " at 0x" in item.nodeid or "PK\\" in item.nodeid]
    assert odd == []
