"""Lines and bars as geometry: numbers in, path data out; pure, the templates only draw it.

Everything is in the units of a view box, so a chart fits every width; colours are classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 10.0, 10.0, 26.0
_NUM_Y_TICKS = 4
_NUM_X_TICKS = 5
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_BAR_SHARE = 0.68
_MAX_DOTTED = 31
"""Days of a month: each can be told from the next."""


@dataclass(frozen=True)
class Series:
    """Values of one thing; None where there was nothing to measure."""

    name: str
    tone: str
    """A colour class: `bot`, `human`, `queue`, `accent`, `soft`."""
    values: Sequence[float | None]


@dataclass(frozen=True)
class Tick:
    """A label at a place of an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A series as path data; `dots` are values without neighbours, or all where few."""

    name: str
    tone: str
    path: str
    area: str
    dots: tuple[tuple[float, float], ...]
    newest: str
    """The last value in words; a dash where there is none."""


@dataclass(frozen=True)
class Bar:
    """One rectangle with what it says when it is pointed at."""

    tone: str
    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """A drawing of lines or bars with its axes."""

    lines: tuple[Line, ...]
    bars: tuple[Bar, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    legend: tuple[tuple[str, str, str], ...]
    """Name, tone and what it stands at."""
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    floor: float = HEIGHT - _BOTTOM

    @property
    def is_empty(self) -> bool:
        """Nothing was measured."""
        return not self.bars and all(not line.path and not line.dots for line in self.lines)


def line_chart(
    series: Sequence[Series],
    labels: Sequence[str],
    *,
    unit: str = "",
    y_max: float | None = None,
    is_filled: bool = False,
) -> Chart:
    """Lines over equal steps of time; `labels` are those of the steps, oldest first."""
    highest = max((v for one in series for v in one.values if v is not None), default=0.0)
    top, ticks = _scale(highest if y_max is None else y_max, _size(highest, unit))
    lines = tuple(_line(one, top, unit, is_filled) for one in series)
    return Chart(
        lines=lines,
        bars=(),
        y_ticks=tuple(Tick(_y(value, top), show(value, unit)) for value in ticks),
        x_ticks=_x_ticks(labels, [_x(i, len(labels)) for i in range(len(labels))]),
        legend=tuple((line.name, line.tone, line.newest) for line in lines),
    )


def bar_chart(series: Sequence[Series], labels: Sequence[str], *, unit: str = "") -> Chart:
    """Bars, those of one label on top of each other."""
    totals = [sum(one.values[i] or 0.0 for one in series) for i in range(len(labels))]
    highest = max(totals, default=0.0)
    top, ticks = _scale(highest, _size(highest, unit))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(labels), 1)
    bars: list[Bar] = []
    for i, label in enumerate(labels):
        floor = 0.0
        for one in series:
            value = one.values[i] or 0.0
            if value > 0:
                y, height = _y(floor + value, top), _y(floor, top) - _y(floor + value, top)
                x = _LEFT + slot * (i + (1 - _BAR_SHARE) / 2)
                title = f"{label}, {one.name}: {show(value, unit)}"
                bars.append(Bar(one.tone, _r(x), _r(y), _r(slot * _BAR_SHARE), _r(height), title))
            floor += value
    centres = [_LEFT + slot * (i + 0.5) for i in range(len(labels))]
    legend = tuple(
        (one.name, one.tone, show(sum(v or 0.0 for v in one.values), unit)) for one in series
    )
    return Chart(
        lines=(),
        bars=tuple(bars),
        y_ticks=tuple(Tick(_y(value, top), show(value, unit)) for value in ticks),
        x_ticks=_x_ticks(labels, centres),
        legend=legend,
    )


def show(value: float, unit: str = "") -> str:
    """A number as a person reads it; shares are told in per cent, seconds down to milliseconds."""
    if unit == "%":
        return f"{value * 100:.0f} %"
    if unit == "s":
        return _seconds(value)
    text = f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2f}"
    return f"{text} {unit}".rstrip()


def _seconds(value: float) -> str:
    if value == 0:
        return "0"
    if value < 1:
        return f"{value * 1_000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    if value < 5_400:
        return f"{value / 60:.0f} min"
    return f"{value / 3_600:.1f} h" if value < 172_800 else f"{value / 86_400:.1f} d"


def _size(highest: float, unit: str) -> float:
    """What the lines of an axis are whole numbers of: many seconds are told in minutes or hours."""
    if unit != "s" or highest <= _NUM_Y_TICKS * 60:
        return 1.0
    return 60.0 if highest < 5_400 else 3_600.0


def _scale(highest: float, size: float) -> tuple[float, list[float]]:
    """A round number of `size`s at or above `highest`, and the lines below it."""
    if highest <= 0:
        return 1.0, [0.0, 1.0]
    top, ticks = _round_scale(highest / size)
    return top * size, [tick * size for tick in ticks]


def _round_scale(highest: float) -> tuple[float, list[float]]:
    raw = highest / _NUM_Y_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(one * power for one in _STEPS if one * power >= raw * (1 - 1e-9))
    num_steps = math.ceil(highest / step - 1e-9)
    return step * num_steps, [round(step * i, 10) for i in range(num_steps + 1)]


def _line(one: Series, top: float, unit: str, is_filled: bool) -> Line:
    runs: list[list[tuple[float, float]]] = [[]]
    for i, value in enumerate(one.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((_r(_x(i, len(one.values))), _r(_y(value, top))))
    drawn = [run for run in runs if len(run) > 1]
    are_few = len(one.values) <= _MAX_DOTTED
    floor = _y(0.0, top)
    areas = [f"{_path(run)}L{run[-1][0]} {floor}L{run[0][0]} {floor}Z" for run in drawn]
    newest = one.values[-1] if one.values else None
    return Line(
        name=one.name,
        tone=one.tone,
        path="".join(_path(run) for run in drawn),
        area="".join(areas) if is_filled else "",
        dots=tuple(point for run in runs if len(run) == 1 or are_few for point in run),
        newest="–" if newest is None else show(newest, unit),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x} {y}" for x, y in points)


def _x(i: int, num: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * i / max(num - 1, 1)


def _y(value: float, top: float) -> float:
    share = min(max(value / top, 0.0), 1.0)
    return _r(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share)


def _x_ticks(labels: Sequence[str], places: Sequence[float]) -> tuple[Tick, ...]:
    if not labels:
        return ()
    every = max(1, math.ceil(len(labels) / _NUM_X_TICKS))
    return tuple(Tick(_r(places[i]), labels[i]) for i in range(0, len(labels), every) if labels[i])


def _r(value: float) -> float:
    return round(value, 1)
