"""What the extra brings to new offers: the city's own services, half of them known in Finnish, half new in others."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from models.content import Content
from models.embedding import MeaningSpace, bundled
from models.item import Item
from models.projection import Projection
from models.text import MOST_KEPT, TextSpace
from models.vocabulary import spoken_of
from tests.unit.models.topics import needs_extra, needs_yso, yso

TREE = Path(__file__).parents[4] / "shared" / "data" / "servicemap" / "ontology_tree.json"
LANGUAGES, LEAST = ("fi", "sv", "en"), 6
needs_tree = pytest.mark.skipif(not TREE.exists(), reason="the tree of services is not beside the project")


def services():
    """Return groups of services of one kind, each with its names by language."""
    groups = defaultdict(list)
    for told in json.loads(TREE.read_text("utf-8")):
        names = {language: told.get(f"name_{language}") for language in LANGUAGES}
        if told.get("parent_id") and not told["child_ids"] and all(names.values()):
            groups[told["parent_id"]].append((str(told["id"]), names))
    return [group for group in groups.values() if len(group) >= LEAST]


def named(group, first, languages):
    """Return every second service of a group, each named in one of some languages."""
    return [
        Item(id=own_id, title={(code := languages[n % len(languages)]): names[code]})
        for n, (own_id, names) in enumerate(group[first::2])
    ]


def share_near_their_kind(vocabulary, embedding):
    """Return of how many new services the nearest known one, in the latent space, is of the same kind."""
    known = [(kind, item) for kind, group in enumerate(services()) for item in named(group, 0, ("fi",))]
    new = [(kind, item) for kind, group in enumerate(services()) for item in named(group, 1, ("sv", "en"))]
    (kinds, items), (new_kinds, new_items) = zip(*known, strict=True), zip(*new, strict=True)
    concepts = None if vocabulary is None else spoken_of(vocabulary, items + new_items)
    text, told = TextSpace.fit_transform(items, MOST_KEPT, concepts)
    space = MeaningSpace.fit(items, embedding, text.concepts) if embedding else None
    meaning, new_meaning = (space.transform(its) if space else None for its in (items, new_items))
    content = Content.of(told, meaning=meaning)
    new_latent = Projection.of(content, meaning).latent(text.transform(new_items, MOST_KEPT), new_meaning)
    lengths = np.maximum(np.linalg.norm(content.latent, axis=1), 1e-9)
    nearest = (new_latent @ (content.latent / lengths[:, None]).T).argmax(axis=1)
    return np.mean(np.array(kinds)[nearest] == np.array(new_kinds))


@needs_tree
@needs_yso
@needs_extra
@pytest.mark.parametrize(("vocabulary", "gain"), [(None, 0.10), (yso, 0.05)])
def test_new_offers_in_other_languages_lie_nearer_to_their_kind_by_what_they_mean(vocabulary, gain):
    loaded = vocabulary and vocabulary()
    words, both = (share_near_their_kind(loaded, embedding) for embedding in (None, bundled()))
    assert both - words > gain
