"""What grades chapter 7."""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import mirror_network as reference


def draw(*shape, seed, low=-3, high=3):
    """Whole numbers: sums of their products are exact in float32, in whatever order they are added."""
    return torch.from_numpy(draw_array(shape, seed, np.float32, low=low, high=high))


def image(rows):
    """One plane as a batch of one image with one channel."""
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def state_of(channels, classes, inputs, kernel=3, seed=0):
    """Whole numbers for every parameter of a SwitchedCNN; `channels` begins with the image's, `inputs` the classifier's."""
    state = {}
    for block, (old, new) in enumerate(pairwise(channels)):
        state[f"convolutions.{block}.weight"] = draw(new, old, kernel, kernel, seed=seed + 10 * block)
        state[f"convolutions.{block}.bias"] = draw(new, seed=seed + 10 * block + 1)
    state["classifier.weight"] = draw(classes, inputs, seed=seed + 2)
    state["classifier.bias"] = draw(classes, seed=seed + 3)
    return state


def network(channels, size, kernel=3, seed=0):
    """A reference SwitchedCNN with whole numbers; every bias is far from 0, so that a mirror that used one would show it."""
    model = reference.SwitchedCNN(channels[0], channels[1:], 2, size, kernel).eval()
    state = state_of(channels, 2, model.classifier.in_features, kernel, seed)
    model.load_state_dict(state | {name: value + 5 for name, value in state.items() if name.endswith("s.bias")})
    return model


# SwitchedCNN


def encoded(make, settings, state, x):
    "SwitchedCNN(*settings).encode(x)"
    net = make(*settings)
    net.load(state)
    return net.call("encode", x)


def scored(make, settings, state, x):
    "SwitchedCNN(*settings)(x)"
    net = make(*settings)
    net.load(state)
    return net(x)


def encoded_again(make, settings, state, x, y):
    "net = SwitchedCNN(*settings); net.encode(x); net.encode(y)"
    net = make(*settings)
    net.load(state)
    net.call("encode", x)
    return net.call("encode", y)


def found_parameters(make, settings):
    "shapes of SwitchedCNN(*settings).parameters()"
    return {name: tuple(value.shape) for name, value in make(*settings).parameters().items()}


def right(settings, state, x):
    """(features, switches, sizes) and the logits of the reference."""
    net = reference.SwitchedCNN(*settings)
    net.load_state_dict(state)
    with torch.no_grad():
        return net.encode(x), net(x)


ONE = {
    # The kernel looks one pixel to the left and subtracts the pixel above.
    "convolutions.0.weight": image([[0, -1, 0], [1, 0, 0], [0, 0, 0]]),
    "convolutions.0.bias": torch.tensor([1.0]),
    "classifier.weight": torch.tensor([[1.0, -1.0], [2.0, 3.0]]),
    "classifier.bias": torch.tensor([0.0, 5.0]),
}


SMALL = image([[2, 1, 0, 3, 1], [0, 6, 8, 2, 2], [1, 1, 1, 1, 1]])


@check("SwitchedCNN", "one block and a 3 x 5 image, by hand", weight=3)
def test_encode_by_hand(learner):
    # The convolution gives [[1, 3, 2, 1, 4], [-1, 0, 7, 6, 2], ...]. The fifth column and the third row fill no window.
    expected = image([[3, 7]]), [torch.tensor([[[[1, 7]]]])], [(3, 5)]
    learner.SwitchedCNN.through(encoded).gives(expected, (1, (1,), 2, (3, 5)), ONE, SMALL)


@check("SwitchedCNN", "windows with nothing above zero: the ReLU comes first, so their first pixel wins", weight=2)
def test_encode_dead_windows(learner):
    dead = ONE | {"convolutions.0.bias": torch.tensor([-50.0])}
    expected = image([[0, 0]]), [torch.tensor([[[[0, 2]]]])], [(3, 5)]
    learner.SwitchedCNN.through(encoded).gives(expected, (1, (1,), 2, (3, 5)), dead, SMALL)


@check("SwitchedCNN", "three blocks: lists in the order of the blocks, sizes from before each pooling", weight=2)
def test_encode_blocks(learner):
    settings, x = (2, (3, 1, 2), 2, (9, 14)), draw(2, 2, 9, 14, seed=5)
    state = state_of((2, 3, 1, 2), 2, 2)
    expected, _ = right(settings, state, x)
    assert expected[2] == [(9, 14), (4, 7), (2, 3)]
    learner.SwitchedCNN.through(encoded).gives(expected, settings, state, x)


@check("SwitchedCNN", "scores of two images, worked out by hand", weight=2)
def test_scores_by_hand(learner):
    x = torch.cat((image([[2, 1, 0, 3], [0, 6, 8, 2]]), image([[0, 0, 0, 0], [0, 0, 0, 0]])))
    # Features 3, 7 and 1, 1: the scores are logits, with no softmax and no ReLU.
    expected = torch.tensor([[-4.0, 32.0], [0.0, 10.0]])
    learner.SwitchedCNN.through(scored).gives(expected, (1, (1,), 2, (2, 4)), ONE, x)


@check("SwitchedCNN", "parameters: convolutions.0, convolutions.1, ... and classifier", weight=2)
def test_parameters(learner):
    expected = {
        "convolutions.0.weight": (4, 2, 3, 3),
        "convolutions.0.bias": (4,),
        "convolutions.1.weight": (3, 4, 3, 3),
        "convolutions.1.bias": (3,),
        "classifier.weight": (7, 6),
        "classifier.bias": (7,),
    }
    learner.SwitchedCNN.through(found_parameters).gives(expected, (2, (4, 3), 7, (7, 11)))


@check("SwitchedCNN", "image_size is one number or two, odd or even")
def test_sizes(learner):
    for size, inputs in ((7, 1), ((4, 13), 3), ((8, 6), 2)):
        state = state_of((1, 1, 1), 2, inputs, seed=7)
        height, width = (size, size) if isinstance(size, int) else size
        x = draw(1, 1, height, width, seed=8)
        settings = (1, (1, 1), 2, size)
        expected, logits = right(settings, state, x)
        learner.SwitchedCNN.through(encoded).gives(expected, settings, state, x)
        learner.SwitchedCNN.through(scored).gives(logits, settings, state, x)


@check("SwitchedCNN", "kernels of 1 x 1 and of 5 x 5")
def test_kernels(learner):
    for kernel in (1, 5):
        settings, x = (1, (2,), 2, (4, 6), kernel), draw(1, 1, 4, 6, seed=9)
        state = state_of((1, 2), 2, 12, kernel)
        learner.SwitchedCNN.through(encoded).gives(right(settings, state, x)[0], settings, state, x)


@check("SwitchedCNN", "a second image knows nothing of the first")
def test_encode_again(learner):
    settings, state = (1, (2, 1), 2, (4, 6)), state_of((1, 2, 1), 2, 1)
    x, y = draw(1, 1, 4, 6, seed=11), draw(1, 1, 4, 6, seed=12)
    learner.SwitchedCNN.through(encoded_again).gives(right(settings, state, y)[0], settings, state, x, y)


@check("SwitchedCNN", "gradients flow from the scores to the image")
def test_gradient(learner):
    settings, x = (1, (2, 3), 2, (5, 6)), draw(1, 1, 5, 6, seed=13)
    state, weights = state_of((1, 2, 3), 2, 3), torch.tensor([[1.0, -2.0]])
    net = reference.SwitchedCNN(*settings)
    net.load_state_dict(state)
    theirs = learner.SwitchedCNN(*settings)
    theirs.load(state)
    _, (gradient,) = theirs.vjp((x,), weights)
    image = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net(image), image, weights)
    close = gradient is not None and torch.allclose(gradient, expected, rtol=0, atol=1e-3)
    learner.require(close, "the gradient of the scores is autograd's", expected=expected, yours=gradient)


@check("SwitchedCNN", "any blocks, sizes and kernels", weight=2, hidden=True)
@given(data=st.data(), seed=seeds())
def test_switched_cnn_drawn(learner, data, seed):
    channels = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    blocks, kernel = len(channels) - 1, data.draw(st.sampled_from([1, 3, 5]))
    size = tuple(2**blocks + data.draw(st.integers(0, 6)) for _ in range(2))
    inputs = channels[-1] * (size[0] >> blocks) * (size[1] >> blocks)
    settings = (channels[0], tuple(channels[1:]), 2, size, kernel)
    state = state_of(channels, 2, inputs, kernel, seed % 1000)
    x = draw(data.draw(st.integers(1, 2)), channels[0], *size, seed=seed)
    expected, logits = right(settings, state, x)
    learner.SwitchedCNN.through(encoded).gives(expected, settings, state, x)
    learner.SwitchedCNN.through(scored).gives(logits, settings, state, x)


@check("SwitchedCNN", "refuses an even kernel, no block at all, and images that pool to nothing")
def test_switched_cnn_refuses(learner):
    learner.SwitchedCNN.raises(ValueError, 1, (2,), 2, 8, 4)
    learner.SwitchedCNN.raises(ValueError, 1, (), 2, 8)
    learner.SwitchedCNN.raises(ValueError, 1, (2, 2, 2), 2, (8, 7))
    learner.SwitchedCNN.raises(ValueError, 1, (2,), 2, (1, 8))


# train_classifier


def batched(images, labels, cut):
    """A loader of one batch, or of two."""
    parts = [slice(cut), slice(cut, None)] if cut < len(labels) else [slice(None)]
    return [(images[part], labels[part]) for part in parts]


def trained(make, model, images, labels, cut, epochs, lr):
    "train_classifier(model, [(images[:cut], labels[:cut]), (images[cut:], labels[cut:])], epochs, lr)"
    placed = make.place(model)
    history = make(placed, batched(images, labels, cut), epochs, lr)
    return history, placed.parameters(), placed.get("training")


def trained_at_once(make, model, images, labels, epochs, lr):
    "train_classifier(model, [(images, labels)], epochs, lr)"
    return trained(make, model, images, labels, len(labels), epochs, lr)


def trained_on(make, model, images, labels, epochs, lr, device):
    "train_classifier(model, [(images, labels)], epochs, lr, device)"
    placed = make.place(model)
    return make(placed, [(images, labels)], epochs, lr, device), placed.parameters(), placed.get("training")


def right_training(model, images, labels, cut, epochs, lr):
    model = deepcopy(model)
    history = reference.train_classifier(model, batched(images, labels, cut), epochs, lr)
    return history, {name: value.detach() for name, value in model.named_parameters()}, False


def linear(inputs, classes, seed):
    model = nn.Linear(inputs, classes)
    model.weight.data, model.bias.data = draw(classes, inputs, seed=seed) / 4, draw(classes, seed=seed + 1) / 4
    return model


def examples(count, inputs, classes, seed):
    """Images (a row of numbers each) and labels."""
    labels = torch.from_numpy(draw_array((count,), seed + 1, np.int64, low=0, high=classes - 1))
    return draw(count, inputs, seed=seed), labels


TRAINING = 1e-4  # Adam divides by the size of the gradient: rounding is enlarged
TWO = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1])


@check("train_classifier", "one batch, one epoch: one step of Adam", weight=3)
def test_one_step(learner):
    model = nn.Linear(2, 2)
    model.weight.data, model.bias.data = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.zeros(2)
    # Scores (0, 1) and (2, 0) for the labels 0 and 1: both wrong. Adam's first step moves every number by lr; the second
    # image is the more wrong, so it decides about the biases.
    expected = (
        {"loss": [float(np.log1p(np.exp(1)) + np.log1p(np.exp(2))) / 2], "accuracy": [0.0]},
        {"weight": torch.tensor([[0.5, 0.5], [0.5, 0.5]]), "bias": torch.tensor([-0.5, 0.5])},
        False,
    )
    learner.train_classifier.through(trained_at_once).gives(expected, model, *TWO, 1, 0.5, tolerance=TRAINING)


@check("train_classifier", "several epochs: gradients start from zero, Adam remembers", weight=3)
def test_epochs(learner):
    model, (x, y) = linear(3, 3, seed=20), examples(8, 3, 3, seed=30)
    expected = right_training(model, x, y, 4, 4, 0.1)
    learner.train_classifier.through(trained).gives(expected, model, x, y, 4, 4, 0.1, tolerance=TRAINING)


@check("train_classifier", "a last batch that is smaller: every image counts the same", weight=2)
def test_uneven_batches(learner):
    model, (x, y) = linear(3, 2, seed=21), examples(6, 3, 2, seed=31)
    expected = right_training(model, x, y, 5, 2, 0.2)
    learner.train_classifier.through(trained).gives(expected, model, x, y, 5, 2, 0.2, tolerance=TRAINING)


@check("train_classifier", "training mode while it trains, evaluation mode afterwards", weight=2)
def test_modes(learner):
    # While training, this dropout lets nothing through: the scores are the bias alone.
    model = nn.Sequential(nn.Dropout(1.0), linear(2, 2, seed=22)).eval()
    expected = right_training(model, *TWO, 2, 3, 0.1)
    learner.train_classifier.through(trained_at_once).gives(expected, model, *TWO, 3, 0.1, tolerance=TRAINING)


@check("train_classifier", "a convolutional network learns eight small pictures by heart", weight=2)
def test_learns(learner):
    images, labels = draw(8, 1, 6, 5, seed=24), torch.arange(8) % 4
    torch.manual_seed(3)
    model = reference.SwitchedCNN(1, (4,), 4, (6, 5))
    placed = learner.place(
        nn.Sequential(model.convolutions[0], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), model.classifier)
    )
    history = learner.train_classifier(placed, [(images[:5], labels[:5]), (images[5:], labels[5:])], 60, 0.02)
    learner.require(
        len(history["loss"]) == 60
        and history["loss"][-1] < 0.3 * history["loss"][0]
        and history["accuracy"][-1] == 1.0,
        "after 60 epochs the loss is below a third of the first, and all eight labels are right",
    )
    with torch.no_grad():
        mine = placed(images).argmax(dim=1)
    learner.require(torch.equal(mine, labels), "the model that was passed is the one that was trained", labels=labels)


@check("train_classifier", "the device is named")
def test_device(learner):
    model = linear(2, 2, seed=25)
    expected = right_training(model, *TWO, 2, 1, 0.1)
    learner.train_classifier.through(trained_on).gives(expected, model, *TWO, 1, 0.1, "cpu", tolerance=TRAINING)


@check("train_classifier", "any linear classifier and batches", weight=2, hidden=True)
@given(
    inputs=st.integers(1, 4),
    classes=st.integers(2, 4),
    counts=st.tuples(st.integers(1, 5), st.integers(0, 3)),
    epochs=st.integers(1, 3),
    lr=st.sampled_from([0.05, 0.2]),
    seed=st.integers(100, 10_000),
)
def test_train_classifier_drawn(learner, inputs, classes, counts, epochs, lr, seed):
    model, (x, y) = linear(inputs, classes, seed), examples(sum(counts), inputs, classes, seed)
    expected, _, _ = right_training(model, x, y, counts[0], epochs, lr)
    # Where a gradient is zero but for rounding, Adam's step is as large as anywhere: the history only is compared.
    history = learner.train_classifier(learner.place(model), batched(x, y, counts[0]), epochs, lr)
    learner.require(
        set(history) == {"loss", "accuracy"} and all(len(values) == epochs for values in history.values()),
        "history has two lists with one number an epoch",
    )
    for key in ("loss", "accuracy"):
        close = np.allclose(history[key], expected[key], rtol=1e-3, atol=1e-4)
        learner.require(close, f"history[{key!r}] is right for batches of {counts} images and lr={lr}")


@check("train_classifier", "refuses no epoch, a learning rate that is not positive, and a loader without batches")
def test_train_classifier_refuses(learner):
    def place():
        return learner.place(linear(2, 2, seed=26))

    learner.train_classifier.raises(ValueError, place(), [TWO], 0, 0.1)
    learner.train_classifier.raises(ValueError, place(), [TWO], 1, 0.0)
    learner.train_classifier.raises(ValueError, place(), [TWO], 1, -0.1)
    learner.train_classifier.raises(ValueError, place(), [], 1, 0.1)


# MirrorNet


def mirrored(make, model, features, switches, sizes):
    "MirrorNet(model)(features, switches, sizes)"
    return make(make.place(model))(features, switches, sizes).detach()


def mirrored_after(make, model, state, features, switches, sizes):
    "mirror = MirrorNet(model); new numbers into the model's weights; mirror(features, switches, sizes)"
    placed = make.place(model)
    mirror = make(placed)
    placed.load(state)
    return mirror(features, switches, sizes).detach()


def foreign_parameters(make, model):
    "parameters of MirrorNet(model) that are none of the model's"
    own = [value.detach() for value in model.parameters()]
    found = make(make.place(model)).parameters().values()
    return sum(not any(torch.equal(value, other) for other in own) for value in found)


def right_picture(model, features, switches, sizes):
    with torch.no_grad():
        return reference.MirrorNet(model)(features, switches, sizes)


def one_block():
    model = network((1, 1), (3, 5))
    model.convolutions[0].weight.data = image([[1, 2, 0], [0, 3, -1], [0, 0, 0]])
    return model


@check("MirrorNet", "one block, one channel: two values on their way back, by hand", weight=3)
def test_mirror_by_hand(learner):
    # The 2 stands in row 1, column 1, the 4 in row 0, column 3 of 3 x 5 pixels: each stamps the kernel around itself.
    expected = image([[2, 4, 0, 12, -4], [0, 6, -2, 0, 0], [0, 0, 0, 0, 0]])
    switches = [torch.tensor([[[[6, 3]]]])]
    learner.MirrorNet.through(mirrored).gives(expected, one_block(), image([[2, 4]]), switches, [(3, 5)])


@check("MirrorNet", "a ReLU after the unpooling, and none after the convolution", weight=2)
def test_mirror_relu(learner):
    # The -2 is gone before the convolution; the -4 of the picture stays.
    expected = image([[0, 0, 0, 12, -4], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    switches = [torch.tensor([[[[6, 3]]]])]
    learner.MirrorNet.through(mirrored).gives(expected, one_block(), image([[-2, 4]]), switches, [(3, 5)])


@check("MirrorNet", "two blocks, odd sizes, unequal channels", weight=3)
def test_mirror_two_blocks(learner):
    model, x = network((1, 2, 3), (5, 7)), draw(1, 1, 5, 7, seed=41)
    with torch.no_grad():
        code = model.encode(x)
    learner.MirrorNet.through(mirrored).gives(right_picture(model, *code), model, *code)


@check("MirrorNet", "as many channels in as out: the kernel is not flipped", weight=2)
def test_mirror_same_channels(learner):
    model, x = network((2, 2, 2), (4, 6), seed=2), draw(2, 2, 4, 6, seed=42)
    with torch.no_grad():
        features, switches, sizes = model.encode(x)
    features = draw(*features.shape, seed=43)
    learner.MirrorNet.through(mirrored).gives(
        right_picture(model, features, switches, sizes), model, features, switches, sizes
    )


@check("MirrorNet", "the weights are the model's own: change the model, and the mirror has changed", weight=2)
def test_mirror_tied(learner):
    model, x = network((1, 2, 2), (4, 5)), draw(1, 1, 4, 5, seed=44)
    with torch.no_grad():
        code = model.encode(x)
    state = {f"convolutions.{block}.weight": draw(2, 1 + block, 3, 3, seed=45 + block) for block in range(2)}
    changed = deepcopy(model)
    changed.load_state_dict(model.state_dict() | state)
    learner.MirrorNet.through(mirrored_after).gives(right_picture(changed, *code), model, state, *code)


@check("MirrorNet", "no parameters besides the model's")
def test_mirror_parameters(learner):
    learner.MirrorNet.through(foreign_parameters).gives(0, network((2, 3, 1), (4, 5), seed=6))


@check("MirrorNet", "gradients flow to the features")
def test_mirror_gradient(learner):
    model, x = network((1, 2, 3), (5, 6)), draw(1, 1, 5, 6, seed=47)
    with torch.no_grad():
        features, switches, sizes = model.encode(x)
    weights = draw(1, 1, 5, 6, seed=48)
    mirror = learner.MirrorNet(learner.place(model))
    _, (gradient, *_) = mirror.vjp((features, switches, sizes), weights)
    leaf = features.clone().requires_grad_()
    (expected,) = torch.autograd.grad(reference.MirrorNet(model)(leaf, switches, sizes), leaf, weights)
    close = gradient is not None and torch.allclose(gradient, expected, rtol=0, atol=1e-3)
    learner.require(close, "the gradient of the picture is autograd's", expected=expected, yours=gradient)


@check("MirrorNet", "any blocks, sizes and kernels", weight=2, hidden=True)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_mirror_drawn(learner, data, seed):
    channels = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    blocks, kernel = len(channels) - 1, data.draw(st.sampled_from([1, 3, 5]))
    size = tuple(2**blocks + data.draw(st.integers(0, 6)) for _ in range(2))
    model = network(channels, size, kernel, seed)
    with torch.no_grad():
        features, switches, sizes = model.encode(draw(data.draw(st.integers(1, 2)), channels[0], *size, seed=seed))
    features = draw(*features.shape, seed=seed + 1)
    expected = right_picture(model, features, switches, sizes)
    learner.MirrorNet.through(mirrored).gives(expected, model, features, switches, sizes)


@check("MirrorNet", "refuses switches or sizes that do not match the blocks")
def test_mirror_refuses(learner):
    model = network((1, 2, 2), (4, 5))
    with torch.no_grad():
        features, switches, sizes = model.encode(draw(1, 1, 4, 5, seed=49))
    learner.MirrorNet.through(mirrored).raises(ValueError, model, features, switches[1:], sizes)
    learner.MirrorNet.through(mirrored).raises(ValueError, model, features, switches, sizes[1:])


# four_steps


def right_steps(model, x):
    return reference.four_steps(model, x)


@check("four_steps", "one block: two values there and back", weight=3)
def test_steps_by_hand(learner):
    model = one_block()
    model.convolutions[0].bias.data.zero_()
    model.convolutions[0].weight.data = image([[0, 0, 0], [0, 2, -1], [0, 0, 0]])
    # The convolution gives [[0, 4, -4, 5, 6], [2, 0, 0, 0, 0], ...]; the fifth column fills no window.
    x = image([[1, 2, 0, 4, 3], [1, 0, 0, 0, 0], [0, 0, 0, 0, 3]])
    expected = {
        "forward": image([[4, 5]]),
        "vector": torch.tensor([[4.0, 5.0]]),
        "unpooling": image([[0, 4, 0, 5, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
        "inverse_convolution": image([[0, 8, -4, 10, -5], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]),
    }
    learner.four_steps.gives(expected, model, x)


@check("four_steps", "two blocks: unpooling and convolution take turns", weight=3)
def test_steps_two_blocks(learner):
    model, x = network((1, 2, 3), (5, 6)), draw(1, 1, 5, 6, seed=51)
    learner.four_steps.gives(right_steps(model, x), model, x)


@check("four_steps", "two images: a vector for each")
def test_steps_batch(learner):
    model, x = network((1, 2, 2, 3), (8, 11), seed=3), draw(2, 1, 8, 11, seed=52)
    learner.four_steps.gives(right_steps(model, x), model, x)


@check("four_steps", "a model in training mode is left in it")
def test_steps_training_mode(learner):
    model, x = network((1, 2), (4, 6)).train(), draw(1, 1, 4, 6, seed=53)
    learner.four_steps.gives(right_steps(model, x), model, x)


@check("four_steps", "any blocks, sizes and kernels", weight=2, hidden=True)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_steps_drawn(learner, data, seed):
    channels = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    blocks, kernel = len(channels) - 1, data.draw(st.sampled_from([1, 3, 5]))
    size = tuple(2**blocks + data.draw(st.integers(0, 5)) for _ in range(2))
    model, x = network(channels, size, kernel, seed), draw(1, channels[0], *size, seed=seed)
    learner.four_steps.gives(right_steps(model, x), model, x)


@check("four_steps", "refuses an image without its batch axis")
def test_steps_refuses(learner):
    learner.four_steps.raises((TypeError, ValueError), network((1, 2), (4, 6)), draw(1, 4, 6, seed=54))
