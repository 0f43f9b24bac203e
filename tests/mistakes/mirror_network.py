"""Wrong answers to chapter 7 that learners give."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import mirror_network as reference

# SwitchedCNN


@mistake("SwitchedCNN")
class SwitchedCNNWithoutReLU(reference.SwitchedCNN):
    """the ReLU is left out

    Without it every block is linear but for the pooling. Each block is a convolution, a ReLU and a pooling.
    """

    def encode(self, x):
        switches, sizes = [], []
        for convolution in self.convolutions:
            x = convolution(x)
            sizes.append(tuple(x.shape[2:]))
            x, where = F.max_pool2d(x, 2, return_indices=True)
            switches.append(where)
        return x, switches, sizes


@mistake("SwitchedCNN")
class SwitchedCNNReLULast(reference.SwitchedCNN):
    """the ReLU comes after the pooling

    The features are the same, since neither changes the order of two numbers. The switches are not: where nothing in a window
    is above zero, all its pixels are equal after the ReLU, and the first one wins.
    """

    def encode(self, x):
        switches, sizes = [], []
        for convolution in self.convolutions:
            x = convolution(x)
            sizes.append(tuple(x.shape[2:]))
            x, where = F.max_pool2d(x, 2, return_indices=True)
            x = F.relu(x)
            switches.append(where)
        return x, switches, sizes


@mistake("SwitchedCNN")
class SwitchedCNNSizesAfterwards(reference.SwitchedCNN):
    """the sizes are those after the poolings

    They are known from the features anyway. What is lost is the size that each pooling was given: both 6 and 7 give 3.
    """

    def encode(self, x):
        features, switches, _ = super().encode(x)
        return features, switches, [tuple(where.shape[2:]) for where in switches]


@mistake("SwitchedCNN")
class SwitchedCNNSizesOfTheImages(reference.SwitchedCNN):
    """the sizes are those of the blocks' inputs with their channels

    Only height and width are wanted, as a pair: x.shape[2:] in place of x.shape.
    """

    def encode(self, x):
        features, switches, sizes = super().encode(x)
        channels = [convolution.out_channels for convolution in self.convolutions]
        return features, switches, [(len(x), count, *size) for count, size in zip(channels, sizes, strict=True)]


@mistake("SwitchedCNN")
class SwitchedCNNWidthFirst(reference.SwitchedCNN):
    """the sizes are (width, height)

    A pair is always (height, width): rows first.
    """

    def encode(self, x):
        features, switches, sizes = super().encode(x)
        return features, switches, [size[::-1] for size in sizes]


@mistake("SwitchedCNN")
class SwitchedCNNLastBlockFirst(reference.SwitchedCNN):
    """the lists begin with the last block

    That is the order in which the mirror needs them; encode keeps the order in which they arise, the first block first.
    """

    def encode(self, x):
        features, switches, sizes = super().encode(x)
        return features, switches[::-1], sizes[::-1]


@mistake("SwitchedCNN")
class SwitchedCNNTuples(reference.SwitchedCNN):
    """switches and sizes are tuples

    Lists were asked for, one entry a block.
    """

    def encode(self, x):
        features, switches, sizes = super().encode(x)
        return features, tuple(switches), tuple(sizes)


@mistake("SwitchedCNN")
class SwitchedCNNRoundsUp(reference.SwitchedCNN):
    """the pooling rounds up

    A last row or column that fills no window was pooled all the same (ceil_mode). It is dropped here, PyTorch's default.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel)
        sides = (image_size, image_size) if isinstance(image_size, int) else image_size
        for _ in channels:
            sides = [-(-side // 2) for side in sides]
        self.classifier = nn.Linear(channels[-1] * sides[0] * sides[1], classes)

    def encode(self, x):
        switches, sizes = [], []
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
            sizes.append(tuple(x.shape[2:]))
            x, where = F.max_pool2d(x, 2, return_indices=True, ceil_mode=True)
            switches.append(where)
        return x, switches, sizes


@mistake("SwitchedCNN")
class SwitchedCNNUnpadded(reference.SwitchedCNN):
    """the convolutions have no padding

    Then each one takes kernel - 1 rows and columns away. Padding by kernel // 2 keeps the size.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel)
        for convolution in self.convolutions:
            assert isinstance(convolution, nn.Conv2d)
            convolution.padding = (0, 0)


@mistake("SwitchedCNN")
class SwitchedCNNPaddedByOne(reference.SwitchedCNN):
    """the padding is always 1

    That keeps the size for kernels of 3 x 3 only. A kernel of k needs k // 2.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel)
        for convolution in self.convolutions:
            assert isinstance(convolution, nn.Conv2d)
            convolution.padding = (1, 1)


@mistake("SwitchedCNN")
class SwitchedCNNSoftmax(reference.SwitchedCNN):
    """the scores went through a softmax

    The cross-entropy of PyTorch takes logits and has the softmax inside. A second one makes training slow.
    """

    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@mistake("SwitchedCNN")
class SwitchedCNNReLUOnScores(reference.SwitchedCNN):
    """the scores went through a ReLU

    A score may be negative. The ReLU belongs after each convolution, not after the linear layer.
    """

    def forward(self, x):
        return super().forward(x).relu()


@mistake("SwitchedCNN")
class SwitchedCNNUnregistered(nn.Module):
    """the layers stand in a Python list

    nn.Module does not see into lists: the layers are missing from parameters(), so no optimizer trains them and to(device)
    leaves them behind. nn.ModuleList is a list that it sees.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__()
        made = reference.SwitchedCNN(in_channels, channels, classes, image_size, kernel)
        self.convolutions, self.classifier = list(made.convolutions), made.classifier

    encode = reference.SwitchedCNN.encode
    forward = reference.SwitchedCNN.forward


@mistake("SwitchedCNN")
class SwitchedCNNWithoutBias(reference.SwitchedCNN):
    """the convolutions have no bias

    It is the mirror that goes back without one. The network has them, as PyTorch's convolutions do unless told otherwise.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel)
        for convolution in self.convolutions:
            convolution.register_parameter("bias", None)


@mistake("SwitchedCNN")
class SwitchedCNNOtherNames(nn.Module):
    """the layers have other names

    convolutions and classifier are promised: the mirror reads them, and so do the checks.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__()
        made = reference.SwitchedCNN(in_channels, channels, classes, image_size, kernel)
        self.convs, self.fc = made.convolutions, made.classifier

    def encode(self, x):
        switches, sizes = [], []
        for convolution in self.convs:
            x = F.relu(convolution(x))
            sizes.append(tuple(x.shape[2:]))
            x, where = F.max_pool2d(x, 2, return_indices=True)
            switches.append(where)
        return x, switches, sizes

    def forward(self, x):
        return self.fc(self.encode(x)[0].flatten(1))


@mistake("SwitchedCNN")
class SwitchedCNNRemembersEverything(reference.SwitchedCNN):
    """the lists grow from image to image

    They were made once, in __init__, and every call appends to them. Begin with empty lists in encode.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel)
        self.kept: tuple[list, list] = [], []

    def encode(self, x):
        features, switches, sizes = super().encode(x)
        self.kept[0].extend(switches)
        self.kept[1].extend(sizes)
        return features, list(self.kept[0]), list(self.kept[1])

    def forward(self, x):
        return self.classifier(reference.SwitchedCNN.encode(self, x)[0].flatten(1))


@mistake("SwitchedCNN")
class SwitchedCNNSquare(reference.SwitchedCNN):
    """the linear layer was made for square images

    image_size may be a pair. Height and width shrink each for itself.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        side = image_size if isinstance(image_size, int) else image_size[0]
        super().__init__(in_channels, channels, classes, side, kernel)


@mistake("SwitchedCNN")
class SwitchedCNNDetached(reference.SwitchedCNN):
    """the scores carry no gradient

    A no_grad, a detach or a .data on the way cuts it off, and nothing before that place is ever trained.
    """

    def forward(self, x):
        return self.classifier(self.encode(x)[0].detach().flatten(1)) + 0 * x.sum()


@mistake("SwitchedCNN")
class SwitchedCNNAnyKernel(reference.SwitchedCNN):
    """an even kernel was accepted

    With an even kernel no padding keeps the size: k // 2 on each side makes it one larger. ValueError.
    """

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__(in_channels, channels, classes, image_size, kernel + 1 - kernel % 2)


# train_classifier


def _train(model, loader, epochs, lr, optimizer=None, loss=F.cross_entropy, clear=True):
    """The loop, with the parts that go wrong exchanged; what the reference refuses is refused."""
    if epochs < 1 or lr <= 0 or not loader:
        raise ValueError("refused")
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=lr)
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    model.train()
    for _ in range(epochs):
        total, right, seen = 0.0, 0, 0
        for images, labels in loader:
            logits = model(images)
            value = loss(logits, labels)
            if clear:
                optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(labels)
            right += int((logits.argmax(dim=1) == labels).sum())
            seen += len(labels)
        history["loss"].append(total / seen)
        history["accuracy"].append(right / seen)
    model.eval()
    return history


@mistake("train_classifier")
def train_classifier_never_cleared(model, loader, epochs, lr, device="cpu"):
    """the gradients were never set back to zero

    backward() adds to .grad. Without optimizer.zero_grad() each step uses the sum of all gradients so far.
    """
    return _train(model, loader, epochs, lr, clear=False)


@mistake("train_classifier")
def train_classifier_sgd(model, loader, epochs, lr, device="cpu"):
    """plain gradient descent was used

    torch.optim.SGD moves by lr times the gradient. Adam scales each number's step by the history of its gradients.
    """
    return _train(model, loader, epochs, lr, torch.optim.SGD(model.parameters(), lr=lr) if lr > 0 else None)


@mistake("train_classifier")
def train_classifier_default_rate(model, loader, epochs, lr, device="cpu"):
    """lr was not passed to the optimizer

    Adam then takes its own 0.001.
    """
    return _train(model, loader, epochs, lr, torch.optim.Adam(model.parameters()))


@mistake("train_classifier")
def train_classifier_forgets(model, loader, epochs, lr, device="cpu"):
    """a new optimizer was made in every epoch

    Adam's memory of earlier gradients lives in the optimizer. Make it once, before the loop.
    """
    histories = [_train(model, loader, 1, lr) for _ in range(epochs)] if epochs > 0 else [_train(model, loader, 0, lr)]
    return {key: [history[key][0] for history in histories] for key in ("loss", "accuracy")}


@mistake("train_classifier")
def train_classifier_double_softmax(model, loader, epochs, lr, device="cpu"):
    """a softmax came before the cross-entropy

    F.cross_entropy has the softmax inside; it takes the logits as they are.
    """
    return _train(model, loader, epochs, lr, loss=lambda z, y: F.cross_entropy(z.softmax(dim=1), y))


@mistake("train_classifier")
def train_classifier_divided_twice(model, loader, epochs, lr, device="cpu"):
    """the batches' mean losses were added up and divided by the number of images

    A batch's loss is a mean already. Multiply it by the batch's images before adding it up.
    """
    kept = []

    def loss(logits, labels):
        value = F.cross_entropy(logits, labels)
        kept.append(value.item())
        return value

    history = _train(model, loader, epochs, lr, loss=loss)
    n, images = len(loader), sum(len(labels) for _, labels in loader)
    return history | {"loss": [sum(kept[i * n : (i + 1) * n]) / images for i in range(epochs)]}


@mistake("train_classifier")
def train_classifier_mean_of_means(model, loader, epochs, lr, device="cpu"):
    """every batch counts the same

    The mean of the batches' means is not the mean over the images when the last batch is smaller.
    """
    kept = []

    def loss(logits, labels):
        value = F.cross_entropy(logits, labels)
        kept.append((value.item(), (logits.argmax(dim=1) == labels).double().mean().item()))
        return value

    history = _train(model, loader, epochs, lr, loss=loss)
    n = len(loader)
    for place, key in enumerate(("loss", "accuracy")):
        history[key] = [sum(pair[place] for pair in kept[i * n : (i + 1) * n]) / n for i in range(epochs)]
    return history


@mistake("train_classifier")
def train_classifier_last_batch(model, loader, epochs, lr, device="cpu"):
    """the history holds the last batch of each epoch

    Its loss is that of a few images. Add up over the epoch.
    """
    kept = []

    def loss(logits, labels):
        value = F.cross_entropy(logits, labels)
        kept.append((value.item(), (logits.argmax(dim=1) == labels).double().mean().item()))
        return value

    history = _train(model, loader, epochs, lr, loss=loss)
    n = len(loader)
    for place, key in enumerate(("loss", "accuracy")):
        history[key] = [kept[(i + 1) * n - 1][place] for i in range(epochs)]
    return history


@mistake("train_classifier")
def train_classifier_every_batch(model, loader, epochs, lr, device="cpu"):
    """the history has one entry a batch

    One number an epoch is wanted.
    """
    kept = []

    def loss(logits, labels):
        value = F.cross_entropy(logits, labels)
        kept.append((value.item(), (logits.argmax(dim=1) == labels).double().mean().item()))
        return value

    _train(model, loader, epochs, lr, loss=loss)
    return {"loss": [pair[0] for pair in kept], "accuracy": [pair[1] for pair in kept]}


@mistake("train_classifier")
def train_classifier_percent(model, loader, epochs, lr, device="cpu"):
    """the accuracy is in percent

    A share between 0 and 1 is wanted.
    """
    history = _train(model, loader, epochs, lr)
    return history | {"accuracy": [100 * value for value in history["accuracy"]]}


@mistake("train_classifier")
def train_classifier_tensors(model, loader, epochs, lr, device="cpu"):
    """the history holds tensors

    Python floats are wanted: value.item(). A loss kept as a tensor keeps its whole graph in memory.
    """
    history = _train(model, loader, epochs, lr)
    return {key: [torch.tensor(value) for value in values] for key, values in history.items()}


@mistake("train_classifier")
def train_classifier_eval_while_training(model, loader, epochs, lr, device="cpu"):
    """the model was never put into training mode

    Dropout and batch normalization work differently in the two modes: model.train() before, model.eval() after.
    """
    quiet = model.train
    model.train = lambda *a: model
    model.eval()
    try:
        return _train(model, loader, epochs, lr)
    finally:
        model.train = quiet
        model.eval()


@mistake("train_classifier")
def train_classifier_left_training(model, loader, epochs, lr, device="cpu"):
    """the model was left in training mode

    Whoever uses it next gets dropout in the predictions. model.eval() at the end.
    """
    history = _train(model, loader, epochs, lr)
    model.train()
    return history


@mistake("train_classifier")
def train_classifier_scored_afterwards(model, loader, epochs, lr, device="cpu"):
    """the images were scored after their step

    Then each batch is judged by a model that has just learned it. The history takes the scores that the step was made from.
    """
    kept: list[tuple] = []

    class Watching(torch.optim.Adam):
        def step(self, closure=None):
            super().step(closure)
            with torch.no_grad():
                logits, labels = model(kept[-1][0]), kept[-1][1]
            kept[-1] = (
                F.cross_entropy(logits, labels).item() * len(labels),
                int((logits.argmax(1) == labels).sum()),
                len(labels),
            )

    def tell(batches):
        for images, labels in batches:
            kept.append((images, labels))
            yield images, labels

    class Told(list):
        def __iter__(self):
            return tell(super().__iter__())

    told = Told(loader)
    history = _train(model, told, epochs, lr, Watching(model.parameters(), lr=lr) if lr > 0 else None)
    n = len(loader)
    for i in range(epochs):
        part = kept[i * n : (i + 1) * n]
        seen = sum(entry[2] for entry in part)
        history["loss"][i] = sum(entry[0] for entry in part) / seen
        history["accuracy"][i] = sum(entry[1] for entry in part) / seen
    return history


@mistake("train_classifier")
def train_classifier_accuracy_afterwards(model, loader, epochs, lr, device="cpu"):
    """the accuracy was counted after the step, with new scores

    The loss belongs to the scores before the step. Count the right names among the same scores.
    """
    losses, late = copy.deepcopy(model), train_classifier_scored_afterwards(model, loader, epochs, lr)
    return _train(losses, loader, epochs, lr) | {"accuracy": late["accuracy"]}


@mistake("train_classifier")
def train_classifier_copy(model, loader, epochs, lr, device="cpu"):
    """a copy of the model was trained

    The model that was passed has learned nothing. Train it itself; the function returns the history only.
    """
    from copy import deepcopy

    history = _train(deepcopy(model), loader, epochs, lr)
    model.eval()
    return history


@mistake("train_classifier")
def train_classifier_one_epoch(model, loader, epochs, lr, device="cpu"):
    """one epoch was trained

    A return inside the loop ends it, and so does an iterator that was made before it and is used up.
    """
    return _train(model, loader, min(epochs, 1), lr)


@mistake("train_classifier")
def train_classifier_accepts_all(model, loader, epochs, lr, device="cpu"):
    """nothing was refused

    No epoch, no batch and a learning rate of zero all give a history that looks like training: ValueError.
    """
    if epochs < 1 or not loader:
        return {"loss": [], "accuracy": []}
    return _train(model, loader, epochs, abs(lr) or 1e-30)


# MirrorNet


class _Mirror(nn.Module):
    """The mirror, with the parts that go wrong exchanged."""

    def __init__(self, model):
        super().__init__()
        self.convolutions = [convolution for convolution in model.convolutions]  # no parameters of its own

    def forward(self, features, switches, sizes):
        if not len(switches) == len(sizes) == len(self.convolutions):
            raise ValueError("one entry a block")
        x = features
        for block in self.order(range(len(sizes))):
            x = self.block(x, self.convolutions[block], switches[block], sizes[block])
        return x

    def order(self, blocks):
        return reversed(blocks)

    def block(self, x, convolution, where, size):
        return self.back(F.relu(self.unpool(x, where, size)), convolution)

    def unpool(self, x, where, size):
        return F.max_unpool2d(x, where, (2, 2), output_size=size)

    def back(self, x, convolution):
        return F.conv_transpose2d(x, convolution.weight, padding=convolution.padding)


@mistake("MirrorNet")
class MirrorNetForwardOrder(_Mirror):
    """the first block came first

    A mirror undoes the last block first. Its input, the features, has the last block's channels.
    """

    def order(self, blocks):
        return blocks


@mistake("MirrorNet")
class MirrorNetConvolvesFirst(_Mirror):
    """the convolution came before the unpooling

    That is the article's order. The pooling happened last in a block, so it is undone first; its switches belong to maps with
    the channels after the convolution.
    """

    def block(self, x, convolution, where, size):
        return self.unpool(F.relu(self.back(x, convolution)), where, size)


@mistake("MirrorNet")
class MirrorNetWithoutReLU(_Mirror):
    """the ReLU is left out

    Then it is a linear map, and negative values travel on. In the mirror a ReLU follows every unpooling.
    """

    def block(self, x, convolution, where, size):
        return self.back(self.unpool(x, where, size), convolution)


@mistake("MirrorNet")
class MirrorNetReLULast(_Mirror):
    """the ReLU comes after the transposed convolution

    The order in a block is unpooling, ReLU, transposed convolution. So the picture itself may be negative.
    """

    def block(self, x, convolution, where, size):
        return F.relu(self.back(self.unpool(x, where, size), convolution))


@mistake("MirrorNet")
class MirrorNetReLUTwice(_Mirror):
    """a ReLU follows the transposed convolution too

    There is one ReLU in a block, between the unpooling and the convolution. The picture itself may be negative.
    """

    def block(self, x, convolution, where, size):
        return F.relu(super().block(x, convolution, where, size))


@mistake("MirrorNet")
class MirrorNetBias(_Mirror):
    """the biases were used

    The mirror carries activations back, and a bias is no part of them. It would also have the wrong number of channels.
    """

    def back(self, x, convolution):
        bias = convolution.bias
        if convolution.in_channels != convolution.out_channels:
            bias = bias.sum().expand(convolution.in_channels)
        return super().back(x, convolution) + bias[None, :, None, None]


@mistake("MirrorNet")
class MirrorNetBiasTakenAway(_Mirror):
    """the bias was subtracted before the convolution

    That would undo the addition of a bias. The mirror leaves biases out altogether.
    """

    def back(self, x, convolution):
        return super().back(x - convolution.bias[None, :, None, None], convolution)


@mistake("MirrorNet")
class MirrorNetFlipped(_Mirror):
    """the kernels were flipped

    conv_transpose2d does the flip that its name implies: it takes the convolution's own tensor. Flip it yourself only if you
    use conv2d to go back.
    """

    def back(self, x, convolution):
        return F.conv_transpose2d(x, convolution.weight.flip(2, 3), padding=convolution.padding)


@mistake("MirrorNet")
class MirrorNetConv2d(_Mirror):
    """a convolution with exchanged channels went back, its kernel not flipped

    conv2d with weight.transpose(0, 1) has the right shape. To be the transposed convolution it needs the flip as well.
    """

    def back(self, x, convolution):
        return F.conv2d(x, convolution.weight.transpose(0, 1), padding=convolution.padding)


@mistake("MirrorNet")
class MirrorNetChannelsExchanged(_Mirror):
    """the weights' first two axes were exchanged

    A convolution's weights are (out, in, K, L), and conv_transpose2d takes (in, out, K, L). Its in is the convolution's out:
    the tensor already fits.
    """

    def back(self, x, convolution):
        return F.conv_transpose2d(x, convolution.weight.transpose(0, 1), padding=convolution.padding)


@mistake("MirrorNet")
class MirrorNetUnpadded(_Mirror):
    """the transposed convolution has no padding

    Then the picture grows by kernel - 1. In a transposed convolution padding crops: use the convolution's own.
    """

    def back(self, x, convolution):
        return F.conv_transpose2d(x, convolution.weight)


@mistake("MirrorNet")
class MirrorNetNearest(_Mirror):
    """every value was repeated over its window

    That is nearest-neighbor enlargement, as in the article's program. The switches say where the value came from.
    """

    def unpool(self, x, where, size):
        return F.interpolate(x, size=tuple(size))


@mistake("MirrorNet")
class MirrorNetDoubled(_Mirror):
    """the maps are unpooled to twice their size

    On an odd size the pooling has dropped a row or a column, and flat switches then point to wrong places. Pass the size that
    the pooling was given.
    """

    def unpool(self, x, where, size):
        flat = torch.zeros(*x.shape[:2], 4 * x.shape[2] * x.shape[3])
        flat.scatter_(2, where.flatten(2).clamp(max=flat.shape[2] - 1), x.flatten(2))
        return flat.reshape(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])


@mistake("MirrorNet")
class MirrorNetCopied(_Mirror):
    """the weights were copied

    clone, deepcopy and a new layer with copied numbers all stay behind when the model is trained on. Keep the model's own
    Parameter objects.
    """

    def __init__(self, model):
        from copy import deepcopy

        super().__init__(deepcopy(model))


@mistake("MirrorNet")
class MirrorNetRandom(_Mirror):
    """the mirror has weights of its own

    New nn.ConvTranspose2d layers start with random numbers. The mirror goes back through the very weights it came by.
    """

    def __init__(self, model):
        super().__init__(model)
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(c.out_channels, c.in_channels, c.kernel_size, padding=c.padding)
            for c in model.convolutions
        )
        self.found = {id(c): layer for c, layer in zip(self.convolutions, self.layers, strict=True)}

    def back(self, x, convolution):
        return self.found[id(convolution)](x)


@mistake("MirrorNet")
class MirrorNetDetached(_Mirror):
    """the picture carries no gradient

    It is a module: whoever wants no gradient says so outside. A no_grad, a detach or a .data inside cuts it off.
    """

    def forward(self, features, switches, sizes):
        return super().forward(features, switches, sizes).detach() + 0 * features.sum()


@mistake("MirrorNet")
class MirrorNetOwnBias(_Mirror):
    """the mirror has biases of its own

    Even biases of zero are parameters: an optimizer would move them.
    """

    def __init__(self, model):
        super().__init__(model)
        self.biases = nn.ParameterList(torch.zeros(c.in_channels) for c in model.convolutions)


@mistake("MirrorNet")
class MirrorNetZips(_Mirror):
    """lists of unequal length were accepted

    zip stops at the shortest list, and a block goes missing without a word. zip(..., strict=True) raises ValueError.
    """

    def forward(self, features, switches, sizes):
        x = features
        for convolution, where, size in reversed(list(zip(self.convolutions, switches, sizes, strict=False))):
            x = self.block(x, convolution, where, size)
        return x


# four_steps


def _steps(model, image, back):
    features, switches, sizes = model.encode(image)
    if image.ndim != 4:
        raise ValueError("four axes")
    unpooled, picture = back(features, switches, sizes, [c.weight for c in model.convolutions])
    return {"forward": features, "vector": features.flatten(1), "unpooling": unpooled, "inverse_convolution": picture}


def _crop(weight):
    return weight.shape[2] // 2


@mistake("four_steps")
@torch.no_grad()
def four_steps_article(model, image):
    """the steps are in the article's order

    The inverse convolution comes before the unpooling there. A block ended with its pooling, so the pooling is undone first.
    """

    def back(x, switches, sizes, weights):
        for where, size, weight in reversed(list(zip(switches, sizes, weights, strict=True))):
            filtered = F.conv_transpose2d(F.relu(x), weight, padding=_crop(weight))
            x = F.max_unpool2d(filtered, where[:, : filtered.shape[1]], (2, 2), output_size=size)
        return filtered, x

    return _steps(model, image, back)


@mistake("four_steps")
@torch.no_grad()
def four_steps_without_relu(model, image):
    """the ReLU before the convolution is missing

    In the mirror it follows every unpooling, the last one included.
    """

    def back(x, switches, sizes, weights):
        for where, size, weight in reversed(list(zip(switches, sizes, weights, strict=True))):
            unpooled = F.max_unpool2d(x, where, (2, 2), output_size=size)
            x = F.conv_transpose2d(unpooled, weight, padding=_crop(weight))
        return unpooled, x

    return _steps(model, image, back)


@mistake("four_steps")
@torch.no_grad()
def four_steps_after_relu(model, image):
    """ "unpooling" holds the maps after the ReLU

    It is what the unpooling itself gives. Negative values are still in it where there are several blocks.
    """

    def back(x, switches, sizes, weights):
        for where, size, weight in reversed(list(zip(switches, sizes, weights, strict=True))):
            unpooled = F.relu(F.max_unpool2d(x, where, (2, 2), output_size=size))
            x = F.conv_transpose2d(unpooled, weight, padding=_crop(weight))
        return unpooled, x

    return _steps(model, image, back)


@mistake("four_steps")
@torch.no_grad()
def four_steps_first_unpooling(model, image):
    """ "unpooling" holds the last block's maps

    They come first on the way back. The largest maps are wanted, those of the first block, one convolution before the picture.
    """

    def back(x, switches, sizes, weights):
        first = F.max_unpool2d(x, switches[-1], (2, 2), output_size=sizes[-1])
        for where, size, weight in reversed(list(zip(switches, sizes, weights, strict=True))):
            x = F.relu(F.max_unpool2d(x, where, (2, 2), output_size=size))
            x = F.conv_transpose2d(x, weight, padding=_crop(weight))
        return first, x

    return _steps(model, image, back)


@mistake("four_steps")
@torch.no_grad()
def four_steps_one_vector(model, image):
    """all images share one vector

    flatten() runs everything together. flatten(1) keeps the batch axis.
    """
    steps = dict(reference.four_steps(model, image))
    return steps | {"vector": steps["vector"].flatten()}


@mistake("four_steps")
@torch.no_grad()
def four_steps_channels_last(model, image):
    """the vector counts the channels fastest

    That is how a channels-last library would flatten (H, W, C). PyTorch's order is channel, row, column.
    """
    steps = dict(reference.four_steps(model, image))
    return steps | {"vector": steps["forward"].permute(0, 2, 3, 1).flatten(1)}


@mistake("four_steps")
def four_steps_with_history(model, image):
    """the results carry a gradient's history

    Nothing is trained here: with torch.no_grad() nothing is kept.
    """

    def back(x, switches, sizes, weights):
        for where, size, weight in reversed(list(zip(switches, sizes, weights, strict=True))):
            unpooled = F.max_unpool2d(x, where, (2, 2), output_size=size)
            x = F.conv_transpose2d(F.relu(unpooled), weight, padding=_crop(weight))
        return unpooled, x

    return _steps(model, image, back)


@mistake("four_steps")
@torch.no_grad()
def four_steps_eval(model, image):
    """the model was put into evaluation mode

    A function that looks into a model leaves it as it was.
    """
    model.eval()
    return reference.four_steps(model, image)


@mistake("four_steps")
@torch.no_grad()
def four_steps_logits(model, image):
    """ "forward" holds the scores of the classes

    The features are wanted, the maps after the last pooling. The classifier plays no part on the way back.
    """
    return dict(reference.four_steps(model, image)) | {"forward": model(image)}


@mistake("four_steps")
@torch.no_grad()
def four_steps_clipped(model, image):
    """the picture was clipped at zero

    Nothing follows the last transposed convolution. Its picture may be negative.
    """
    steps = dict(reference.four_steps(model, image))
    return steps | {"inverse_convolution": steps["inverse_convolution"].relu()}
