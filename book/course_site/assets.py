"""Every file that a page loads comes from the site itself, and none that it does not need.

MathJax is copied out of a pinned package (``sphinx-mathjax-offline`` carries MathJax 3.2.2 as released; a checksum makes
sure). The theme's icon font, the scripts of extensions that the course does not use and all source maps are left out:
they are two thirds of a page's weight, and some of them would ask other hosts.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

from deconvlib.course.explorers import NAMES, STYLE, script

BOOK = Path(__file__).resolve().parent.parent
MATHJAX_PACKAGE = "sphinx-mathjax-offline"
MATHJAX_SHA256 = "0a6ded5abbce13331658dd239f34382abd06492c74b71b61e8caa8112ec55fa5"
#: What MathJax loads by itself when a formula needs it; the rest of the package is never asked for.
MATHJAX_EXTENSIONS = (
    "action amscd bbox boldsymbol braket bussproofs cancel color enclose extpfeil html mhchem unicode verb"
)

#: What Jupyter Book's extensions put on every page and no page of this course uses.
UNUSED_IN_HEAD = ("sphinx-thebe", "togglebutton", "design-tabs", "sphinx-design")
UNUSED_INLINE = (
    "THEBE_JS_URL",
    "toggleHint",
    "toggleOpenOnPrint",
    "togglebuttonSelector",
    "DOCUMENTATION_OPTIONS.theme_",
)
UNUSED_FILES = (
    "**/*.map",
    "scripts/fontawesome.*",
    "vendor/fontawesome",
    "togglebutton.*",
    "sphinx-thebe.*",
    "design-tabs.js",
    "sphinx-design.min.css",
    "locales",
    "images/logo_binder.svg",
    "images/logo_deepnote.svg",
    "images/logo_jupyterhub.svg",
    "images/logo_jupyterlite.svg",
    "exercise.css",
    "proof.css",
)


def copy_mathjax(target: Path) -> None:
    files = distribution(MATHJAX_PACKAGE).locate_file(f"{MATHJAX_PACKAGE}/static/mathjax")
    source = Path(str(files))
    script = source / "tex-chtml.js"
    if hashlib.sha256(script.read_bytes()).hexdigest() != MATHJAX_SHA256:
        raise ExtensionError(f"{script} is not MathJax 3.2.2's tex-chtml.js")
    fonts = Path("output/chtml/fonts/woff-v2")
    extensions = Path("input/tex/extensions")
    for folder in (fonts, extensions):
        (target / folder).mkdir(parents=True, exist_ok=True)
    shutil.copy2(script, target)
    for font in (source / fonts).glob("*.woff"):
        shutil.copy2(font, target / fonts)
    for name in MATHJAX_EXTENSIONS.split():
        shutil.copy2(source / extensions / f"{name}.js", target / extensions)


def copy_assets(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    copy_mathjax(static / "mathjax")
    explorers = static / "explorers"
    explorers.mkdir(parents=True, exist_ok=True)
    for path in (STYLE, BOOK / "mount.js"):
        shutil.copy2(path, explorers / path.name)
    for name in NAMES:
        (explorers / f"{name}.js").write_text(script(name), encoding="utf-8")


def without_icon_font(css: str) -> str:
    """The theme's style without the icon font's: a quarter of it, and requests for files that are not there."""
    css = re.sub(r"@font-face\{[^}]*fontawesome[^}]*\}", "", css)
    return re.sub(r"(?:\.(?:fa|fab|fas|far)(?:-[\w-]+)?(?::+before)?,?)+\{[^}]*\}", "", css)


def drop_unused(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    style = static / "styles/pydata-sphinx-theme.css"
    style.write_text(without_icon_font(style.read_text(encoding="utf-8")), encoding="utf-8")
    for pattern in UNUSED_FILES:
        for path in static.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for path in Path(app.outdir, "chapters").glob("*.html"):  # pages of an earlier build that are gone
        if f"chapters/{path.stem}" not in app.env.found_docs:
            path.unlink()


def choose_scripts(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    def wanted(file: Any) -> bool:
        inline = (getattr(file, "attributes", None) or {}).get("body") or ""
        name = str(getattr(file, "filename", file) or "")
        if "mathjax/" in name or "window.MathJax" in inline:
            return formulas
        return not any(word in name for word in UNUSED_IN_HEAD) and not any(word in inline for word in UNUSED_INLINE)

    context["default_mode"] = "auto"  # a first visit follows the system; the theme's own default is an error message
    body = context.get("body") or ""
    formulas = 'class="math' in body
    for kind in ("script_files", "css_files"):
        if kind in context:
            context[kind][:] = [file for file in context[kind] if wanted(file)]
    if "deconv-explorer" in body:
        app.add_css_file("explorers/explorers.css")
        for name in dict.fromkeys(re.findall(r'data-explorer="(\w+)"', body)):
            app.add_js_file(f"explorers/{name}.js", loading_method="defer")
        app.add_js_file("explorers/mount.js", loading_method="defer", priority=900)  # after the explorers


def drop_thebe(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Thebe's settings for a kernel in the cloud, which its extension appends to every page."""
    for node in list(doctree.findall(nodes.raw)):
        if "text/x-thebe-config" in node.astext() or "kernelName = " in node.astext():
            node.parent.remove(node)


#: Markup of the theme and of extensions that screen readers would stumble over.
MENDED = {
    '<summary aria-label="Toggle hidden content">': "<summary>",  # its text says what it opens
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
}


def mend_markup(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    for wrong, right in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(wrong, right)


def configure(app: Sphinx, config: Config) -> None:
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.html_static_path = [*config.html_static_path, str(BOOK / "static")]
    config.templates_path = [str(BOOK / "templates"), *config.templates_path]


def setup(app: Sphinx) -> None:
    app.connect("config-inited", configure)
    app.connect("builder-inited", copy_assets)
    app.connect("doctree-resolved", drop_thebe, priority=900)
    app.connect("html-page-context", choose_scripts, priority=900)
    app.connect("html-page-context", mend_markup)
    app.connect("build-finished", drop_unused)
    app.add_css_file("course.css", priority=900)
