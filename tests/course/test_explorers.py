"""The explorers: their numbers against the solutions, their keys, and no request to anywhere else."""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import random
import re
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deconv_solutions.convolution import conv2d
from deconv_solutions.inversion import inverse_filter, richardson_lucy, transfer_function, wiener
from deconv_solutions.transposed_convolution import conv_transpose2d
from deconv_solutions.unpooling import avg_unpool2d, max_pool2d, max_unpool2d, min_unpool2d, sliding_max
from deconv_solutions.upsampling import overlap_map
from deconv_tests.patience import PATIENCE
from deconvlib.course import explorers, photograph
from deconvlib.course.explorers import explore

NAMES = ("convolution", "transposed_convolution", "unpooling")

pytestmark = pytest.mark.long
BOOK = Path(__file__).parents[2] / "book"
MOUNT = BOOK / "mount.js"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Explorers</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="explorers.css"></head>
<body><main><h1>Explorers</h1>{body}</main>{scripts}</body></html>"""


# What Python says of them


@pytest.mark.parametrize("name", explorers.NAMES)
def test_output_is_the_same_each_time(name):
    first, second = (explore(name)._repr_mimebundle_() for _ in range(2))
    assert first == second
    assert set(first) == {"text/plain", "text/html"}  # no kernel here, so no widget
    (written,) = re.findall('data-state="([^"]*)"', first["text/html"])
    state = json.loads(html.unescape(written))
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
        ("mirror_network", {"kernel": 8}, "kernel=8"),
        ("mirror_network", {"back": "ceil"}, "back='ceil'"),
        ("deconvnet", {"layer": "conv5_2"}, "layer='conv5_2'"),
        ("deconvnet", {"unit": 0}, "unit=0"),
        ("sanity_checks", {"layers": 14}, "layers=14"),
        ("sparse_coding", {"iterations": 201}, "iterations=201"),
        ("restoration", {"line": 101}, "line=101"),
        ("restoration", {"damage": "enlarge-2"}, "damage='enlarge-2'"),
        ("segmentation", {"scene": 7}, "scene=7"),
        ("capacity", {"build": "thin"}, "build='thin'"),
        ("fast_algorithms", {"layer": "FCN"}, "layer='FCN'"),
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


def test_names_of_layers_keep_their_underscore():
    assert repr(explore("deconvnet", layer="conv5_3")).endswith("photograph chelsea, layer conv5_3, rule deconvnet")


def test_a_damaged_sheet_is_refused(monkeypatch, tmp_path):
    for path in explorers.FOLDER.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(explorers, "FOLDER", tmp_path)
    script = explorers.module.__wrapped__("deconvnet")
    assert re.search('^const images = \\["data:image/webp;base64,', script, re.MULTILINE)
    image = tmp_path / "deconvnet.webp"
    contents = image.read_bytes()
    image.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"deconvnet\.webp is damaged: sha256 .* run `make sheets`"):
        explorers.module.__wrapped__("deconvnet")
    image.unlink()
    with pytest.raises(FileNotFoundError, match=r"deconvnet\.webp is missing; reinstall"):
        explorers.module.__wrapped__("deconvnet")
    (tmp_path / "sanity_checks.json").write_text("{}")
    with pytest.raises(ValueError, match=r"sanity_checks\.json is damaged"):
        explorers.sheet.__wrapped__("sanity_checks")


def test_the_latent_plane_s_sheet_and_controls_agree():
    sheet = explorers.sheet("generation")
    across, up, model = explorers.controls("generation")
    models = [option["value"] for option in model["options"]]
    steps = [range(control["min"], control["max"] + 1) for control in (across, up)]
    pictures = {f"{name}/{a}/{b}" for name, a, b in itertools.product(models, *steps)}
    garments = {f"garment/{k}" for k in range(len(sheet["labels"]))}
    assert set(sheet["places"]) == pictures | garments
    assert set(sheet["models"]) == set(models)
    for facts in sheet["models"].values():
        assert len(facts["codes"]) == len(sheet["labels"]) == 10 * sheet["each"]
        assert np.shape(facts["answers"]) == tuple(map(len, steps[::-1]))


def test_the_roofline_has_the_shipped_result_s_numbers():
    """And the counts of the library, which the page's text is made of."""
    from deconvlib.course.decoders import ALGORITHMS, DECODERS
    from deconvlib.course.results import result

    source = (explorers.FOLDER / "fast_algorithms.mjs").read_text(encoding="utf-8")
    constants = dict(re.findall(r"^export const ([A-Z]+) = (.*?);$", source, re.DOTALL | re.MULTILINE))
    found = {name: json.loads(constants[name]) for name in ("LAYERS", "MEASURED", "PEAK")}
    shipped = result("fast-algorithms")["threads 1"]
    assert found["LAYERS"] == [list(vars(one).values()) for one in DECODERS]
    assert found["PEAK"] == shipped["peak"]
    for one in DECODERS:
        row, times = shipped["layers"][one.name], found["MEASURED"][one.name]
        assert times == {"direct": row["pytorch"], **shipped["algorithms"][one.name], "fast": row["fast"]}
        assert set(times) <= {"direct", "fast", *ALGORITHMS}
    layer, *_ = explorers.controls("fast_algorithms")
    assert [option["value"] for option in layer["options"]] == [one.name for one in DECODERS]


def test_sheets_and_controls_agree():
    places = {name: explorers.sheet(name)["places"] for name in ("deconvnet", "sanity_checks")}
    options = {
        name: {
            c["name"]: [o["value"] for o in c["options"]] if "options" in c else range(c["min"], c["max"] + 1)
            for c in explorers.controls(name)
        }
        for name in places
    }
    pictures = {
        "deconvnet": [
            f"{photo}/{layer}/{unit - 1}/{rule}"
            for unit, photo, layer, rule in itertools.product(*options["deconvnet"].values())
        ],
        "sanity_checks": [
            f"{photo}/{layers}/{rule}" for layers, photo, rule in itertools.product(*options["sanity_checks"].values())
        ],
    }
    for name, expected in pictures.items():
        photographs = [f"photograph/{photo}" for photo in options[name]["photograph"]]
        patches = {key for key in places[name] if key.endswith("/patch")}  # those of few pixels
        assert set(places[name]) == {*expected, *photographs} | patches
    assert {key.split("/")[1] for key in places["deconvnet"] if key.endswith("/patch")} == {
        "conv1_2",
        "conv2_2",
        "conv3_3",
    }
    shipped = [*explorers.FOLDER.glob("*.webp"), *explorers.FOLDER.glob("*.json")]
    assert sum(path.stat().st_size for path in shipped) < 3_000_000
    sums = (explorers.FOLDER / "sheets.sha256").read_text().split()[1::2]
    assert sorted(sums) == sorted(path.name for path in shipped)


@pytest.fixture(scope="module")
def sheets(from_book):
    """`make sheets` as a module."""
    pytest.importorskip("torch")
    return from_book("sheets")


def stored(name, place):
    """A picture of a sheet, as Pillow decodes it."""
    from PIL import Image

    k, x, y, width, height = place
    image = Image.open(io.BytesIO((explorers.FOLDER / explorers.sheet(name)["images"][k]).read_bytes()))
    return np.asarray(image.convert("RGB"), int)[y : y + height, x : x + width]


def test_sheet_of_units_is_what_the_network_gives(sheets):
    made, pictures = sheets.deconvnet_sheet(("coffee",), ("conv2_2", "conv4_3"), ("guided",))
    kept = explorers.sheet("deconvnet")
    for layer, units in made["units"]["coffee"].items():
        for unit, other in zip(units, kept["units"]["coffee"][layer], strict=True):
            assert unit | {"value": 0} == other | {"value": 0}
            assert unit["value"] == pytest.approx(other["value"], rel=0.01)
    for key, pixels in pictures:
        place = kept["places"]["/".join(key)]
        difference = np.abs(stored("deconvnet", place) - pixels.astype(int))
        # Without loss up to the last bit of a processor's sums; coded in blocks the larger ones.
        assert difference.mean() < (0.05 if place[0] else 8), key


def test_sheet_of_random_layers_is_what_the_network_gives(sheets):
    made, pictures = sheets.sanity_sheet(("chelsea",), depth=1, rules=("deconvnet",))
    kept = explorers.sheet("sanity_checks")
    assert kept["layers"][:1] == made["layers"] == ["conv5_3"]
    assert kept["layers"][-1] == "conv1_1"
    assert len(kept["layers"]) == 13
    for level, other in zip(made["units"]["chelsea"]["levels"], kept["units"]["chelsea"]["levels"], strict=False):
        assert level["deconvnet"] == pytest.approx(other["deconvnet"], abs=0.005)
    for key, pixels in pictures:
        assert np.abs(stored("sanity_checks", kept["places"]["/".join(key)]) - pixels.astype(int)).mean() < 8, key


def test_the_latent_plane_s_sheet_is_what_the_decoder_gives(sheets):
    made, pictures = sheets.generation_sheet(("vae",))
    kept = explorers.sheet("generation")
    assert made["labels"] == kept["labels"]
    assert np.allclose(made["models"]["vae"]["codes"], kept["models"]["vae"]["codes"], atol=0.011)
    assert (np.array(made["models"]["vae"]["answers"]) != kept["models"]["vae"]["answers"]).mean() < 0.02
    for key, pixels in pictures[:: len(pictures) // 20]:
        assert np.abs(stored("generation", kept["places"]["/".join(key)]) - pixels.astype(int)).mean() < 0.5, key


def test_sheet_of_restored_photographs_is_what_the_networks_give(sheets):
    made, pictures = sheets.restoration_sheet(("coins",), ("deblur-motion", "enlarge-3"))
    kept = explorers.sheet("restoration")
    for job, scores in made["scores"]["coins"].items():
        assert scores == pytest.approx(kept["scores"]["coins"][job], abs=0.1)
    for key, pixels in pictures:
        assert np.abs(stored("restoration", kept["places"]["/".join(key)]) - pixels.astype(int)).mean() < 8, key


def test_places_of_restored_photographs():
    options = {c["name"]: [o["value"] for o in c.get("options", [])] for c in explorers.controls("restoration")}
    spoiled = itertools.product(options["photograph"], options["damage"], ("observed", "classical", "network"))
    versions = ["/".join(parts) for parts in spoiled]
    photographs = [f"photograph/{name}" for name in options["photograph"]]
    assert set(explorers.sheet("restoration")["places"]) == {*photographs, *versions, *(f"{v}/error" for v in versions)}


def test_a_wipe(opened):
    explorer = opened().locator('[data-explorer="restoration"]')
    box, above = explorer.locator(".dx-wipe"), explorer.locator(".dx-wipe canvas").nth(1)
    assert above.evaluate("node => node.style.clipPath") == "inset(0px 0px 0px 50%)"
    explorer.locator('input[type="range"]').focus()
    explorer.page.keyboard.press("ArrowRight")
    assert (
        explorer.locator(".dx-wipe canvas").nth(1).evaluate("node => node.style.clipPath") == "inset(0px 0px 0px 51%)"
    )
    size = box.bounding_box()
    explorer.page.mouse.move(size["x"] + size["width"] / 2, size["y"] + 20)
    explorer.page.mouse.down()
    explorer.page.mouse.move(size["x"] + size["width"] / 4, size["y"] + 30)
    assert explorer.locator(".dx-wipe-line").evaluate("node => node.style.left") == "25%"
    explorer.page.mouse.up()
    assert explorer.locator('input[type="range"]').input_value() == "25"
    explorer.get_by_text("errors", exact=True).click()
    explorer.get_by_text("truth", exact=True).last.click()
    assert explorer.locator(".dx-no-error").count() == 1
    assert "shown are their errors" in explorer.locator("[role=status]").inner_text()


def test_widget_in_a_kernel(monkeypatch):
    pytest.importorskip("anywidget")
    monkeypatch.setattr(explorers, "_in_kernel", lambda: True)
    for name in explorers.NAMES:
        control = explorers.controls(name)[0]
        last = control["options"][-1]["value"] if "options" in control else control["max"]
        state = {control["name"]: last}
        bundle = explore(name, **state)._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        widget = explorers._widget_class(name)(**state)
        assert getattr(widget, control["name"]) == last
        assert not re.search("^import ", widget._esm, re.MULTILINE)  # it is one file
    monkeypatch.setenv("DECONV_STORED", "1")
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
    context.set_default_timeout(1000 * PATIENCE)
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
    cases: list[dict[str, Any]] = []
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
    cases: list[dict[str, Any]] = []
    for H, W, K, L, s, p, o, d in sizes:
        grid = [[[draw.randint(-9, 9) for _ in range(b)] for _ in range(a)] for a, b in ((H, W), (K, L))]
        keywords: dict[str, Any] = {"stride": s, "padding": p, "outputPadding": o, "dilation": d}
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
    cases: list[dict[str, Any]] = [
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


def test_mirrors(opened):
    """The sizes on every level are those of PyTorch's layers."""
    torch = pytest.importorskip("torch")
    draw = random.Random(4)
    choices: dict[str, Any] = {
        "n": range(5, 41),
        "kernel": range(1, 8),
        "pool": (2, 3),
        "blocks": (1, 2, 3),
        "padding": ("same", "none"),
        "back": ("scaled", "remembered"),
    }
    cases = [{key: draw.choice(values) for key, values in choices.items()} for _ in range(250)]
    fitted = 0
    for case, (found, missing) in zip(
        cases,
        evaluated(
            opened(),
            "mirror_network",
            "const l = m.ladder(c.n, c); return [l, m.missing(l.lost, c.pool)]",
            cases,
        ),
        strict=True,
    ):
        k, s, blocks = case["kernel"], case["pool"], case["blocks"]
        p = k // 2 if case["padding"] == "same" else 0
        x, w = torch.ones(1, 1, case["n"], 40), torch.ones(1, 1, k, 1)
        down, switches = [x], []
        try:
            for _ in range(blocks):
                down.append(torch.conv2d(down[-1], w, padding=(p, 0)))
                pooled, at = torch.nn.functional.max_pool2d(down[-1], (s, 1), return_indices=True)
                down.append(pooled)
                switches.append(at)
        except RuntimeError:  # PyTorch refuses a kernel or a window that does not fit
            assert found["up"] is None, case
            assert found["down"] == [step.shape[2] for step in down], case
            continue
        fitted += 1
        assert found["down"] == [step.shape[2] for step in down], case
        assert found["lost"] == [step.shape[2] % s for step in down[1::2]], case
        back, up = down[-1], [down[-1].shape[2]]
        for block in reversed(range(blocks)):
            before = down[2 * block + 1]
            if case["back"] == "remembered":
                back = torch.nn.functional.max_unpool2d(back, switches[block], (s, 1), output_size=before.shape[2:])
            else:
                back = back.repeat_interleave(s, dim=2)
            up.append(back.shape[2])
            back = torch.nn.functional.conv_transpose2d(back, w, padding=(p, 0))
            up.append(back.shape[2])
        assert found["up"] == up[::-1], case
        assert case["n"] - up[-1] == (missing if case["back"] == "scaled" else 0), case
    assert 120 < fitted < len(cases)


def test_a_mirror(opened):
    page = opened()
    explorer = page.locator('[data-explorer="mirror_network"]')
    status = explorer.get_by_role("status")
    assert status.inner_text().startswith("The size does not return: the mirror gives 24 × 32, the image is 27 × 32.")
    sizes = explorer.locator('[data-grid="ladder"] .dx-cell').all_inner_texts()
    assert sizes == ["27 × 32", "24 × 32"] * 2 + ["13 × 16", "12 × 16"] * 2 + ["6 × 8"] * 2
    explorer.locator('[data-grid="ladder"] [tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    assert status.inner_text() == (
        "Pooling 1: ⌊27 / 2⌋ = 13 rows, ⌊32 / 2⌋ = 16 columns. 1 row at the end is in no window."
    )
    page.keyboard.press("ArrowUp")
    assert status.inner_text() == "Convolution 1: 27 + 2·1 − 3 + 1 = 27 rows, 32 + 2·1 − 3 + 1 = 32 columns."
    page.keyboard.press("ArrowRight")
    assert status.inner_text().startswith("Unpooling 1: 2·12 = 24 rows, 2·16 = 32 columns. The encoder has 27 × 32")
    slider(explorer, "Image width W").press("ArrowLeft")
    assert "rows of 31: in rows of 28 they point to other cells" in status.inner_text()
    explorer.get_by_label("the size remembered").check()
    assert status.inner_text().startswith("Unpooling 1 is told the size it had: 27 rows and 31 columns.")
    assert explorer.locator(".dx-bad").count() == 0
    explorer.locator('[data-grid="ladder"] [data-row="0"][data-column="1"]').click()
    assert status.inner_text().startswith(
        "The image’s size returns: 27 × 31. Yet pooling 1 leaves out 1 row and 1 column"
    )
    for name in ("Kernel k", "Pooling s", "Blocks"):
        slider(explorer, name).press("End")
    explorer.get_by_label("none", exact=True).check()
    assert "Pooling 2 does not fit: it takes 3 rows at once, and its map has 1." in status.inner_text()


def test_sparse_codes(opened):
    """Signal, steps and objectives are those of chapter 10's solution."""
    torch = pytest.importorskip("torch")
    from deconv_solutions import sparse_coding

    page = opened()
    signal, filters, truth, bound = evaluated(
        page, "sparse_coding", "return [[...m.signal], m.filters, m.truth.map((t) => [...t]), m.lipschitz]", [0]
    )[0]
    x = torch.tensor(signal, dtype=torch.float64)[None, None, None]
    w = torch.tensor(filters, dtype=torch.float64)[:, None, None]
    z = torch.tensor(truth, dtype=torch.float64)[None, :, None]
    assert torch.allclose(w.square().sum(-1), torch.ones(2, 1, 1, dtype=torch.float64))
    noise = (x - sparse_coding.synthesise(z, w)).flatten()
    assert 0.03 < noise.std() < 0.05
    assert bound == pytest.approx(sparse_coding.lipschitz_bound(w, (1, x.shape[-1])), rel=1e-12)
    cases: list[dict[str, Any]] = [
        {"method": method, "slider": slider, "iterations": iterations}
        for method in ("ista", "fista")
        for slider in (0, 8, 13, 18)
        for iterations in (0, 1, 7, 200)
    ]
    body = """const weight = m.weightOf(c.slider), codes = m.solve(c.method, weight, c.iterations);
    return [weight, codes.at(-1).map((code) => [...code]), codes.map((each) => m.objective(each, weight))]"""
    for case, (weight, codes, curve) in zip(cases, evaluated(page, "sparse_coding", body, cases), strict=True):
        assert weight == pytest.approx(10 ** (case["slider"] / 8 - 2))
        z, history = getattr(sparse_coding, case["method"])(x, w, weight, case["iterations"])
        assert np.allclose(codes, z[0, :, 0].numpy(), rtol=0, atol=1e-9), case
        assert np.allclose(curve, history, rtol=1e-9), case
    # What the explorer takes for the minimum is one: the duality gap is closed.
    body = "const w = m.weightOf(c); return [w, m.nearest(w).map((code) => [...code])]"
    for weight, codes in evaluated(page, "sparse_coding", body, [0, 8, 16]):
        z = torch.tensor(codes, dtype=torch.float64)[None, :, None]
        residual = x - sparse_coding.synthesise(z, w)
        primal = residual.square().sum() / 2 + weight * z.abs().sum()
        dual = residual * min(1, float(weight / sparse_coding.analyse(residual, w).abs().max()))
        gap = float(primal - (x.square().sum() - (x - dual).square().sum()) / 2)
        assert -1e-12 < gap < 1e-11, weight


def test_capacity_counts_what_the_layers_hold(opened):
    pytest.importorskip("torch")
    from torch import nn

    from deconv_solutions.capacity import SeparableTranspose2d, count_parameters, low_rank_transpose

    cases = [
        {"c": c, "o": o, "k": k, "r": r} for c, o, k, r in ((6, 4, 4, 2), (1, 1, 3, 1), (8, 1, 6, 3), (3, 8, 1, 2))
    ]
    body = "return m.counts(c.c, c.o, c.k, c.r)"
    for case, found in zip(cases, evaluated(opened(), "capacity", body, cases), strict=True):
        c, o, k, r = case.values()
        full = nn.ConvTranspose2d(c, o, k, stride=2, bias=False)
        thin = SeparableTranspose2d(c, o, k, stride=2, bias=False)
        assert found["full"]["weights"] == full.weight.numel() == found["full"]["products"] == found["tied"]["products"]
        assert found["separable"]["weights"] == sum(count_parameters(thin).values())
        if r <= min(c, o * k * k):
            squeezed = low_rank_transpose(full.weight, r)
            assert found["narrow"]["weights"] == sum(part.numel() for part in squeezed)


def test_a_sparse_coding(opened):
    explorer = opened().locator('[data-explorer="sparse_coding"]')
    status = explorer.get_by_role("status")
    assert status.inner_text().startswith("FISTA, price 0.1, after 20 iterations: objective 0.76")
    assert "the signal has 8 spikes" in status.inner_text()
    assert explorer.locator("svg").count() == 5
    assert explorer.locator(".dx-dot-true").count() == 8
    slider(explorer, "Iterations").press("Home")
    assert "after 0 iterations" in status.inner_text()
    assert "0 of 184 codes are not zero" in status.inner_text()
    slider(explorer, "Iterations").press("End")
    slider(explorer, "Price of a code λ").press("End")
    assert "0 of 184 codes are not zero" in status.inner_text()  # heavier than any correlation with the signal
    assert slider(explorer, "Price of a code λ").get_attribute("aria-valuetext") == "1.8"
    slider(explorer, "Price of a code λ").press("Home")
    explorer.get_by_label("ISTA", exact=True).check()
    assert status.inner_text().startswith("ISTA, price 0.01, after 200 iterations")


def painted(explorer):
    """The pixels of its pictures, once their images are decoded."""
    from PIL import Image

    found = explorer.evaluate(
        """async (explorer) => {
          const [probe, canvases] = [document.createElement("canvas"), [...explorer.querySelectorAll("canvas")]];
          const context = probe.getContext("2d", { willReadFrequently: true });
          for (const canvas of canvases)
            for (;;) {
              context.clearRect(0, 0, 1, 1);
              context.drawImage(canvas, 0, 0);
              if (context.getImageData(0, 0, 1, 1).data[3] === 255) break;
              await new Promise(requestAnimationFrame);
            }
          return canvases.map((canvas) => canvas.toDataURL());
        }"""
    )
    images = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in found]
    return [np.asarray(image.convert("RGB"), int) for image in images]


@pytest.mark.parametrize("page_name", ["index", "alone"])
def test_a_unit(opened, page_name):
    page = opened(page_name)
    explorer = page.locator('[data-explorer="deconvnet"]')
    status = explorer.get_by_role("status")
    sheet = explorers.sheet("deconvnet")
    unit = sheet["units"]["chelsea"]["conv4_3"][0]
    assert status.inner_text().startswith(
        f"conv4_3, channel {unit['channel']}: the strongest of the layer in “chelsea”"
    )
    slider(explorer, "Unit, strongest first").press("ArrowRight")
    for name in ("flower", "conv3_3", "guided"):
        explorer.get_by_label(name, exact=True).check()
    unit = sheet["units"]["flower_CCBY"]["conv3_3"][1]
    top, left, bottom, right = unit["patch"]
    assert f"channel {unit['channel']}: the second-strongest of the layer in “flower”" in status.inner_text()
    assert (
        f"at row {unit['row']}, column {unit['column']}. It sees {bottom - top} × {right - left}" in status.inner_text()
    )
    assert "vultilion, CC BY 2.0" in explorer.inner_text()
    whole, patch, picture = painted(explorer)
    original = np.round(255 * photograph("flower_CCBY"))
    assert np.array_equal(original[top:bottom, left:right], patch)
    assert np.array_equal(picture, stored("deconvnet", sheet["places"]["flower_CCBY/conv3_3/1/guided"]))
    assert np.abs(whole - original).mean() < 6  # browsers and Pillow enlarge a WebP image's colors differently
    frame = explorer.locator(".dx-frame").bounding_box()
    canvas = explorer.locator("canvas").first.bounding_box()
    assert frame["y"] + 2 - canvas["y"] == pytest.approx(top / 256 * canvas["height"], abs=1)
    assert frame["x"] + 2 - canvas["x"] == pytest.approx(left / 256 * canvas["width"], abs=1)
    assert frame["width"] - 4 == pytest.approx((right - left) / 256 * canvas["width"], abs=1)


def test_random_layers(opened):
    explorer = opened().locator('[data-explorer="sanity_checks"]')
    status = explorer.get_by_role("status")
    sheet = explorers.sheet("sanity_checks")
    slider(explorer, "Random layers").press("Home")
    assert "The guided rule, 0 random layers of 13: the trained network." in status.inner_text()
    assert "picture: 1.00 of the sizes, 1.00 of the signed values; SSIM 1.00" in status.inner_text()
    _, first, second = painted(explorer)
    assert np.array_equal(first, second)
    for _ in range(5):
        slider(explorer, "Random layers").press("ArrowRight")
    explorer.get_by_label("coffee").check()
    explorer.get_by_label("gradient").check()
    signed, absolute, ssim = (f"{v:.2f}".replace("-", "−") for v in sheet["units"]["coffee"]["levels"][5]["gradient"])
    assert f"The gradient, 5 random layers of 13 (conv5_3 to {sheet['layers'][4]})." in status.inner_text()
    assert f"{absolute} of the sizes, {signed} of the signed values; SSIM {ssim}" in status.inner_text()
    assert sheet["layers"][4] == "conv4_2"
    assert explorer.locator(".dx-table td.dx-now").all_inner_texts() == [absolute, signed, ssim]
    _, first, second = painted(explorer)
    assert np.abs(first - stored("sanity_checks", sheet["places"]["coffee/0/gradient"])).mean() < 4
    assert np.abs(second - stored("sanity_checks", sheet["places"]["coffee/5/gradient"])).mean() < 4


def test_the_latent_plane(opened):
    explorer = opened().locator('[data-explorer="generation"]')
    status = explorer.get_by_role("status")
    sheet = explorers.sheet("generation")
    slider(explorer, "First number a").press("Home")
    slider(explorer, "Second number b").press("End")
    explorer.get_by_label("VAE with discriminator").check()
    facts = sheet["models"]["vae-gan"]
    codes = np.array(facts["codes"])
    near = np.hypot(*(codes - (-2.4, 2.4)).T).argsort(kind="stable")[:20]
    labels = np.array(sheet["labels"])[near]
    said = status.inner_text()
    assert "VAE with discriminator, code (−2.4, 2.4)." in said
    assert f"takes the decoded picture for: {sheet['classes'][facts['answers'][0][0]]}." in said
    assert f"Of the 20 nearest, {(labels == labels[0]).sum()} are of that class." in said
    decoded, _ = painted(explorer)
    assert np.abs(decoded - stored("generation", sheet["places"]["vae-gan/-8/8"])).mean() < 1


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
