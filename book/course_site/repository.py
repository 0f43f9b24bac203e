"""The repository's address, found when the site is built, and the buttons that need it.

No address is written down anywhere: it is ``GITHUB_REPOSITORY`` where a workflow builds the site, else the remote
``origin``. Without one the buttons are absent, and the build says so in one line.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

COLAB = "https://colab.research.google.com"
_REMOTE = re.compile(
    r"""(?: (?:https?|ssh|git)://(?:[^@/]+@)?(?P<host>[\w.-]+\.[a-z]{2,})(?::\d+)?/   # a URL, or
          | (?:[\w.-]+@)(?P<scp>[\w.-]+\.[a-z]{2,}):                                  # user@host:path
        )
        (?P<path>[\w.-]+/[\w./-]+?)(?:\.git)?/?$""",
    re.VERBOSE,
)


def web_address(remote: str) -> str | None:
    """The https address of a remote, or None for a folder, a bundle or anything else that is not on the web.

    >>> web_address("git@git.example.org:someone/course.git")
    'https://git.example.org/someone/course'
    >>> web_address("/home/someone/course") is None
    True
    """
    match = _REMOTE.match(remote.strip())
    return f"https://{match['host'] or match['scp']}/{match['path']}" if match else None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, encoding="utf-8", check=False
        )
    except OSError:  # no git on this machine
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find_repository(folder: Path) -> tuple[str | None, str]:
    """The web address and the branch of the repository that holds `folder`."""
    name = os.environ.get("GITHUB_REPOSITORY")
    if name:
        address = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    else:
        # The folder must be the repository itself: an unpacked archive inside another checkout has no address.
        top = _git(folder, "rev-parse", "--show-toplevel")
        inside = bool(top) and Path(top).resolve() == folder.resolve()
        address = web_address(_git(folder, "remote", "get-url", "origin")) if inside else None
    branch = os.environ.get("GITHUB_REF_NAME") or _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
    return address, branch if branch not in ("", "HEAD") else "main"


def set_buttons(app: Sphinx, config: Config) -> None:
    address, branch = find_repository(Path(app.srcdir))
    options = config.html_theme_options
    for option in ("repository_url", "repository_branch", "launch_buttons"):
        options.pop(option, None)  # Jupyter Book's defaults name its own repository
    if not address:
        print("No repository address is known: the site has no Colab, edit or repository buttons.", flush=True)
        return
    print(f"The site's buttons lead to {address}, branch {branch}.", flush=True)  # shown in quiet builds too
    options |= {"repository_url": address, "repository_branch": branch, "use_repository_button": True}
    provider = next((name for name in ("github", "gitlab", "bitbucket") if name in address), None)
    if provider is None:
        options |= {"repository_provider": "gitlab"}  # a host of one's own: GitLab's form of address is the usual one
    options |= {"use_edit_page_button": True, "use_issues_button": True, "path_to_docs": ""}
    if provider == "github":
        options["launch_buttons"] = {"colab_url": COLAB, "notebook_interface": "jupyterlab"}


def setup(app: Sphinx) -> None:
    app.connect("config-inited", set_buttons)
