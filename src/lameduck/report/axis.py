"""Round numbers along a time axis."""

import math

__all__ = ["round_step", "ticks"]


def round_step(length_s: float, most: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten (seconds) that cuts the length into no more than `most` pieces."""
    if length_s <= 0 or most < 1:
        raise ValueError(f"no steps along {length_s} s in {most} pieces")
    rough = length_s / most
    power = 10.0 ** math.floor(math.log10(rough))
    # Rounding noise must not skip a step that fits exactly: 0.30000000000000004 is 0.3.
    return next(power * step for step in (1, 2, 5, 10) if power * step >= rough * (1 - 1e-9))


def ticks(start_s: float, end_s: float, most: int) -> tuple[float, ...]:
    """The round times from start to end, ascending; zero is one of them where it lies between."""
    step = round_step(end_s - start_s, most)
    first, last = math.ceil(start_s / step - 1e-9), math.floor(end_s / step + 1e-9)
    return tuple(round(number * step, 9) for number in range(first, last + 1))
