"""``make cover``: take the cover from the notebook cell tagged ``cover``, so that it is computed and never drawn by hand."""

import base64
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COVER = ROOT / "book" / "cover.png"


def stored_cover() -> bytes:
    """The picture stored in the one cell tagged ``cover``."""
    found = []
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if "cover" in cell["metadata"].get("tags", []):
                found += [out["data"]["image/png"] for out in cell["outputs"] if "image/png" in out.get("data", {})]
    if len(found) != 1:
        raise SystemExit(f"one cell tagged 'cover' with one picture was expected, {len(found)} pictures were found")
    return base64.b64decode("".join(found[0]))


if __name__ == "__main__":
    COVER.write_bytes(stored_cover())
    print(f"Written: {COVER}")
