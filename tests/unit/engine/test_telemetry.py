"""What the house says of itself: each alert rule asks for a metric, and a label of it, that there is."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from engine import telemetry
from engine.telemetry import FORGETTING_BACKLOG, FORGETTING_OLDEST, tell_waiting

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
RULES = [
    rule
    for group in yaml.safe_load((Path(__file__).parents[3] / "docs/alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
METRICS = [its for its in vars(telemetry).values() if isinstance(its, MetricWrapperBase)]
LABELS = {described.name: its._labelnames for its in METRICS for described in its.describe()}
"""By name as Prometheus knows it, without what it adds to counters."""


def base(name: str) -> str:
    return name.removesuffix("_total")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_metric_and_label_that_a_rule_asks_for_exists(rule):
    named = set(re.findall(r"vinkki_\w+", rule["expr"]))
    assert named
    assert {base(name) for name in named} <= LABELS.keys()
    asked = {label for its in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in its.split(", ")}
    asked |= set(re.findall(r"(\w+)=~?\"", rule["expr"])) | set(re.findall(r"\$labels\.(\w+)", str(rule)))
    assert asked <= {label for name in named for label in LABELS[base(name)]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_says_what_is_wrong_and_what_to_do(rule):
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert re.fullmatch(r"\d+m", rule["for"])
    assert rule["annotations"].keys() == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())


def test_each_promise_that_can_wait_has_a_rule():
    asked = " ".join(rule["expr"] for rule in RULES)
    for metric in (
        "vinkki_forgetting_oldest_seconds",
        "vinkki_forgetting_backlog",
        "vinkki_erasures_unfinished",
        "vinkki_stream_lag_messages",
        "vinkki_refused_total",
        "vinkki_part_ready",
    ):
        assert metric in asked


def test_no_metric_has_a_label_that_could_name_a_person():
    assert {label for its in LABELS.values() for label in its} <= {
        "basis", "channel", "outcome", "part", "purpose", "reason", "route", "topic", "where",
    }  # fmt: skip


def test_a_clock_that_jumped_back_makes_nothing_younger_than_now():
    tell_waiting(1, NOW + timedelta(hours=1), NOW)
    assert (FORGETTING_BACKLOG._value.get(), FORGETTING_OLDEST._value.get()) == (1, 0)
    tell_waiting(0, None, NOW)
    assert FORGETTING_BACKLOG._value.get() == 0
