"""What the source article says, in our words, and what the course found: a row a formula, claim, step or line of code.

The article is Chinese and introduces deconvolution networks. None of its sentences or code is repeated here. A row has
a verdict only while a notebook of its chapter holds the cell ``verdict("id")``; ``tests/course/test_article.py`` keeps
the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, get_args

from deconvlib.course.catalogue import CHAPTERS

#: The article's own numbering; section 6 is its questions and answers.
SECTIONS = (
    *("1", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3.1", "3.3.2", "3.3.3", "4.1", "4.2", "5.1", "5.2"),
    *("6 Q1", "6 Q2", "6 Q3", "6 Q4"),
)
KINDS = ("formula", "claim", "step", "code")
Verdict = Literal["holds", "holds once corrected", "fails"]
VERDICTS = get_args(Verdict)


@dataclass(frozen=True)
class Claim:
    """One thing the article says.

    Attributes
    ----------
    id
        What `verdict` takes.
    sections
        Every section of the article where it stands.
    kind
        One of `KINDS`.
    statement
        The claim in our words.
    chapter
        The module whose chapter proves it.
    verdict
        One of `VERDICTS`, or None while it is unproved.
    reason
        One sentence; empty while it is unproved.
    anchor
        The heading of the chapter's page under which the proof stands, as it appears in the address.
    """

    id: str
    sections: tuple[str, ...]
    kind: Literal["formula", "claim", "step", "code"]
    statement: str
    chapter: str
    verdict: Verdict | None = None
    reason: str = ""
    anchor: str = ""

    @property
    def number(self) -> int:
        """The number of the chapter that proves it."""
        return CHAPTERS[self.chapter]

    @property
    def place(self) -> str:
        """Where it stands in the article, for a reader."""
        return ("section " if len(self.sections) == 1 else "sections ") + ", ".join(self.sections)

    @property
    def finding(self) -> str:
        """The verdict for a reader."""
        return self.verdict or f"to be proved in chapter {self.number}"

    @property
    def page(self) -> str:
        """The proof's address, relative to the other chapters' pages."""
        return f"{self.number:02d}-{self.chapter}.html" + (f"#{self.anchor}" if self.anchor else "")


CLAIMS: tuple[Claim, ...] = (
    # What deconvolution is
    Claim(
        "naming",
        ("1", "2.2", "6 Q1"),
        "claim",
        "Deconvolution, the deconvolutional network and the DeconvNet are one deep-learning technique.",
        "sparse_coding",
        "fails",
        "Four things share the name: undoing a blur, a layer that is the adjoint of a convolution, sparse codes inferred "
        "for each image (2010), and the projection of one unit of a trained network (2014).",
        "four-things-one-name",
    ),
    Claim(
        "inverse-claim",
        ("1", "2.2", "3.1", "3.3.2", "4.2", "6 Q1"),
        "claim",
        "The operation of formula 3.3.2 is the inverse of a convolution: it undoes it.",
        "transposed_convolution",
        "fails",
        "It is the adjoint, which is the inverse only for kernels made for that (orthonormal ones): a blur or an edge "
        "filter does not come undone.",
        "the-transpose-is-not-the-inverse",
    ),
    Claim(
        "inverse-recovers",
        ("1", "2.2", "2.3", "3.1", "3.3.2", "6 Q1", "6 Q3"),
        "claim",
        "Applied to the output of a convolutional network, it returns the feature maps of the original image.",
        "inversion",
        "fails",
        "The adjoint of a blur blurs again and ends farther from the photograph, and where a kernel has a zero two "
        "photographs share one output, so that no operation can return both.",
        "the-adjoint-is-not-the-inverse",
    ),
    Claim(
        "adjoint-gradient",
        ("2.3", "6 Q1"),
        "claim",
        "A deconvolution network and a convolutional network are closely related, and the direction is the difference.",
        "convolution_matrix",
        "holds once corrected",
        "The way back is the adjoint, each matrix transposed and in reverse order: it is the backward pass of training, "
        "and no inverse.",
        "two-directions-of-one-network",
    ),
    Claim(
        "main-uses",
        ("1", "2.3", "5.2", "6 Q2"),
        "claim",
        "It is widely used, above all for image classification, generation and restoration.",
        "segmentation",
        "holds once corrected",
        "The list leaves out segmentation, on which FCN, the DeconvNet of 2015, SegNet and U-Net are built, and a classifier "
        "needs no way back up.",
        "the-two-claims",
    ),
    Claim(
        "understanding",
        ("1", "2.2", "2.3", "4.2"),
        "claim",
        "Its pictures help us to understand how a convolutional network works.",
        "sanity_checks",
        "holds once corrected",
        "They show which edges of the photograph pass the switches, and in low layers what a unit responds to; in high ones "
        "they hardly depend on the unit or on what the layers above learned, so the score has to be asked.",
        "what-is-left-of-the-claim",
    ),
    Claim(
        "better-classification",
        ("1", "2.2", "2.3", "4.2"),
        "claim",
        "It improves image classification.",
        "deconvnet",
        "holds once corrected",
        "A DeconvNet classifies nothing, but looking through it showed what was wrong with a first layer, and mending that "
        "raised a small classifier's accuracy by more than a point for every seed.",
        "change-it-and-measure",
    ),
    Claim(
        "better-generation",
        ("1", "2.2", "2.3", "4.2"),
        "claim",
        "It improves image generation.",
        "generation",
        "fails",
        "Trained the same way on the same garments, a decoder that resizes and convolves came nearer to real ones than one "
        "of transposed convolutions, for every seed; what makes the pictures good is the training.",
        "does-the-transposed-convolution-improve-generation",
    ),
    Claim(
        "better-restoration",
        ("1", "2.2", "2.3", "4.2"),
        "claim",
        "It improves image restoration.",
        "restoration",
        "holds once corrected",
        "Trained networks beat tuned classical methods on held-out photographs, by adding a correction to a first estimate; "
        "the plain way down and back up by transposed convolutions loses to one of them, and a sub-pixel layer does the same.",
        "what-is-left-of-the-promise",
    ),
    # Convolutional networks
    Claim(
        "cnn-anatomy",
        ("2.1", "6 Q1"),
        "claim",
        "A network for visual tasks has convolutions that learn features, pooling that extracts them, and fully "
        "connected layers that classify.",
        "mirror_network",
        "holds once corrected",
        "It fits the classic design, this chapter's among it, but a network with neither pooling nor fully connected "
        "layers classifies too, and pooling learns nothing.",
        "what-the-parts-are-for",
    ),
    Claim(
        "local-features",
        ("2.1",),
        "claim",
        "Learning local features makes a convolutional network more robust.",
        "convolution",
        "holds once corrected",
        "A convolution's features move with the picture, for shifts by a multiple of the stride and away from the "
        "border; being local promises nothing beyond that.",
        "move-the-picture-and-the-map-moves",
    ),
    Claim(
        "pooling-parameters",
        ("2.1",),
        "claim",
        "Pooling reduces the number of parameters and the complexity of the model.",
        "unpooling",
        "holds once corrected",
        "Pooling has no parameters and takes none from a convolution; it shrinks the maps, which saves multiplications "
        "later and parameters in a fully connected layer.",
        "does-pooling-save-parameters",
    ),
    Claim(
        "learned-features",
        ("2.1",),
        "claim",
        "Convolution layers find their features by themselves; nobody has to design them.",
        "mirror_network",
        "holds",
        "Learned kernels beat random and hand-made ones in the same network, though even random ones lead most of the"
        " way.",
        "nobody-designed-the-kernels",
    ),
    Claim(
        "deconv-local-features",
        ("6 Q3",),
        "claim",
        "Learning local features makes a deconvolution network more robust too.",
        "mirror_network",
        "holds once corrected",
        "Against shifts it does, since the same weights serve everywhere; against noise a fully connected autoencoder"
        " with few numbers in the middle lost less.",
        "local-features-moved-and-noisy",
    ),
    # The way back, in steps
    Claim(
        "two-operations",
        ("3.1", "3.3.2", "3.3.3"),
        "claim",
        "Two operations make up the way back: inverse convolution and unpooling.",
        "deconvnet",
        "holds once corrected",
        "A third is missing, the ReLU's: with one of three rules the way back is the gradient, the DeconvNet or guided "
        "backpropagation, and without any it is none of them.",
        "one-program-one-line-changed",
    ),
    Claim(
        "step-forward",
        ("3.2",),
        "step",
        "First, run the network forward on the image and keep its output features.",
        "mirror_network",
        "holds once corrected",
        "The features alone do not determine the picture: the switches and the sizes before each pooling have to be "
        "kept too.",
        "step-1-the-features-are-not-enough",
    ),
    Claim(
        "step-vector",
        ("3.1", "3.2"),
        "step",
        "Then write the output features as one long vector.",
        "mirror_network",
        "holds once corrected",
        "It loses nothing while the shape is kept along, and has to be undone at once, because the next step needs "
        "maps.",
        "step-2-the-vector-is-undone-at-once",
    ),
    Claim(
        "step-inverse",
        ("3.1", "3.2"),
        "step",
        "Then apply the inverse convolution to that vector, which gives feature maps of the original image.",
        "mirror_network",
        "holds once corrected",
        "It acts on maps, and after its block's unpooling: only in this order is the way back the adjoint of the way "
        "there.",
        "step-3-the-order",
    ),
    Claim(
        "step-unpool",
        ("3.1", "3.2"),
        "step",
        "Last, unpool these feature maps, which gives the original image.",
        "mirror_network",
        "fails",
        "In last place its switches fit no map, and in the right order too the picture explains less than half of a "
        "garment's variance.",
        "step-4-the-picture-is-not-the-original",
    ),
    # The three formulas
    Claim(
        "conv-formula",
        ("3.3.1",),
        "formula",
        "Input and weights are multiplied, then convolved with the kernel: an output value is the sum, over channels and "
        "a K by L window, of weight times input.",
        "convolution",
        "holds once corrected",
        "There is one step, not two, and the input needs its channel index, the weights an output channel; it is then the "
        "stride-1, unpadded layer without bias, a correlation: the kernel is not turned round.",
        "many-kernels-many-images",
    ),
    Claim(
        "inverse-formula",
        ("3.3.2",),
        "formula",
        "The value before a convolution is the sum, over channels and kernel offsets, of weight times output, with the "
        "offsets subtracted.",
        "transposed_convolution",
        "holds once corrected",
        "The sum must run over the output channels, for each input channel, with zeros outside the output; it is then "
        "exactly the transposed convolution.",
        "what-the-article-prints",
    ),
    Claim(
        "unpool-formula",
        ("3.3.3",),
        "formula",
        "The value before a pooling is the maximum of the pooled values over a K by L window of subtracted offsets.",
        "unpooling",
        "holds once corrected",
        "Printed, it is a sliding maximum that does not enlarge; with a minimum, taken over the pooling windows that "
        "hold the pixel, pooling its result gives the pooled map back.",
        "why-it-works",
    ),
    Claim(
        "unpool-claim",
        ("3.1", "3.2", "3.3.3", "6 Q3"),
        "claim",
        "Unpooling takes the output feature maps back to the original image.",
        "unpooling",
        "fails",
        "Pooling sends many images to one map, so no unpooling can tell which one it was; at best its result pools to "
        "the same map.",
        "nothing-brings-the-image-back",
    ),
    # The program
    Claim(
        "code-imports",
        ("4.1",),
        "code",
        "The program needs NumPy and TensorFlow.",
        "mirror_network",
        "holds once corrected",
        "It imports NumPy and never calls it, and nothing in it needs TensorFlow rather than another such library.",
        "line-1-the-imports",
    ),
    Claim(
        "code-sizes",
        ("4.1",),
        "code",
        "A 32 by 32 image of 3 channels, 32 kernels of 3 by 3 and pooling by 2 by 2 describe the network.",
        "mirror_network",
        "holds once corrected",
        "They fix the 896 parameters, but the sizes of the maps depend on the padding and the pooling's stride as "
        "well.",
        "line-2-the-sizes",
    ),
    Claim(
        "code-encoder",
        ("4.1", "4.2"),
        "code",
        "One size-keeping convolution and one max-pooling, both padded to fit, make the network to be reversed.",
        "mirror_network",
        "holds once corrected",
        "It runs, but lacks a ReLU, keeps no switches, and a pooling that rounds up sends 31 and 32 pixels to the "
        "same 16.",
        "line-3-the-encoder",
    ),
    Claim(
        "code-training",
        ("4.1", "4.2"),
        "code",
        "The network is trained before its features are taken.",
        "mirror_network",
        "fails",
        "A comment stands in the place of the training, and a network that ends in 32 maps has nothing to compare "
        "with a label.",
        "line-4-the-training",
    ),
    Claim(
        "code-features",
        ("4.1", "4.2"),
        "code",
        "The output attribute of the model holds the features of the image.",
        "mirror_network",
        "fails",
        "The attribute describes a shape and holds no numbers, since no image was given; the model has to be called "
        "on one.",
        "line-5-the-features",
    ),
    Claim(
        "code-channels",
        ("4.1",),
        "code",
        "A decoder with 32 filters, declared to yield one channel, yields the image of 3 channels.",
        "mirror_network",
        "fails",
        "A layer with 32 filters yields 32 channels, neither the declared 1 nor the image's 3.",
        "line-6-the-channels",
    ),
    Claim(
        "code-output-shape",
        ("4.1",),
        "code",
        "The transposed-convolution layer takes the shape of its result as an argument.",
        "mirror_network",
        "holds once corrected",
        "Neither TensorFlow's layer nor PyTorch's constructor has such an argument, but PyTorch's layer takes an "
        "output_size when it is called.",
        "line-7-the-size-of-the-result",
    ),
    Claim(
        "decoder-shapes",
        ("4.1",),
        "code",
        "A decoder with the kernel, padding and pooling of its encoder returns to the size of the encoder's input.",
        "transposed_convolution",
        "holds once corrected",
        "At 32 pixels height and width return, at 31 and 33 they do not: with stride s up to s input sizes share one "
        "output size, so the wanted one has to be passed along.",
        "the-article-s-decoder-in-shapes",
    ),
    Claim(
        "upsampling-layer",
        ("4.1", "4.2"),
        "code",
        "A nearest-neighbor upsampling layer is the reverse of the pooling layer.",
        "upsampling",
        "holds once corrected",
        "In one order only: enlarging a map and pooling it again gives the map back, but pooling an image and enlarging it "
        "does not give the image back.",
        "the-article-s-upsampling-layer",
    ),
    Claim(
        "code-order",
        ("4.1", "4.2"),
        "code",
        "The decoder filters first and enlarges last.",
        "mirror_network",
        "fails",
        "What is enlarged last stays constant on every 2 by 2 block, which bounds its error from below whatever is "
        "trained.",
        "line-8-the-order",
    ),
    Claim(
        "code-reconstruction",
        ("4.1", "4.2"),
        "code",
        "Calling the new decoder on the features returns the original image.",
        "mirror_network",
        "fails",
        "Neither trained nor tied, the decoder's picture is farther from nearly every photograph than plain gray.",
        "line-9-the-call",
    ),
    Claim(
        "few-calls",
        ("4.2",),
        "claim",
        "It is simple to build: a few library calls are enough.",
        "mirror_network",
        "holds once corrected",
        "Three calls a block are enough, but others than the program's, in another order, with switches and sizes "
        "handed over.",
        "the-program-repaired",
    ),
    # What is to come
    Claim(
        "with-generative-models",
        ("5.1", "6 Q2"),
        "claim",
        "Together with adversarial networks and variational autoencoders it will solve harder image tasks.",
        "generation",
        "holds once corrected",
        "A VAE with a discriminator has sharper pictures and samples nearer to real ones than the VAE, and an encoder, which "
        "the GAN lacks; but the GAN's samples are nearer still, and what is given back is less faithful.",
        "fusion-the-discriminator-judges-what-is-given-back",
    ),
    Claim(
        "faster-algorithms",
        ("5.1",),
        "claim",
        "Its algorithms can be made better and faster.",
        "fast_algorithms",
        "holds once corrected",
        "On a CPU, layers with few output channels become several times faster than a good library's, and layers with many "
        "do not: there the library is near the processor's peak.",
        "against-which-baseline",
    ),
    Claim(
        "new-fields",
        ("5.1", "6 Q2"),
        "claim",
        "It will reach driving, medical images and faces.",
        "segmentation",
        "holds once corrected",
        "That was no future: U-Net named the pixels of cells in 2015 and SegNet those of streets soon after, and small ones do "
        "it here, on nuclei and on drawn streets; of faces we measured nothing.",
        "the-two-claims",
    ),
    Claim(
        "many-parameters",
        ("5.2", "6 Q4"),
        "claim",
        "It needs many parameters, which makes models complex and training long.",
        "capacity",
        "fails",
        "FSRCNN has 13 thousand; where there are over a hundred million, nearly nine tenths sit in layers that came with a classifier, which "
        "take memory and little time, and a tenth of a decoder layer's weights did as well.",
        "what-a-parameter-buys",
    ),
    Claim(
        "overfitting",
        ("5.2", "6 Q4"),
        "claim",
        "Having many parameters, it overfits.",
        "capacity",
        "holds once corrected",
        "It does on few pictures, the more the wider it is; with the same parameters the gap is gone at a thousand small pictures, "
        "and turning the few ones helps more than any other remedy tried.",
        "what-each-remedy-gains",
    ),
    Claim(
        "little-theory",
        ("5.2", "6 Q4"),
        "claim",
        "It lacks a theory.",
        "capacity",
        "holds once corrected",
        "The linear layer's theory is complete, sparse codes have recovery theorems, and DeconvNet pictures and the deep image prior are "
        "explained in part; what is missing is why trained decoders generalize.",
        "what-no-theory-covers",
    ),
)

_BY_ID = {claim.id: claim for claim in CLAIMS}
_STYLE = {"holds": "#2e7d32", "holds once corrected": "#b26a00", "fails": "#c62828", None: "#757575"}
_SHORT = {"holds": "holds", "holds once corrected": "corrected", "fails": "fails", None: "open"}


class Rendered:
    """Text for a terminal and HTML for a notebook or a page."""

    def __init__(self, text: str, html: str) -> None:
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return {"text/plain": self.text, "text/html": self.html}


def verdict(id: str) -> Rendered:
    """What the article claims and what the course found.

    Parameters
    ----------
    id
        The id of a row of `CLAIMS`.

    Raises
    ------
    ValueError
        If there is no such row.
    """
    if id not in _BY_ID:
        raise ValueError(f"id must be one of {', '.join(sorted(_BY_ID))}, got {id!r}")
    claim = _BY_ID[id]
    finding, reason = claim.finding, f" {claim.reason}" if claim.reason else ""
    text = f"The article, {claim.place}: {claim.statement}\nVerdict: {finding}.{reason}"
    html = (
        f'<div class="deconv-verdict deconv-verdict-{_SHORT[claim.verdict]}" role="note" '
        f'style="border-left: 4px solid {_STYLE[claim.verdict]}; padding: 0.2em 1em; margin: 1em 0">'
        f"<p><strong>The article, {escape(claim.place)}:</strong> {escape(claim.statement)}</p>"
        f"<p><strong>Verdict: {escape(finding)}.</strong>{escape(reason)}</p></div>"
    )
    return Rendered(text, html)


def verdict_table() -> Rendered:
    """Every row of `CLAIMS`, counted, with a link to each proof."""
    counts = Counter(claim.verdict for claim in CLAIMS)

    def count(verdict: Verdict | None, one: str, many: str) -> str:
        return f"{counts[verdict]} {one if counts[verdict] == 1 else many}"

    summary = (
        f"{len(CLAIMS)} rows: {count('holds', 'holds', 'hold')}, "
        f"{count('holds once corrected', 'holds once corrected', 'hold once corrected')}, "
        f"{count('fails', 'fails', 'fail')}, {count(None, 'is', 'are')} still to be proved."
    )
    lines, rows = [summary], []
    for claim in CLAIMS:
        lines += ["", f"[{claim.id}] {claim.kind}, {claim.place}: {claim.statement}"]
        lines.append(f"  {claim.finding}" + (f". {claim.reason} (chapter {claim.number})" if claim.verdict else ""))
        found = escape(claim.finding)
        if claim.verdict:
            found = (
                f"<strong>{found}.</strong> {escape(claim.reason)} "
                f'<a href="{escape(claim.page)}">Proof: chapter {claim.number}</a>'
            )
        where = escape(", ".join(section.replace(" ", "\u00a0") for section in claim.sections))
        cells = (f"{where}<br><small>{claim.kind}</small>", escape(claim.statement), found)
        rows.append(
            f'<tr class="deconv-verdict-{_SHORT[claim.verdict]}">'
            + "".join(f'<td style="text-align: left; vertical-align: top">{cell}</td>' for cell in cells)
            + "</tr>"
        )
    html = (
        f'<div class="deconv-verdicts" style="overflow-x: auto"><p>{summary}</p><table><thead><tr>'
        + "".join(
            f'<th scope="col" style="text-align: left">{title}</th>'
            for title in ("Section", "The article, in our words", "Verdict")
        )
        + "</tr></thead><tbody>"
        + "".join(rows)
        + "</tbody></table></div>"
    )
    return Rendered("\n".join(lines), html)
