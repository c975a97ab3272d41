"""Comparing pictures of papers: coarse enough for another machine's rounding, fine enough to catch a shifted column."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden" / "papers"
PPI = 60
BLOCK, TOLERANCE = 3, 40
"""Mean grey of blocks of 3 x 3 points may differ by 40 of 255."""


def assert_looks_like(name: str, pages: list[bytes]) -> None:
    """The pages look like the stored pictures `<name>-<page>.png`; HIS_UPDATE_GOLDEN=1 stores them anew."""
    for number, page in enumerate(pages, 1):
        path = GOLDEN / f"{name}-{number}.png"
        if os.environ.get("HIS_UPDATE_GOLDEN"):
            path.write_bytes(page)
        known, seen = _blocks(grey(path.read_bytes())), _blocks(grey(page))
        assert known.shape == seen.shape, f"{path.name}: another page size"
        worst = np.unravel_index(np.abs(known - seen).argmax(), known.shape)
        gap = float(np.abs(known - seen).max())
        assert gap <= TOLERANCE, (
            f"{path.name} differs by {gap:.0f} near row {worst[0] * BLOCK}, column {worst[1] * BLOCK}"
        )
    assert not (GOLDEN / f"{name}-{len(pages) + 1}.png").exists(), "a page is missing"


def _blocks(picture: np.ndarray) -> np.ndarray:
    height, width = (side // BLOCK * BLOCK for side in picture.shape)
    return picture[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(1, 3))


def grey(png: bytes) -> np.ndarray:
    """The picture as an array of grey values; reads 8-bit PNG without interlace, which is what typst writes."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, header = 8, b"", b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        header = body if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", header)
    assert (depth, interlace) == (8, 0)
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    pixels = _unfilter(zlib.decompress(packed), width * channels, height, channels).reshape(height, width, channels)
    return pixels[..., : 1 if channels < 3 else 3].mean(axis=2)


def _unfilter(raw: bytes, stride: int, height: int, step: int) -> np.ndarray:
    lines = np.frombuffer(raw, np.uint8).reshape(height, stride + 1)
    out = np.zeros((height, stride), np.uint8)
    above = np.zeros(stride, np.int32)
    for y in range(height):
        kind, line = lines[y, 0], lines[y, 1:].astype(np.int32)
        if kind == 2:
            line = (line + above) & 255
        elif kind in (1, 3, 4):
            line = _by_neighbours(kind, line, above, step)
        out[y], above = line, line
    return out


def _by_neighbours(kind: int, line: np.ndarray, above: np.ndarray, step: int) -> np.ndarray:
    """Filters Sub, Average and Paeth, where each point needs the one to its left."""
    done, up = [0] * len(line), above.tolist()
    for x, value in enumerate(line.tolist()):
        left, corner = (done[x - step], up[x - step]) if x >= step else (0, 0)
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + up[x]) // 2
        else:
            p = left + up[x] - corner
            guess = min((abs(p - left), 0, left), (abs(p - up[x]), 1, up[x]), (abs(p - corner), 2, corner))[2]
        done[x] = (value + guess) & 255
    return np.array(done, np.int32)
