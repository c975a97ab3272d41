"""Codes that scanners read, as SVG: QR for phones and cameras, Code 128 for hand scanners. Pure."""

import io

import barcode
import segno

QUIET_QR, QUIET_128 = 2, 10


def qr_svg(text: str, *, error: str = "m", quiet: int = QUIET_QR) -> str:
    """A QR code as SVG with its quiet zone; scales to any size. `error` is the level of correction, l to h,
    `quiet` the margin in modules."""
    out = io.BytesIO()
    segno.make_qr(text, error=error).save(out, kind="svg", xmldecl=False, border=quiet, omitsize=True)
    return out.getvalue().decode()


def code128_svg(text: str) -> str:
    """A Code 128 barcode as SVG, one unit a module, with its quiet zone. Raises ValueError for other letters."""
    try:
        modules: str = barcode.get("code128", text).build()[0]
    except barcode.errors.BarcodeError as error:
        raise ValueError(str(error)) from error
    bars, start = [], 0
    for end in range(1, len(modules) + 1):
        if end == len(modules) or modules[end] != modules[start]:
            if modules[start] == "1":
                bars.append(f"M{start + QUIET_128} 0h{end - start}v40h-{end - start}z")
            start = end
    width = len(modules) + 2 * QUIET_128
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 40"><path d="{"".join(bars)}"/></svg>'
