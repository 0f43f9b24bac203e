"""The built site: whole, sound without a network, and readable in a browser at both widths and in both themes.

One build serves all tests. ``DECONV_SITE`` names a site that was built already (``make test`` does so); otherwise the
book is built here, with warnings as errors. The browser tests use Debian's Chromium through Playwright and keep a
picture of every page in ``DECONV_SCREENSHOTS`` (default ``build/screenshots``).
"""

from __future__ import annotations

import html.parser
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest

from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
WIDTHS = (1280, 390)
THEMES = ("light", "dark")

pytestmark = pytest.mark.long

pytest.importorskip("jupyter_book", reason="the site needs the book extra: pip install '.[book]'")


class Page(html.parser.HTMLParser):
    """What the checks ask of a page: its elements in order, each with its attributes and text."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.elements: list[dict[str, str]] = []
        self.open: list[dict[str, str]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        element = {name: value or "" for name, value in attributes} | {"tag": tag, "text": ""}
        element["inside"] = " ".join(f"{other['tag']}.{other.get('class', '')}" for other in self.open)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()["tag"] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [element for element in self.elements if element["tag"] == tag]

    def with_class(self, name: str) -> list[dict[str, str]]:
        return [element for element in self.elements if name in element.get("class", "").split()]

    @property
    def ids(self) -> list[str]:
        return [element["id"] for element in self.elements if element.get("id")]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    built = os.environ.get("DECONV_SITE")
    if built:
        folder = Path(built).resolve()
        assert (folder / "index.html").is_file(), f"DECONV_SITE={built} holds no built site"
        return folder
    target = tmp_path_factory.mktemp("site")
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(ROOT), "--path-output", str(target)]
    done = subprocess.run(
        [*command, "-W", "--keep-going", "-n"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    folder = target / "_build" / "html"
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert (folder / "index.html").is_file()
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[str, Page]:
    """Every page by its address within the site."""
    found = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    return {path.relative_to(site).as_posix(): Page(path) for path in found}


@pytest.fixture(scope="session")
def boxes() -> dict[str, list[str]]:
    """The exercises that the chapters hold: page -> names, read from the notebooks."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            first = "".join(cell["source"]).lstrip().partition("\n")[0].split()
            if cell["cell_type"] == "code" and first[:1] == ["%%exercise"]:
                found.setdefault(f"chapters/{path.stem}.html", []).append(first[1])
    return found


def plain(text: str) -> str:
    """One line, with the quotation marks of a keyboard: Sphinx sets curly ones."""
    return " ".join(text.split()).translate(str.maketrans("‘’“”", "''\"\""))


def written(pages: dict[str, Page]) -> dict[str, Page]:
    """The pages that somebody wrote; the index and the search page are the machine's."""
    return {name: page for name, page in pages.items() if name not in ("genindex.html", "search.html")}


# ---- what is on the pages -------------------------------------------------------------------------------------------


def test_every_page_of_the_contents_is_built(pages: dict[str, Page]) -> None:
    import yaml

    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    expected = {contents["root"]} | {entry["file"] for part in contents["parts"] for entry in part["chapters"]}
    assert {f"{name}.html" for name in expected} == set(written(pages)) - {"py-modindex.html"}
    assert {f"chapters/{path.stem}" for path in (ROOT / "chapters").glob("*.ipynb")} <= expected


def test_links_lead_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = []
    for name, page in pages.items():
        for element in page.elements:
            for attribute in ("href", "src"):
                target = element.get(attribute)
                if not target or urlsplit(target).scheme or target.startswith("//"):
                    continue
                address, fragment = urldefrag(urljoin(name, target))
                address = unquote(urlsplit(address).path) or name
                if address.endswith("/"):
                    address += "index.html"
                if not (site / address).is_file():
                    broken.append(f"{name}: {target}")
                elif fragment and address in pages and unquote(fragment) not in pages[address].ids:
                    broken.append(f"{name}: {target} (no such anchor)")
    assert not broken


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[str, Page]) -> None:
    """Links may lead out; what a page loads by itself may not."""
    outside = []
    for name, page in pages.items():
        for element in page.elements:
            loads = element.get("src") or (element["tag"] == "link" and element.get("href")) or ""
            if loads and (urlsplit(loads).scheme not in ("", "data") or loads.startswith("//")):
                outside.append(f"{name}: {element['tag']} {loads}")
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        outside += [
            f"{style.name}: {rule}" for rule in re.findall(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^)"']*""", text)
        ]
    assert not outside


def test_pages_can_be_read_without_seeing_them(pages: dict[str, Page]) -> None:
    faults = []
    for name, page in pages.items():
        # The theme repeats the title for print, hidden on screens.
        titles = [
            element
            for element in page.all("h1")
            if "jb-print-docs-body" not in element["inside"] and "onlyprint" not in element["inside"]
        ]
        if len(titles) != 1 and name in written(pages):
            faults.append(f"{name}: {len(titles)} titles")
        faults += [f"{name}: no alt text: {image.get('src')}" for image in page.all("img") if "alt" not in image]
        faults += [f"{name}: id {twice} twice" for twice in {i for i in page.ids if page.ids.count(i) > 1}]
        labeled = {label.get("for") for label in page.all("label")}
        for field in page.all("input") + page.all("select") + page.all("textarea"):
            named = field.get("aria-label") or field.get("aria-labelledby") or field.get("placeholder")
            if (
                field.get("type") != "hidden"
                and not named
                and field.get("id") not in labeled
                and "label" not in field["inside"]
            ):
                faults.append(f"{name}: a field without a label: {field}")
        for button in page.all("button"):
            if not (button["text"].strip() or button.get("aria-label") or button.get("title")):
                faults.append(f"{name}: a button without a name: {button}")
        if not page.all("html")[0].get("lang"):
            faults.append(f"{name}: no language")
    assert not faults


def test_headings_step_down_one_at_a_time(pages: dict[str, Page]) -> None:
    faults = []
    for name, page in written(pages).items():
        levels = [
            int(e["tag"][1])
            for e in page.elements
            if e["tag"] in ("h1", "h2", "h3", "h4", "h5") and "section." in e["inside"]
        ]
        faults += [f"{name}: h{a} then h{b}" for a, b in itertools.pairwise(levels) if b > a + 1]
    assert not faults


def test_exercise_boxes_say_what_the_decorators_say(pages: dict[str, Page], boxes: dict[str, list[str]]) -> None:
    from deconvlib.course.catalogue import exercises

    known = exercises()
    for name, expected in boxes.items():
        shown = {box["id"].removeprefix("exercise-"): box for box in pages[name].with_class("exercise")}
        assert list(shown) == expected, name
        for exercise_name, box in shown.items():
            exercise = known[exercise_name]
            number = f"{exercise.number}.{expected.index(exercise_name) + 1}"
            text = plain(box["text"])
            assert text.startswith(f"Exercise {number} · {exercise.title}"), text[:80]
            assert f"{exercise.points} point" in text
            assert f"about {exercise.minutes} min" in text
            assert f"deconv check {exercise_name}" in text
            assert "raise NotImplementedError" in text
            described, words = (
                "".join(re.findall(r"\w", part)) for part in (text.partition("Description")[2], exercise.docstring)
            )
            assert described.startswith(words), (
                exercise_name
            )  # letter by letter: a list's entries have no space between them
            assert "not started" in text, f"{exercise_name}: the cell's stored output should say so"
            for step, hint in enumerate(exercise.hints, start=1):
                said = plain(re.sub(r"[`$]", "", hint))
                assert f"Hint {step} of {len(exercise.hints)} {said}" in re.sub(r"\\\(|\\\)", "", text)
            assert f"def {exercise_name}(" in text.partition("Solution")[2] or f"class {exercise_name}" in text


def test_folds_are_closed_and_the_solution_is_last(pages: dict[str, Page], boxes: dict[str, list[str]]) -> None:
    for name in boxes:
        folds = [fold for fold in pages[name].all("details") if "div.exercise" in fold["inside"]]
        assert folds
        assert not [fold for fold in folds if "open" in fold]
        for box in pages[name].with_class("exercise"):
            inside = [fold["class"] for fold in folds if box["text"].count(fold["text"])]
            assert "exercise-solution" in inside


def test_chapters_keep_the_number_of_their_file(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        number = Path(name).name[:2]
        if name.startswith("chapters/") and number.isdigit():
            numbers = [e["text"].strip() for e in page.with_class("section-number") if " h1." in e["inside"]]
            assert numbers == ([str(int(number))] if int(number) else []), name


def test_the_quiet_line_is_not_shown(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert "is not written yet; the reference answer is used" not in page.path.read_text(encoding="utf-8"), name


def test_the_reference_lists_every_exercise(pages: dict[str, Page]) -> None:
    from deconvlib.course.catalogue import exercises

    known = exercises()
    assert {f"deconvlib.{e.chapter}.{e.name}" for e in known.values()} <= set(
        pages["chapters/library-reference.html"].ids
    )


# ---- the extension ----------------------------------------------------------------------------------------------------


@pytest.fixture
def course_site(from_book: Callable[[str], ModuleType]) -> ModuleType:
    from_book("course_site.exercises")
    from_book("course_site.repository")
    return from_book("course_site")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://git.example.org/someone/course.git", "https://git.example.org/someone/course"),
        ("https://token@git.example.org/someone/course", "https://git.example.org/someone/course"),
        ("git@git.example.org:someone/course.git", "https://git.example.org/someone/course"),
        ("ssh://git@git.example.org:2222/someone/course.git", "https://git.example.org/someone/course"),
        ("/srv/git/course.git", None),
        ("file:///srv/git/course.git", None),
        ("../course", None),
        ("", None),
    ],
)
def test_the_address_of_a_remote(course_site, remote: str, address: str | None) -> None:  # type: ignore[no-untyped-def]
    assert course_site.repository.web_address(remote) == address


def test_buttons_follow_the_address(course_site, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    from types import SimpleNamespace

    app = SimpleNamespace(srcdir=ROOT)
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/course")
    monkeypatch.setenv("GITHUB_REF_NAME", "main")
    config = SimpleNamespace(html_theme_options={"repository_url": "https://example.org/jupyter-book"})
    course_site.repository.set_buttons(app, config)
    assert config.html_theme_options["repository_url"].endswith("/someone/course")
    assert "colab_url" in config.html_theme_options["launch_buttons"]

    monkeypatch.delenv("GITHUB_REPOSITORY")
    monkeypatch.setattr(course_site.repository, "_git", lambda *_: "")
    config.html_theme_options |= {"launch_buttons": {"colab_url": "x"}, "repository_url": "x"}
    course_site.repository.set_buttons(app, config)
    assert not {"repository_url", "launch_buttons"} & set(config.html_theme_options)


def test_a_solution_comes_with_what_it_uses(course_site, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "chapter.py"
    path.write_text(
        "import math\nimport sys\n\n_SCALE = 2\n\n\n# why\ndef first(x):\n    return _twice(x) + math.pi\n\n\n"
        "def _twice(x):\n    return _SCALE * x\n\n\ndef second(x):\n    return first(x)\n",
        encoding="utf-8",
    )
    shown = course_site.exercises.solution_source(path, "first")
    assert shown == (
        "import math\n\n\n_SCALE = 2\n\n\n# why\ndef first(x):\n    return _twice(x) + math.pi\n\n\n"
        "def _twice(x):\n    return _SCALE * x"
    )
    assert course_site.exercises.solution_source(path, "second") == "def second(x):\n    return first(x)"
    with pytest.raises(KeyError):
        course_site.exercises.solution_source(path, "third")


# ---- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def address(site: Path, serve) -> Iterator[str]:  # type: ignore[no-untyped-def]
    with serve(site) as served:
        yield f"{served}/"


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = Path(os.environ.get("DECONV_SCREENSHOTS") or ROOT / "build" / "screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Visit:
    """Pages opened in a browser that was never here before, and what went wrong; the theme is the system's."""

    def __init__(self, browser, address: str, width: int = 1280, theme: str = "light") -> None:  # type: ignore[no-untyped-def]
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        self.context.set_default_timeout(1000 * PATIENCE)
        self.page = self.context.new_page()
        self.address = address
        self.faults: list[str] = []
        self.page.on(
            "console", lambda m: self.faults.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        self.page.on("request", self._request)

    def _request(self, request) -> None:  # type: ignore[no-untyped-def]
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"leaves the site: {request.url}")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def go(self, name: str) -> None:
        """Open a page and wait for what it still has to do: formulas, explorers, and the files these ask for."""
        self.page.goto(self.address + name, wait_until="load")
        self.page.evaluate("window.MathJax?.startup?.promise")
        self.page.wait_for_function(
            "[...document.querySelectorAll('.deconv-explorer')].every(e => e.querySelector('input'))"
        )
        self.page.evaluate("document.fonts.ready.then(() => true)")


def wide_elements(page) -> list[str]:  # type: ignore[no-untyped-def]
    """What makes a page scroll sideways: nothing, or the elements that stick out."""
    return page.evaluate(
        """() => {
          const root = document.scrollingElement;
          if (root.scrollWidth <= root.clientWidth) return [];
          return [...document.querySelectorAll("main *")]
            .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
            .map((e) => `${e.tagName}.${e.className}`).slice(0, 8).concat(`${root.scrollWidth} > ${root.clientWidth}`);
        }"""
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_in_a_browser(  # type: ignore[no-untyped-def]
    browser, address: str, pages: dict[str, Page], screenshots: Path, width: int
) -> None:
    """Each page once, in the first theme; the other is put on while it is open, as a system does at dusk."""
    faults = []
    with Visit(browser, address, width, THEMES[0]) as visit:
        for name, page in pages.items():
            visit.page.emulate_media(color_scheme=THEMES[0])
            visit.go(name)
            formulas, drawn = len(page.with_class("math")), visit.page.locator("mjx-container").count()
            if formulas and drawn < formulas:
                faults.append(f"{name}: {drawn} of {formulas} formulas drawn")
            wrong = visit.page.locator("mjx-merror").evaluate_all("all => all.map(e => e.dataset.mjxError)")
            faults += [f"{name}: MathJax cannot read a formula: {error}" for error in wrong]
            for theme in THEMES:
                visit.page.emulate_media(color_scheme=theme)
                visit.page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
                faults += [f"{name}, {theme}: sticks out: {element}" for element in wide_elements(visit.page)]
                picture = name.removesuffix(".html").replace("/", "-")
                visit.page.screenshot(path=screenshots / f"{picture}-{width}-{theme}.png", full_page=True)
            faults += [f"{name}: {fault}" for fault in visit.faults]
            visit.faults.clear()
    assert not faults


@pytest.mark.parametrize("theme", THEMES)
def test_a_page_opens_in_the_theme_of_the_system(browser, address: str, theme: str) -> None:  # type: ignore[no-untyped-def]
    with Visit(browser, address, theme=theme) as visit:
        visit.page.goto(address, wait_until="commit")
        visit.page.wait_for_function("!['', 'auto'].includes(document.documentElement.dataset.theme ?? '')")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == theme


@pytest.mark.parametrize("width", WIDTHS)
def test_exercises_open_by_keyboard(browser, address: str, boxes: dict[str, list[str]], width: int) -> None:  # type: ignore[no-untyped-def]
    if not boxes:
        pytest.skip("no chapter has an exercise yet")
    folds = """names => names.flatMap(name =>
      [...document.getElementById(`exercise-${name}`).querySelectorAll("details")])"""
    with Visit(browser, address, width) as visit:
        for name, names in boxes.items():
            visit.go(name)
            closed = visit.page.evaluate(f"names => ({folds})(names).map(fold => !fold.open)", names)
            assert len(closed) > len(names), f"{name}: an exercise has a description, hints and a solution"
            assert all(closed), name
            for index in range(len(closed)):
                found = f"([names, index]) => ({folds})(names)[index].querySelector('summary').focus()"
                visit.page.evaluate(found, [names, index])
                visit.page.keyboard.press("Enter")
            assert all(visit.page.evaluate(f"names => ({folds})(names).map(fold => fold.open)", names)), name
            assert not wide_elements(visit.page), f"{name} with every fold open"


def test_search_finds_a_word_of_the_course(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    with Visit(browser, address) as visit:
        visit.go("search.html?q=switches")
        visit.page.locator("#search-results li a").first.wait_for()
        found = visit.page.locator("#search-results li a").evaluate_all("links => links.map(link => link.href)")
        assert any("chapters/" in link for link in found)
        assert not visit.faults


def test_code_can_be_copied(browser, address: str, boxes: dict[str, list[str]]) -> None:  # type: ignore[no-untyped-def]
    if not boxes:
        pytest.skip("no chapter has an exercise yet")
    with Visit(browser, address) as visit:
        visit.go(next(iter(boxes)))
        blocks = visit.page.locator("div.cell_input div.highlight").count()
        assert visit.page.locator("div.cell_input button.copybtn").count() == blocks > 0


def test_the_theme_button_changes_the_theme(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    with Visit(browser, address) as visit:
        visit.page.goto(address)
        seen = set()
        for _ in range(4):
            visit.page.locator("button.theme-switch-button:visible").first.click()
            seen.add(visit.page.evaluate("document.documentElement.dataset.theme"))
        assert seen == {"light", "dark"}


def test_the_site_works_opened_from_disk(browser, site: Path, pages: dict[str, Page]) -> None:  # type: ignore[no-untyped-def]
    """What `make book` says to open is a file: formulas are drawn and explorers move there too."""
    with_explorer = [name for name, page in pages.items() if page.with_class("deconv-explorer")]
    assert with_explorer
    with Visit(browser, site.resolve().as_uri() + "/") as visit:
        for name in with_explorer:
            visit.go(name)
            assert visit.page.locator(".deconv-explorer input").count() > 0
            assert visit.page.locator("mjx-container").count() > 0
        assert not visit.faults
