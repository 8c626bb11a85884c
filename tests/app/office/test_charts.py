"""Charts: round scales, gaps, and everything inside the view box."""

from hypothesis import given
from hypothesis import strategies as st

from app.office.charts import HEIGHT, WIDTH, Series, bar_chart, line_chart, show

VALUES = st.lists(st.none() | st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=40)


def test_the_scale_is_round_and_holds_the_highest_value() -> None:
    chart = line_chart([Series("a", "bot", [0, 37.0, 12.0])], ["x", "y", "z"])

    assert [tick.label for tick in chart.y_ticks] == ["0", "10", "20", "30", "40"]
    assert chart.legend == (("a", "bot", "12"),)


def test_an_axis_of_many_seconds_has_whole_minutes_or_hours() -> None:
    def told(highest: float) -> list[str]:
        chart = line_chart([Series("a", "bot", [0, highest])], ["x", "y"], unit="s")
        return [tick.label for tick in chart.y_ticks]

    assert told(12.0) == ["0", "5.0 s", "10.0 s", "15.0 s"]
    assert told(400.0) == ["0", "2 min", "4 min", "6 min", "8 min"]
    assert told(7_000.0) == ["0", "30 min", "60 min", "1.5 h", "2.0 h"]


def test_a_missing_value_is_a_gap_and_a_lonely_one_a_dot() -> None:
    values = [1.0] * 60 + [None, 1.0]
    (line,) = line_chart([Series("a", "bot", values)], [""] * len(values)).lines

    assert line.path.count("M") == 1 and len(line.dots) == 1


def test_each_of_a_few_values_is_a_dot() -> None:
    (line,) = line_chart([Series("a", "bot", [1.0, 1.0, None, 1.0])], ["", "", "", ""]).lines

    assert line.path.count("M") == 1 and len(line.dots) == 3


def test_bars_of_one_label_stand_on_each_other() -> None:
    chart = bar_chart([Series("a", "bot", [2.0]), Series("b", "human", [1.0])], ["Mon"])

    lower, upper = chart.bars
    assert upper.y + upper.height == lower.y
    assert (lower.title, upper.title) == ("Mon, a: 2", "Mon, b: 1")


def test_nothing_measured_is_an_empty_chart() -> None:
    assert line_chart([Series("a", "bot", [None, None])], ["", ""]).is_empty
    assert bar_chart([Series("a", "bot", [0.0])], [""]).is_empty


@given(VALUES)
def test_nothing_leaves_the_box(values: list[float | None]) -> None:
    labels = [str(i) for i in range(len(values))]
    lines = line_chart([Series("a", "bot", values)], labels)
    bars = bar_chart([Series("a", "bot", values)], labels)

    for line in lines.lines:
        points = line.path.replace("M", "L").split("L")[1:]
        for x, y in [*(map(float, point.split()) for point in points), *line.dots]:
            assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    for bar in bars.bars:
        assert 0 <= bar.y <= bar.y + bar.height <= HEIGHT + 0.1


def test_numbers_are_told_as_a_person_reads_them() -> None:
    assert [show(0.256, "%"), show(1234567), show(2.346)] == ["26 %", "1,234,567", "2.35"]
    assert [show(value, "s") for value in (0, 0.21, 42, 600, 9000)] == [
        "0",
        "210 ms",
        "42.0 s",
        "10 min",
        "2.5 h",
    ]
