"""Pictures to films: GIF by pillow, MP4 by ffmpeg."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg import paths
from kg.errors import KgError

if TYPE_CHECKING:
    from PIL.Image import Image

Picture = NDArray[np.uint8]

COLOURS = 192
"""Of a GIF: more make it larger, and no finer to look at."""
TYPICAL = 8
"""Pictures that the colours of a GIF are chosen from."""
PAUSE = 0.8
"""Seconds that a GIF rests on its last picture before it begins again."""


def write_gif(path: Path, pictures: Iterable[Picture], rate: float, background: Picture) -> None:
    """Write pictures (H, W, 3) as a GIF that begins again and again, whole or not at all.

    Args:
        path: Where to.
        pictures: What to show; they stay in memory together.
        rate: Pictures a second, kept on average: a GIF counts in hundredths of a second.
        background: sRGB (3,), which is kept exactly.
    """
    from PIL import Image

    frames = [Image.fromarray(picture) for picture in pictures]
    typical = [frames[row] for row in np.linspace(0, len(frames) - 1, TYPICAL).astype(int)]
    palette = _palette(typical, background)
    # Without dithering: its noise would flicker, and hardly be compressed.
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    clock = np.round(100 * np.arange(len(frames) + 1) / rate) * 10
    durations = np.diff(clock).astype(int)
    durations[-1] += round(1000 * PAUSE)
    with paths.replacing(path) as temporary:
        drawn[0].save(temporary, save_all=True, append_images=drawn[1:], duration=durations.tolist(), loop=0)


def _palette(typical: "list[Image]", background: Picture) -> "Image":
    """Return an image with the palette for all; a colour counts the same however many pixels have it.

    Otherwise a cloud's many pale points would leave nothing for its few keypoints.
    """
    from PIL import Image

    pixels = np.concatenate([np.asarray(frame).reshape(-1, 3) for frame in typical])
    distinct = np.unique(pixels // 8, axis=0) * 8 + 4
    palette = Image.fromarray(distinct[None].astype(np.uint8)).quantize(COLOURS, Image.Quantize.MEDIANCUT)
    colours = np.array(palette.getpalette()).reshape(-1, 3)
    colours[np.abs(colours - background.astype(int)).sum(axis=1).argmin()] = background
    palette.putpalette(colours.reshape(-1).tolist())
    return palette


def find_ffmpeg() -> str:
    """Return the ffmpeg program: the user's own, else that of the package imageio-ffmpeg.

    Raises:
        KgError: There is neither.
    """
    if own := shutil.which("ffmpeg"):
        return own
    try:
        from imageio_ffmpeg import get_ffmpeg_exe

        return str(get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise KgError(
            "An .mp4 film needs ffmpeg, which is not here.",
            "Install one: pip install imageio-ffmpeg. Or write a .gif.",
        ) from error


def write_mp4(path: Path, pictures: Iterable[Picture], rate: float, ffmpeg: str) -> None:
    """Write pictures (H, W, 3) as an H.264 film, whole or not at all; `rate` is in pictures a second.

    Raises:
        KgError: ffmpeg fails.
    """
    with paths.replacing(path) as temporary, tempfile.TemporaryFile() as messages:
        # H.264's usual colours come in blocks of 2 × 2 pixels.
        even = (
            np.pad(picture, [(0, side % 2) for side in picture.shape[:2]] + [(0, 0)], mode="edge")
            for picture in pictures
        )
        first = next(even)
        command = _command(ffmpeg, first.shape[1], first.shape[0], rate, temporary)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages) as process:
            assert process.stdin is not None
            try:
                # If it ends before it has all, it says why, below.
                with suppress(BrokenPipeError):
                    for picture in chain([first], even):
                        process.stdin.write(picture.tobytes())
                    process.stdin.close()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            messages.seek(0)
            lines = messages.read().decode(errors="replace").strip().splitlines() or ["it says nothing"]
            raise KgError(f"{ffmpeg} could not write {path}: {lines[-1]}", "Write a .gif instead.")


def _command(ffmpeg: str, width: int, height: int, rate: float, path: Path) -> list[str]:
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        f"{rate:.6g}",
        "-i",
        "-",
    ]
    coding = ["-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p"]
    # Readable from its beginning, and without the program's version: the same film has the same bytes.
    plain = [
        "-movflags",
        "+faststart",
        "-fflags",
        "+bitexact",
        "-flags:v",
        "+bitexact",
        "-map_metadata",
        "-1",
    ]
    return [ffmpeg, "-y", "-loglevel", "error", *source, *coding, *plain, str(path)]
