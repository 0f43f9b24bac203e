"""The explorers: their numbers against the solutions, their keys, and no request to anywhere else."""

from __future__ import annotations

import html
import itertools
import json
import random
import re
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deconv_solutions.convolution import conv2d
from deconv_solutions.inversion import inverse_filter, richardson_lucy, transfer_function, wiener
from deconv_solutions.transposed_convolution import conv_transpose2d
from deconv_solutions.unpooling import avg_unpool2d, max_pool2d, max_unpool2d, min_unpool2d, sliding_max
from deconv_solutions.upsampling import overlap_map
from deconvlib.course import explorers, photograph
from deconvlib.course.explorers import explore

NAMES = ("convolution", "transposed_convolution", "unpooling")
MOUNT = Path(__file__).parents[2] / "book" / "mount.js"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="explorers.css"></head>
<body><main><h1>Explorers</h1>{body}</main>{scripts}</body></html>"""


# What Python says of them


@pytest.mark.parametrize("name", explorers.NAMES)
def test_output_is_the_same_each_time(name):
    first, second = (explore(name)._repr_mimebundle_() for _ in range(2))
    assert first == second
    assert set(first) == {"text/plain", "text/html"}  # no kernel here, so no widget
    state = json.loads(html.unescape(re.search('data-state="([^"]*)"', first["text/html"])[1]))
    assert state == explore(name).state
    assert f'class="deconv-explorer" data-explorer="{name}"' in first["text/html"]


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("deconvolution", {}, "deconvolution"),
        ("convolution", {"strides": 2}, "strides"),
        ("convolution", {"stride": 0}, "stride=0"),
        ("convolution", {"stride": 2.0}, "stride=2.0"),
        ("convolution", {"stride": True}, "stride=True"),
        ("convolution", {"kernel": (1, 2, 3)}, "kernel=(1, 2, 3)"),
        ("convolution", {"kernel": (3, 9)}, "kernel_width=9"),
        ("convolution", {"values": [[1]]}, "values"),
        ("transposed_convolution", {"show": "counts"}, "show='counts'"),
        ("unpooling", {"repair": "max"}, "repair='max'"),
        ("unpooling", {"repair": ["min"]}, "repair=['min']"),
        ("unpooling", {"values": [[1, 2], [3]]}, "values"),
        ("unpooling", {"values": [[1, 2], [3, 0.5]]}, "0.5"),
        ("unpooling", {"values": 3}, "values=3"),
        ("unpooling", {"values": [3, 4]}, "values=[3, 4]"),
        ("unpooling", {"values": [[1, 2], [3, 4]], "height": 3}, "height=3"),
    ],
)
def test_unknown_states_are_refused(name, state, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        explore(name, **state)


def test_shorthands():
    state = explore("convolution", kernel=(2, 3)).state
    assert (state["kernel_height"], state["kernel_width"]) == (2, 3)
    state = explore("unpooling", values=np.array([[1, -2, 3], [4, 5, 6]]), kernel=2).state
    assert (state["height"], state["width"], state["values"]) == (2, 3, [[1, -2, 3], [4, 5, 6]])


def test_widget_in_a_kernel(monkeypatch):
    pytest.importorskip("anywidget")
    monkeypatch.setattr(explorers, "_in_kernel", lambda: True)
    for name in explorers.NAMES:
        control = explorers.controls(name)[0]
        state = {control["name"]: control["max"]}
        bundle = explore(name, **state)._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        widget = explorers._widget_class(name)(**state)
        assert getattr(widget, control["name"]) == control["max"]
        assert not re.search("^import ", widget._esm, re.MULTILINE)  # it is one file
    monkeypatch.setenv("DECONV_EXPLORERS", "static")
    assert set(explore("unpooling")._repr_mimebundle_()) == {"text/plain", "text/html"}


# What a browser makes of them


@pytest.fixture(scope="module")
def site(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("site")
    for path in [*explorers.FOLDER.glob("*.*"), MOUNT]:
        shutil.copy(path, folder)
    for name in explorers.NAMES:  # as the site loads them, and as anywidget does: one file each
        (folder / f"{name}.js").write_text(explorers.script(name), encoding="utf-8")
        (folder / f"alone-{name}.mjs").write_text(explorers.module(name), encoding="utf-8")
    scripts = "".join(f'<script defer src="{name}.js"></script>' for name in [*explorers.NAMES, "mount"])
    imports = "".join(f'import {name} from "./alone-{name}.mjs";' for name in explorers.NAMES)
    alone = (
        f'<script type="module">{imports} globalThis.deconvExplorers = {{{", ".join(explorers.NAMES)}}};'
        'const mount = document.createElement("script"); mount.src = "mount.js"; document.body.append(mount);</script>'
    )
    body = "".join(explore(name)._repr_html_() for name in explorers.NAMES)
    for page, loading in {"index": scripts, "alone": alone}.items():
        (folder / f"{page}.html").write_text(PAGE.format(body=body, scripts=loading), encoding="utf-8")

    with serve(folder) as address:
        yield address


@pytest.fixture
def opened(site, browser):
    """Opens a page of the site; at the end nothing may have gone wrong, and nobody else been asked."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    troubles = []

    def open_page(name="index", width=1280):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on(
            "console", lambda message: troubles.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((site, "data:")) else troubles.append(request.url)
        )
        page.goto(f"{site}/{name}.html")
        page.wait_for_function("document.querySelectorAll('.dx-stage .dx-grid').length >= 9")
        return page

    yield open_page
    context.close()
    assert troubles == []


def evaluated(page, module, body, cases):
    """The value of a JavaScript function body for each of the cases, with an explorer's module as `m`."""
    return page.evaluate(
        f"async (cases) => {{ const m = await import('/{module}.mjs'); return cases.map((c) => {{ {body} }}); }}", cases
    )


def batch(grid):
    return np.array(grid, float)[None, None]


def test_convolutions(opened):
    draw = random.Random(1)
    sizes = itertools.product((1, 2, 5, 8), (3, 6), (1, 2, 3, 5), (1, 4), (1, 2, 3), (0, 1, 3), (1, 2))
    cases = []
    for H, W, K, L, s, p, d in sizes:
        grid = [[[draw.randint(-9, 9) for _ in range(b)] for _ in range(a)] for a, b in ((H, W), (K, L))]
        cases.append({"x": grid[0], "w": grid[1], "keywords": {"stride": s, "padding": p, "dilation": d}})
    results = evaluated(opened(), "convolution", "return m.convolve(c.x, c.w, c.keywords).output", cases)
    fitted = 0
    for case, result in zip(cases, results, strict=True):
        try:
            expected = conv2d(batch(case["x"]), batch(case["w"]), **case["keywords"])[0, 0]
        except ValueError:
            assert np.size(result) == 0, case
        else:
            fitted += 1
            assert np.array_equal(result, expected), case
    assert 100 < fitted < len(cases)


def test_transposed_convolutions(opened):
    draw = random.Random(2)
    sizes = itertools.product((1, 2, 4), (1, 3), (1, 2, 4), (1, 3), (1, 2, 3), (0, 1, 3), (0, 1, 2), (1, 2))
    cases = []
    for H, W, K, L, s, p, o, d in sizes:
        grid = [[[draw.randint(-9, 9) for _ in range(b)] for _ in range(a)] for a, b in ((H, W), (K, L))]
        keywords = {"stride": s, "padding": p, "outputPadding": o, "dilation": d}
        cases.append({"y": grid[0], "w": grid[1], "keywords": keywords})
    results = evaluated(
        opened(),
        "transposed_convolution",
        "const r = m.transpose(c.y, c.w, c.keywords); return [r.output, r.overlap]",
        cases,
    )
    fitted = 0
    for case, (result, overlap) in zip(cases, results, strict=True):
        keywords = dict(case["keywords"])
        o = keywords.pop("outputPadding")
        y, w = batch(case["y"]), batch(case["w"])
        try:
            expected = conv_transpose2d(y, w, output_padding=o, **keywords)[0, 0]
        except ValueError:
            # Refused: by the rule on output_padding, or because nothing is left. The page says so itself.
            assert o >= max(keywords["stride"], keywords["dilation"]) or np.size(result) == 0, case
            continue
        fitted += 1
        assert np.array_equal(result, expected), case
        ones = conv_transpose2d(np.ones_like(y), np.ones_like(w), output_padding=o, **keywords)[0, 0]
        assert np.array_equal(overlap, ones), case
    assert 300 < fitted < len(cases)


def unpooled(x, rule, kernel, stride):
    """The same by the solutions; fractions times the window's area."""
    y, switches = max_pool2d(x, kernel, stride)
    size = x.shape[2:]
    covered = [(n - 1) * stride + k for n, k in zip(y.shape[2:], kernel, strict=True)]
    if rule == "sliding_max":
        return sliding_max(y[0, 0], kernel)
    if rule == "nearest":
        rows, columns = (np.minimum(np.arange(n) // stride, m - 1) for n, m in zip(size, y.shape[2:], strict=True))
        return y[0, 0][np.ix_(rows, columns)]
    if rule == "switches":
        return max_unpool2d(y, switches, size)[0, 0]
    # These two are asked for what the windows cover: a gap after the last window is in no window.
    some = min_unpool2d(y, kernel, stride) if rule == "min" else avg_unpool2d(y * np.prod(kernel), kernel, stride)
    result = np.full(size, np.inf if rule == "min" else 0.0)
    result[: covered[0], : covered[1]] = some[0, 0]
    return result


def test_unpoolings(opened):
    draw = random.Random(3)
    rules = [option["value"] for option in explorers.controls("unpooling")[-1]["options"]]
    assert len(rules) == 5
    cases = []
    for H, W, K, L, s, rule in itertools.product((2, 5, 7), (4, 6), (1, 2, 3, 4), (2, 3), (1, 2, 3, 4), rules):
        if K <= H and L <= W:
            x = [[draw.randint(-4, 4) for _ in range(W)] for _ in range(H)]  # few values, so that some are equal
            cases.append({"x": x, "rule": rule, "window": {"kernel": [K, L], "stride": s, "size": [H, W]}})
    results = evaluated(
        opened(),
        "unpooling",
        """const {values, switches} = m.pool(c.x, c.window), up = m.unpool(values, switches, c.rule, c.window);
        return [values, switches, up.values, up.denominator, m.pool(up.values, c.window).values]""",
        cases,
    )
    for case, (pooled, at, up, denominator, again) in zip(cases, results, strict=True):
        x, rule = batch(case["x"]), case["rule"]
        kernel, stride = tuple(case["window"]["kernel"]), case["window"]["stride"]
        y, switches = max_pool2d(x, kernel, stride)
        assert np.array_equal(pooled, y[0, 0]), case
        assert np.array_equal(np.array(at) @ [x.shape[3], 1], switches[0, 0]), case
        assert denominator == (np.prod(kernel) if rule == "mean" else 1)
        expected = unpooled(x, rule, kernel, stride)
        assert np.allclose(up, expected, rtol=0, atol=1e-9), case
        assert np.array_equal(again, max_pool2d(batch(up), kernel, stride)[0][0, 0]), case
        if rule == "min":
            assert np.array_equal(again, pooled), case
            assert (np.array(up) >= x[0, 0]).all(), case


def test_inversions(opened):
    page = opened()
    x = np.round(255 * photograph("camera", gray=True, size=64)) / 255
    assert np.allclose(np.ravel(evaluated(page, "inversion", "return [...m.photograph]", [0])), x.ravel(), atol=1e-12)
    for blur, width, sigma in (("box", 1, 0.1), ("box", 4, 0.01), ("box", 5, 0.0), ("gaussian", 7, 0.02)):
        case = {"blur": blur, "width": width, "sigma": sigma}
        kernel, y, strongest = evaluated(
            page,
            "inversion",
            "return [m.profile(c.blur, c.width), [...m.degrade(c.blur, c.width, c.sigma)], m.weightOf(24)]",
            [case],
        )[0]
        line, y = np.array(kernel["line"]), np.reshape(y, (64, 64))
        assert kernel["center"] == len(line) // 2
        assert strongest == 1
        kernel = np.outer(line, line)
        H = transfer_function(kernel, (64, 64))
        noise = y - np.fft.ifft2(H * np.fft.fft2(x)).real
        assert abs(noise.std() - sigma) <= 0.03 * sigma + 1e-12
        assert abs(noise.mean()) <= 0.05 * sigma + 1e-12
        answers = evaluated(
            page,
            "inversion",
            """const H = m.transfer(c.blur, c.width), Y = m.spectrum(Float64Array.from(c.y));
            const back = (method, weight) => [...m.filtered(Y, m.gain(method, H, weight))];
            return [back("adjoint", 1), back("inverse", c.weight), back("wiener", c.weight),
                    [...m.lucy(Float64Array.from(c.y), H, 3)[3]]]""",
            [case | {"y": y.ravel().tolist(), "weight": 0.0123}],
        )[0]
        expected = [
            np.fft.ifft2(H.conj() * np.fft.fft2(y)).real,
            inverse_filter(y, kernel, 0.0123),
            wiener(y, kernel, 0.0123),
            richardson_lucy(np.maximum(y, 0), kernel, 3),
        ]
        for answer, wanted in zip(answers, expected, strict=True):
            assert np.allclose(answer, wanted.ravel(), rtol=0, atol=1e-9), case


def test_a_deblurring(opened):
    explorer = opened().locator('[data-explorer="inversion"]')
    status = explorer.get_by_role("status")
    assert status.inner_text().startswith("Wiener, Tikhonov, weight 10⁻⁴: ")
    slider(explorer, "Noise σ").press("Home")
    explorer.get_by_label("inverse filter").check()
    assert "over 99 dB, better than the blurred picture" in status.inner_text()
    explorer.get_by_label("Richardson-Lucy").check()
    slider(explorer, "Regularization").press("Home")
    assert status.inner_text().startswith("Richardson-Lucy, 100 iterations: ")
    assert slider(explorer, "Regularization").get_attribute("aria-valuetext") == "100 iterations"
    slider(explorer, "Blur width K").press("ArrowLeft")  # 4 divides 64
    assert "some frequencies are lost" in status.inner_text()
    assert explorer.locator("canvas").count() == 4
    assert explorer.locator("svg").count() == 2


def test_overlaps(opened):
    cases = [
        {"n": n, "kernel": k, "stride": s, "weights": weights}
        for n, k, s in itertools.product((1, 3, 5), range(1, 7), (1, 2, 3))
        for weights in ("ones", "rising", "tent")
    ]
    body = """const w = m.kernelRow(c.kernel, c.weights), o = m.overlap(c.n, w, c.stride);
    return [w, o.counts, o.row, o.plane, m.phases(w, c.stride)]"""
    for case, (w, counts, row, plane, phases) in zip(
        cases, evaluated(opened(), "upsampling", body, cases), strict=True
    ):
        n, kernel, stride = case["n"], case["kernel"], case["stride"]
        assert len(w) == kernel, case
        assert np.array_equal(counts, overlap_map(n, kernel, stride)), case
        expected = conv_transpose2d(np.ones((1, 1, n, n)), np.multiply.outer(w, w)[None, None], stride=stride)[0, 0]
        assert np.array_equal(plane, expected), case
        assert np.array_equal(np.multiply.outer(row, row), expected), case
        assert [sum(phase) for phase in phases] == [sum(w[a::stride]) for a in range(stride)], case


def shown(explorer, key):
    """The numbers that stand in a grid."""
    texts = explorer.locator(f'[data-grid="{key}"] .dx-cell').evaluate_all(
        "nodes => nodes.map((n) => n.querySelector('input')?.value ?? n.firstChild.textContent)"
    )
    return [Fraction(text.replace("−", "-")) for text in texts]


def slider(explorer, name):
    return explorer.get_by_role("slider", name=name, exact=True)


@pytest.mark.parametrize("page_name", ["index", "alone"])
def test_what_stands_on_the_page(opened, page_name):
    page = opened(page_name)
    convolution, transposed, unpooling = (page.locator(f'[data-explorer="{name}"]') for name in NAMES)
    x, w, y = (shown(convolution, key) for key in ("input", "kernel", "output"))
    x = np.array(x, float).reshape(7, 8)  # 5 x 6, padded by 1
    assert np.array_equal(conv2d(batch(x), batch(np.array(w, float).reshape(3, 3)), stride=2)[0, 0].ravel(), y)
    assert "⌊(5 + 2·1 − 1·(3 − 1) − 1) / 2⌋ + 1 = ⌊4 / 2⌋ + 1 = 3" in convolution.locator(".dx-formulas").inner_text()
    y, w, canvas = (shown(transposed, key) for key in ("input", "kernel", "output"))
    expected = conv_transpose2d(batch(np.reshape(y, (2, 3))), batch(np.reshape(w, (3, 3))), stride=2)  # not cropped
    assert np.array_equal(expected.ravel(), np.array(canvas, float))
    assert transposed.locator('[data-grid="output"] .dx-cropped').count() == 5 * 7 - 3 * 5
    badges = unpooling.locator(".dx-badge").all_inner_texts()
    assert [badge[0] for badge in badges] == ["≠", "≠", "≠", "=", "≠"]
    assert unpooling.locator('[data-grid="pooled"] .dx-cell').count() == 6


def test_keys_reach_every_cell_and_no_further(opened):
    page = opened()
    page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    explorer = page.locator('[data-explorer="convolution"]')
    status = explorer.get_by_role("status")
    assert status.inner_text().startswith("y[1, 1] = ")
    explorer.locator('[data-grid="output"] [tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # stays at the edge
    assert status.inner_text().startswith("y[0, 2] = ")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("y[0, 2]: ")
    assert explorer.locator('[data-grid="output"] [tabindex="0"]').count() == 1
    page.keyboard.press("Home")
    assert status.inner_text().startswith("y[0, 0] = ")
    assert explorer.locator('[data-grid="input"] .dx-read').count() == 9
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")  # over the kernel to the input
    assert "padding zero" in status.inner_text()
    stride = slider(explorer, "Stride s")
    stride.focus()
    page.keyboard.press("ArrowRight")
    assert stride.input_value() == "3"
    assert page.evaluate("document.activeElement.name") == "stride"
    assert "⌊4 / 3⌋ + 1 = 2" in explorer.locator(".dx-formulas").inner_text()
    slider(explorer, "Kernel height K").focus()
    slider(explorer, "Kernel height K").press("End")
    slider(explorer, "Padding p").press("Home")
    slider(explorer, "Input height H").press("Home")
    assert "does not fit: it spans 5 rows, and the padded input has 1" in status.inner_text()
    assert page.evaluate("window.heard") == []


def test_hovering_an_input_shows_its_readers(opened):
    explorer = opened().locator('[data-explorer="convolution"]')
    explorer.locator('[data-grid="input"] [data-row="2"][data-column="2"]').hover()
    assert explorer.get_by_role("status").inner_text().startswith("x[1, 1] is read by 4 outputs")
    assert explorer.locator('[data-grid="output"] .dx-read').count() == 4
    slider(explorer, "Stride s").hover()
    assert explorer.get_by_role("status").inner_text().startswith("y[1, 1] = ")


def test_stamps_and_output_padding(opened):
    explorer = opened().locator('[data-explorer="transposed_convolution"]')
    status = explorer.get_by_role("status")
    explorer.get_by_role("button", name="Stamps: none").click()
    assert set(shown(explorer, "output")) == {0}
    explorer.get_by_role("button", name="Stamps: +1").press("Enter")
    explorer.get_by_role("button", name="Stamps: +1").press("Enter")
    assert status.inner_text().startswith("y[0, 1] = ")
    explorer.get_by_role("button", name="Stamps: all").click()
    slider(explorer, "Output padding e").press("ArrowRight")
    output = explorer.locator('[data-grid="output"]')
    assert output.locator(".dx-extra").count() == 4 + 6 - 1
    last = output.locator(".dx-extra").last
    last.click()
    assert "no zero is added" in status.inner_text()
    assert last.get_attribute("data-value") != "0"
    explorer.get_by_label("number of stamps").check()
    assert set(shown(explorer, "output")) == {1, 2, 4}
    slider(explorer, "Output padding e").press("ArrowRight")
    assert "PyTorch refuses output_padding = 2" in status.inner_text()
    slider(explorer, "Output padding e").press("Home")
    slider(explorer, "Padding p").press("End")
    assert "Nothing is left" in status.inner_text()


def test_typing_values(opened):
    page = opened()
    explorer = page.locator('[data-explorer="unpooling"]')
    status = explorer.get_by_role("status")
    explorer.get_by_label("minimum over the windows").check()
    first = explorer.get_by_label("x[0, 0]")
    first.click()
    page.keyboard.type("50")
    page.keyboard.press("ArrowRight")
    explorer.locator('[data-grid="pooled"] [data-value="50"]').wait_for()
    assert page.evaluate("document.activeElement.ariaLabel").startswith("x[0, 1]")
    page.keyboard.type("-7")
    page.keyboard.press("Tab")
    explorer.locator('[data-grid="input"] [data-value="-7"]').wait_for()
    assert page.evaluate("document.activeElement.closest('[data-grid]').dataset.grid") == "pooled"
    assert shown(explorer, "input")[:2] == [50, -7]
    assert "Pooling U gives P(x) back." in status.inner_text()
    first.fill("1.5")
    first.press("Enter")
    assert "whole number" in status.inner_text()
    assert shown(explorer, "input")[0] == 50
    explorer.get_by_label("adjoint of the mean").check()
    assert explorer.locator('[data-grid="again"] .dx-differs').count() == 6
    assert "/9" in explorer.locator('[data-grid="unpooled"]').inner_text()


@pytest.mark.parametrize("page_name", ["index", "alone"])
def test_names_and_width(opened, page_name):
    page = opened(page_name, width=390)
    unnamed = "[...document.querySelectorAll('input')].filter((i) => !i.labels.length && !i.ariaLabel).length"
    assert page.evaluate(unnamed) == 0
    assert (
        page.evaluate("new Set([...document.querySelectorAll('[id]')].map((n) => n.id)).size")
        == page.locator("[id]").count()
    )
    for name in explorers.NAMES:  # everything as large as it gets
        for control in page.locator(f'[data-explorer="{name}"] input[type="range"]').all():
            control.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_dark_follows_the_theme(opened):
    page = opened()
    surface = "getComputedStyle(document.querySelector('.dx')).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(surface)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(surface)
    assert light != dark
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert page.evaluate(surface) == light
    page.emulate_media(color_scheme="light")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate(surface) == dark
    page.evaluate("delete document.documentElement.dataset.theme; document.body.dataset.jpThemeLight = 'false'")
    assert page.evaluate(surface) == dark
