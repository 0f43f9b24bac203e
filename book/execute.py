"""``make chapters``: run notebooks from top to bottom and store their outputs, so that only what changed differs."""

import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from deconvlib.course.surroundings import STORED
from deconvlib.course.workspace import VARIABLE

os.environ[STORED] = "1"  # a stored page needs no widget state: explorers mount themselves there
os.environ[VARIABLE] = str(Path(__file__).resolve().parent.parent)


def execute(path: Path) -> float:
    """Run one notebook in place and return the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else what is printed comes in as many parts as the kernel happened to flush
        resources={"metadata": {"path": path.parent}},
    ).execute()
    notebook.metadata.pop("widgets", None)  # of an earlier run in JupyterLab: no stored output uses it
    nbformat.write(notebook, path)
    return time.perf_counter() - began


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("name the notebooks to run")
    for name in sys.argv[1:]:
        print(f"{name}: {execute(Path(name)):.1f} s", flush=True)
