"""Pictures drawn by this project: labels with words, wood, tiles, plaster. The same bytes on every machine.

They are indexed PNG files of at most 16 colours. No drawing library takes part: fonts and compressors differ from one of
their versions to the next, and with them the bytes and the set's hash.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.envs.libero.lite.mjcf import Picture

Colour = tuple[int, int, int]
_Pixels = npt.NDArray[np.uint8]

# A letter is five columns, from the left; in each the lowest bit is the top of seven pixels. Drawn for this set.
_LETTERS = {
    "A": "7e1111117e", "B": "7f49494936", "C": "3e41414122", "D": "7f4141413e", "E": "7f49494941", "F": "7f09090901",
    "G": "3e41494932", "H": "7f0808087f", "I": "00417f4100", "J": "2040413f01", "K": "7f08142241", "L": "7f40404040",
    "M": "7f020c027f", "N": "7f0408107f", "O": "3e4141413e", "P": "7f09090906", "Q": "3e4151215e", "R": "7f09192946",
    "S": "2649494932", "T": "01017f0101", "U": "3f4040403f", "V": "0f3040300f", "W": "3f4038403f", "X": "6314081463",
    "Y": "0304780403", "Z": "6151494543", "&": "3649562050", "-": "0808080808", " ": "0000000000",
}  # fmt: skip


class Canvas:
    """A picture being drawn; places are fractions of its width and height, from the upper left corner."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        """Starts with one colour all over; both sides are even numbers of pixels."""
        self._pixels: _Pixels = np.zeros((height, width), dtype=np.uint8)
        self._palette: list[Colour] = [background]

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> Canvas:
        """Fills a rectangle."""
        height, width = self._pixels.shape
        rows = slice(round(top * height), round(bottom * height))
        self._pixels[rows, round(left * width) : round(right * width)] = self._index(colour)
        return self

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> Canvas:
        """Fills a circle; the radius is a fraction of the height."""
        height, width = self._pixels.shape
        rows, columns = np.mgrid[0:height, 0:width]
        inside = (rows + 0.5 - y * height) ** 2 + (columns + 0.5 - x * width) ** 2 < (radius * height) ** 2
        self._pixels[inside] = self._index(colour)
        return self

    def words(self, x: float, y: float, text: str, colour: Colour, scale: int = 2) -> Canvas:
        """Writes capital letters centred about a place; what lies outside is cut off."""
        height, width = self._pixels.shape
        columns = [int(_LETTERS[letter][2 * i : 2 * i + 2], 16) if i < 5 else 0 for letter in text for i in range(6)]
        bits = np.array([[column >> row & 1 for column in columns] for row in range(7)], dtype=bool)
        large = np.kron(bits, np.ones((scale, scale), dtype=bool))
        rows, places = np.nonzero(large)
        rows += round(y * height) - large.shape[0] // 2
        places += round(x * width) - large.shape[1] // 2
        seen = (rows >= 0) & (rows < height) & (places >= 0) & (places < width)
        self._pixels[rows[seen], places[seen]] = self._index(colour)
        return self

    def picture(self, name: str) -> Picture:
        """The finished picture."""
        return Picture(name, _png(self._pixels, self._palette))

    def _index(self, colour: Colour) -> int:
        if colour not in self._palette:
            self._palette.append(colour)
        return self._palette.index(colour)


def wood(name: str, light: Colour, dark: Colour, *, seed: int, side: int = 128) -> Picture:
    """Grain along the picture's rows: streaks of different lengths, between two colours."""
    noise = _noise(side, side, seed)
    streaks = np.zeros((side, side))
    for length, weight in ((side, 3), (side // 4, 2), (side // 16, 1)):
        columns = np.arange(side) // length
        streaks += weight * noise[:, columns * length % side].astype(float)
    blurred = streaks + np.roll(streaks, 1, axis=0)
    return _shaded(name, blurred / (12 * 255), light, dark)


def plaster(name: str, light: Colour, dark: Colour, *, seed: int) -> Picture:
    """Fine speckles between two colours."""
    return _shaded(name, _noise(64, 64, seed) / 256, light, dark)


def tiles(name: str, light: Colour, dark: Colour, joint: Colour, *, seed: int) -> Picture:
    """Two by two square tiles of slightly different shades with joints between them."""
    side, across = 128, 2
    shade = np.repeat(np.repeat(_noise(across, across, seed), side // across, 0), side // across, 1) / 256
    rows = _noise(side, 1, seed + 1) / 256
    pixels = np.round((0.6 * shade + 0.4 * rows) * 13).astype(np.uint8)
    edge = np.arange(side) % (side // across) < 2
    pixels[edge, :] = pixels[:, edge] = 14
    return Picture(name, _png(pixels, [*_between(light, dark, 14), joint]))


def placed(picture: Picture, folder: str, *, kind: str = "2d", texture: str = "") -> Picture:
    """The picture, its file in another folder, and perhaps of another type and MuJoCo name: see `Picture`."""
    return Picture(picture.name, picture.png, kind, folder, texture)


def _shaded(name: str, values: npt.NDArray[np.float64], light: Colour, dark: Colour) -> Picture:
    pixels = np.clip(np.floor(values * 16), 0, 15).astype(np.uint8)
    return Picture(name, _png(pixels, _between(light, dark, 16)))


def _between(light: Colour, dark: Colour, count: int) -> list[Colour]:
    """Colours in equal steps from the first to the second."""
    last = count - 1
    return [
        (
            (light[0] * (last - i) + dark[0] * i) // last,
            (light[1] * (last - i) + dark[1] * i) // last,
            (light[2] * (last - i) + dark[2] * i) // last,
        )
        for i in range(count)
    ]


def _noise(height: int, width: int, seed: int) -> npt.NDArray[np.uint32]:
    """Numbers from 0 to 255 without a pattern: xorshift and multiplication of each pixel's place (32-bit integers)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.uint32)
    value = rows * np.uint32(0x9E3779B1) + columns * np.uint32(0x85EBCA77) + np.uint32(seed * 7919 % 2**32)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39), (15, 1)):
        value = (value ^ (value >> np.uint32(shift))) * np.uint32(factor)
    noise: npt.NDArray[np.uint32] = value & np.uint32(0xFF)
    return noise


def _png(pixels: _Pixels, palette: Sequence[Colour]) -> bytes:
    """An indexed PNG of four bits a pixel, stored without compression (PNG 1.2, sections 4.1 and 5; RFC 1950 and 1951)."""
    if len(palette) > 16:
        raise ValueError(f"a picture has {len(palette)} colours; 16 fit")
    height, width = pixels.shape
    packed = pixels[:, 0::2] << 4 | pixels[:, 1::2]
    rows = np.concatenate([np.zeros((height, 1), dtype=np.uint8), packed], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    colours = bytes(value for colour in palette for value in colour)
    chunks = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", _stored(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _stored(data: bytes) -> bytes:
    """A zlib stream of uncompressed blocks: compressors differ, and the set's bytes must not."""
    blocks = [data[start : start + 0xFFFF] for start in range(0, len(data), 0xFFFF)]
    body = b"".join(
        struct.pack("<BHH", index == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for index, block in enumerate(blocks)
    )
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
