"""What the course's site adds to Jupyter Book.

- ``exercises``   the numbered boxes around ``%%exercise`` cells: facts, hints and solution from their single homes
- ``numbers``     chapters keep the number of their file, also while others are still missing
- ``reference``   the library's reference from its docstrings, read without importing anything
- ``course_map``  the home page's map: what is here, what is coming
- ``figures``     numbered figures with their captions and descriptions
- ``outputs``     what is shown of a notebook's stored outputs
- ``assets``      every browser file comes from this site: MathJax, icons, explorers
- ``repository``  the buttons that need the repository's address, where there is one
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from . import assets, course_map, exercises, figures, numbers, outputs, reference, repository


def setup(app: Sphinx) -> dict[str, Any]:
    for part in (repository, assets, outputs, figures, exercises, numbers, reference, course_map):
        part.setup(app)
    # A change of this extension makes every page new: Sphinx would otherwise keep what it had read before.
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return {"env_version": zlib.crc32(sources), "parallel_read_safe": True, "parallel_write_safe": True}
