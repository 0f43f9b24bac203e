"""Chapter 14's 23 decoder layers: sizes and strides of published networks, and their operations and bytes by algorithm."""

from __future__ import annotations

from dataclasses import dataclass

#: The algorithms of `conv_transpose_macs` that a program of the chapter follows.
ALGORITHMS = ("zero_insertion", "gemm", "polyphase", "fft")


@dataclass(frozen=True)
class Decoder:
    """A transposed convolution: all sides are square."""

    name: str
    batch: int
    c_in: int
    c_out: int
    side: int
    kernel: int
    stride: int
    padding: int
    more: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return self.batch, self.c_in, self.side, self.side

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return self.c_in, self.c_out, self.kernel, self.kernel

    @property
    def out(self) -> int:
        return (self.side - 1) * self.stride + self.kernel - 2 * self.padding + self.more

    @property
    def macs(self) -> int:
        """Multiplications of the matrix product: the unit in which speeds are told, whatever the algorithm."""
        return self.batch * self.side**2 * self.c_in * self.c_out * self.kernel**2

    def numbers(self, algorithm: str) -> int:
        """How many numbers an algorithm must at least read or write: input, weights, result, and what it makes between."""
        n, y, s = self.batch, self.side, self.stride
        k = -(-self.kernel // s)
        ends = n * self.c_in * y * y + self.c_in * self.c_out * self.kernel**2 + n * self.c_out * self.out**2
        whole = (y - 1) * s + self.kernel
        between = {
            "direct": 0,
            "zero_insertion": 2 * n * self.c_in * ((y - 1) * s + 1) ** 2,
            "gemm": 2 * n * self.c_out * (self.kernel * y) ** 2,
            "polyphase": 2 * n * self.c_out * (s * (y + k - 1)) ** 2,
            "fft": 2 * whole * (whole // 2 + 1) * 2 * (n * self.c_in + self.c_in * self.c_out + n * self.c_out),
        }
        return ends + between[algorithm]


def _all() -> tuple[Decoder, ...]:
    dcgan = ((1, 512, 256, 4), (2, 256, 128, 8), (3, 128, 64, 16), (4, 64, 3, 32))
    found = [Decoder(f"DCGAN {i}, {n} images", n, a, b, y, 4, 2, 1, 0) for i, a, b, y in dcgan for n in (16, 64)]
    found += [Decoder("FCN-32s", 1, 21, 21, 16, 64, 32, 0, 0), Decoder("FCN-8s", 1, 21, 21, 64, 16, 8, 4, 0)]
    found += [Decoder(f"U-Net, {n} image{'s' * (n > 1)}", n, 512, 256, 28, 2, 2, 0, 0) for n in (1, 4)]
    found += [Decoder("SegNet, 4 images", 4, 128, 64, 32, 3, 2, 1, 1)]
    found += [Decoder(f"FSRCNN x{s}, {y} px", 1, 56, 1, y, 9, s, 4, s - 1) for s in (2, 3, 4) for y in (64, 128)]
    found += [Decoder(f"Zeiler 1, {n} image{'s' * (n > 1)}", n, 96, 3, 55, 11, 4, 2, 1) for n in (1, 8)]
    found += [Decoder("Zeiler 1, 7 x 7", 1, 96, 3, 110, 7, 2, 1, 1), Decoder("Zeiler 2", 1, 256, 96, 26, 5, 2, 2, 1)]
    return tuple(found)


DECODERS = _all()
