"""The figures: panels over one time axis, and the beats."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import numpy.typing as npt
from plotly import graph_objects as go

from biofeedback.analysis.heart_rhythm import Beats
from biofeedback.analysis.phases import RecordedPhase, Spans, merged
from biofeedback.report.panels import BLUE, COLUMNS, INK, PATTERNS, VERMILLION, Panel, PanelLine

FloatArray = npt.NDArray[np.float64]
Part = dict[str, Any]
"""What Plotly makes a part of a figure from: names and values."""

FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
TEXT = "#1b2733"
GRID = "#dfe4e8"
BANDS = ("#f3f6f9", "#ffffff")
ABOVE_PANEL = 27
TOP = 62
BOTTOM = 44
LEGEND_ROOM = 190
CHARACTER = 7.5
"""Pixels: room for a panel's title, for the phases' names, for the time axis, for legends, for a letter."""

EPOCH_MS = 946_684_800_000
"""Session time 0 on the figures' axis, 2000-01-01: plotly takes small numbers of milliseconds for years."""

LEAST_PAIRS = 30
"""Fewer points make no Poincaré plot."""


def overview_figure(panels: tuple[Panel, ...], phases: tuple[RecordedPhase, ...], end_s: float) -> go.Figure:
    """Return all panels above one another over one time axis, with the phases as labelled bands."""
    # Plotly checks a figure anew at each change of it: all parts are gathered first.
    traces: list[go.Scatter] = []
    annotations: list[Part] = []
    layout: Part = {}
    inner = top = sum(panel.height + ABOVE_PANEL for panel in panels)
    for number, panel in enumerate(panels, start=1):
        top -= ABOVE_PANEL
        domain = ((top - panel.height) / inner, top / inner)
        traces += _panel_traces(panel, number, end_s)
        annotations += _panel_annotations(panel, domain)
        layout |= _panel_layout(panel, number, domain)
        top -= panel.height
    # The figure is taller than most screens: the time axis stands above it too, held by a trace of nothing.
    traces.append(go.Scatter(x=[None], y=[None], xaxis="x2", yaxis="y", showlegend=False, hoverinfo="skip"))
    annotations += _phase_labels(phases, end_s)
    return go.Figure(traces, {
        **layout, **_style(), "annotations": annotations, "shapes": _phase_bands(phases),
        "height": inner + TOP + BOTTOM, "margin": {"l": 84, "r": LEGEND_ROOM, "t": TOP, "b": BOTTOM},
        "hovermode": "x", "hoversubplots": "axis",
        "xaxis": {**time_axis(end_s), "anchor": f"y{len(panels)}"},
        "xaxis2": {
            **time_axis(end_s), "overlaying": "x", "matches": "x", "side": "top", "anchor": "free",
            "position": 1, "tickmode": "auto", "title": {}, "showgrid": False, "showspikes": False,
        },
    })  # fmt: skip


def time_axis(end_s: float) -> dict[str, object]:
    """Return the axis of session time: milliseconds shown as hours, minutes and seconds."""
    clock = "%H:%M:%S" if end_s >= 3600 else "%M:%S"
    return {
        "type": "date", "tick0": EPOCH_MS, "range": [EPOCH_MS, EPOCH_MS + 1000.0 * max(1.0, end_s)],
        "tickformat": clock, "hoverformat": clock, "title": {"text": "time in the session"},
        "showgrid": True, "gridcolor": GRID, "zeroline": False, "ticks": "outside", "nticks": 12,
        "showspikes": True, "spikemode": "across", "spikecolor": TEXT, "spikethickness": 1,
        "spikedash": "dot",
    }  # fmt: skip


def _style() -> dict[str, object]:
    return {
        "template": "none", "font": {"family": FONT, "size": 12, "color": TEXT}, "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "rgba(0,0,0,0)", "dragmode": "zoom",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
    }  # fmt: skip


def _milliseconds(times: FloatArray) -> FloatArray:
    milliseconds: FloatArray = EPOCH_MS + np.rint(1000.0 * times)
    return milliseconds


def _panel_traces(panel: Panel, number: int, end_s: float) -> list[go.Scatter]:
    low, high = panel.span
    place = {"xaxis": "x", "yaxis": f"y{number}", "legend": "legend" if number == 1 else f"legend{number}"}
    areas = [(meaning, merged(spans, end_s / COLUMNS)) for meaning, spans in panel.areas.items()]
    return [
        *(_area(meaning, spans, low, high, place) for meaning, spans in areas if spans),
        *(_trace(line, place) for line in panel.lines if np.isfinite(line.values).any()),
    ]


def _panel_layout(panel: Panel, number: int, domain: tuple[float, float]) -> Part:
    """Return a panel's vertical axis and its legend."""
    ticks = {"tickvals": list(panel.ticks), "ticktext": list(panel.ticks.values())} if panel.ticks else {}
    return {
        f"yaxis{number}": {
            "domain": domain, "range": panel.span, "anchor": "x", "gridcolor": GRID, "zeroline": False,
            "nticks": max(3, panel.height // 28), "fixedrange": True, "linecolor": "#8b98a3",
            "showline": True, **ticks,
        },
        "legend" if number == 1 else f"legend{number}": {
            "x": 1.01, "y": domain[1], "xanchor": "left", "yanchor": "top", "font": {"size": 11},
            "bgcolor": "rgba(255,255,255,0)", "tracegroupgap": 0, "itemclick": False,
            "itemdoubleclick": False,
        },
    }  # fmt: skip


def _panel_annotations(panel: Panel, domain: tuple[float, float]) -> list[Part]:
    """Return a panel's title, and a note where it holds nothing."""
    title = f"<b>{html.escape(panel.title)}</b> ({html.escape(panel.unit)})"
    annotations: list[Part] = [{
        "text": title, "x": 0, "xref": "paper", "y": domain[1], "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "font": {"size": 12.5}, "bgcolor": "rgba(255,255,255,0.75)",
        "borderpad": 1,
    }]  # fmt: skip
    if not any(np.isfinite(line.values).any() for line in panel.lines):
        annotations.append({
            "text": "nothing was recorded", "x": 0.5, "xref": "paper", "y": sum(domain) / 2,
            "yref": "paper", "showarrow": False, "bgcolor": "#ffffff", "borderpad": 3,
        })  # fmt: skip
    return annotations


def _trace(line: PanelLine, place: Part) -> go.Scatter:
    drawn = (
        {"mode": "markers", "marker": {"symbol": line.marks, "size": 8, "color": line.colour}}
        if line.marks
        else {"mode": "lines", "line": {"color": line.colour, "dash": line.dash, "width": line.width}}
    )
    return go.Scatter(
        x=_milliseconds(line.times), y=line.values.astype(np.float32), name=line.name, connectgaps=False,
        hovertemplate=f"{html.escape(line.name)} %{{y:.4~g}}<extra></extra>", showlegend=True, **drawn,
        **place,
    )  # fmt: skip


def _area(meaning: str, spans: Spans, low: float, high: float, place: Part) -> go.Scatter:
    """Return rectangles over these stretches, hatched."""
    x: list[float | None] = []
    y: list[float | None] = []
    for begin, end in spans:
        left, right = EPOCH_MS + 1000 * begin, EPOCH_MS + 1000 * end
        x += [left, left, right, right, left, None]
        y += [low, high, high, low, low, None]
    pattern = PATTERNS[meaning]
    return go.Scatter(
        x=x, y=y, name=meaning, mode="lines", line={"width": 0, "color": pattern["fgcolor"]}, fill="toself",
        fillpattern=pattern, hoverinfo="skip", showlegend=True, **place,
    )  # fmt: skip


def _phase_bands(phases: tuple[RecordedPhase, ...]) -> list[Part]:
    """Return what shades the phases in turn, with a line where each begins."""
    bands: list[Part] = []
    for number, phase in enumerate(phases):
        begin, end = EPOCH_MS + 1000 * phase.begin_s, EPOCH_MS + 1000 * phase.end_s
        bands += [
            {
                "type": "rect", "x0": begin, "x1": end, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
                "line": {"width": 0}, "fillcolor": BANDS[number % 2],
            },
            {
                "type": "line", "x0": begin, "x1": begin, "y0": 0, "y1": 1.0, "yref": "paper",
                "layer": "between", "line": {"width": 1, "color": "#8b98a3"},
            },
        ]  # fmt: skip
    return bands


def _phase_labels(phases: tuple[RecordedPhase, ...], end_s: float) -> list[Part]:
    """Return number and name of each phase above it; the number alone where it is narrow."""
    labels: list[Part] = []
    for number, phase in enumerate(phases, start=1):
        room = 920 * phase.duration_s / max(end_s, 1.0)
        label = f"{number} {phase.name}"
        text = f"<b>{number}</b> {html.escape(phase.name, quote=False)}"
        labels.append({
            "text": text if len(label) * CHARACTER < room else f"<b>{number}</b>",
            "hovertext": html.escape(label), "x": EPOCH_MS + 500 * (phase.begin_s + phase.end_s), "y": 1,
            "yref": "paper", "yanchor": "bottom", "yshift": 26, "showarrow": False,
        })  # fmt: skip
    return labels


def beats_figure(beats: Beats, phases: tuple[RecordedPhase, ...], end_s: float) -> go.Figure:
    """Return the tachogram of the session and a Poincaré plot of its first and last phase of 30 pairs."""
    figure = go.Figure()
    counted, corrected = beats.usable, beats.corrected & np.isfinite(beats.rr_ms)
    shown = np.where(counted, beats.rr_ms, np.nan)
    figure.add_trace(
        go.Scatter(
            x=_milliseconds(beats.r_time_s), y=shown.astype(np.float32), mode="lines", name="interval",
            line={"color": INK, "width": 1}, hovertemplate="%{y:.0f} ms<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=_milliseconds(beats.r_time_s[corrected]), y=beats.rr_ms[corrected].astype(np.float32),
            mode="markers", name="corrected, not counted",
            marker={"symbol": "x", "size": 7, "color": VERMILLION},
            hovertemplate="corrected: %{y:.0f} ms<extra></extra>",
        )
    )  # fmt: skip
    clouds = [
        (phase, pairs) for phase in phases if (pairs := _successive(beats, phase))[0].size >= LEAST_PAIRS
    ]
    ends = [clouds[0], clouds[-1]] if len(clouds) > 1 else clouds
    for (phase, pairs), colour, symbol in zip(
        ends, (BLUE, VERMILLION), ("circle", "diamond-open"), strict=False
    ):
        figure.add_trace(
            go.Scatter(
                x=pairs[0], y=pairs[1], mode="markers", xaxis="x2", yaxis="y2",
                name=html.escape(phase.name, quote=False),
                marker={"symbol": symbol, "size": 6, "color": colour, "opacity": 0.7},
                hovertemplate="%{x:.0f} ms, then %{y:.0f} ms<extra></extra>",
            )
        )  # fmt: skip
    style = {"gridcolor": GRID, "zeroline": False, "ticks": "outside"}
    figure.update_layout(
        **_style(), height=330, margin={"l": 70, "r": 20, "t": 20, "b": 84}, hovermode="closest",
        legend={"orientation": "h", "y": -0.24, "itemclick": False, "itemdoubleclick": False},
        xaxis={**time_axis(end_s), "domain": [0, 0.64], "showspikes": False},
        yaxis={**style, "title": {"text": "interval (ms)"}},
        xaxis2={**style, "domain": [0.73, 1], "anchor": "y2", "title": {"text": "interval (ms)"}},
        yaxis2={**style, "anchor": "x2", "title": {"text": "next interval (ms)"}},
    )  # fmt: skip
    return figure


def _successive(beats: Beats, phase: RecordedPhase) -> tuple[FloatArray, FloatArray]:
    """Return pairs of successive counted intervals within a phase."""
    within = phase.holds(beats.r_time_s) & beats.usable
    both = within[1:] & within[:-1]
    return beats.rr_ms[:-1][both], beats.rr_ms[1:][both]
