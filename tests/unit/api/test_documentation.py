import re
from html.parser import HTMLParser
from types import SimpleNamespace

import msgspec
import pytest

from api import errors, openapi
from api.app import operations


@pytest.fixture
async def document(door):
    return (await door.client.get("/openapi.json")).json()


def nodes(value):
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


async def test_every_reference_of_the_document_leads_somewhere(document):
    assert document["openapi"].startswith("3.1")
    for node in nodes(document):
        if isinstance(node, dict) and "$ref" in node:
            assert node["$ref"].rpartition("/")[2] in document["components"]["schemas"]


async def test_every_operation_has_a_name_a_summary_and_problem_answers(document):
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert "503" in operation["responses"]
            if operation["security"]:
                assert {"401", "403"} <= set(operation["responses"])
                assert "scope" in operation["description"]
            if "{" in path or operation["parameters"]:
                assert "422" in operation["responses"]


async def test_every_parameter_of_a_path_stands_in_it_and_no_other(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"\{([^{}]+)\}", path)), path


def every_operation():
    nothing = SimpleNamespace(ping=None)
    house = SimpleNamespace(
        **dict.fromkeys(
            [
                "tokens",
                "clock",
                "catalogue",
                "inbox_feed",
                "screens",
                "rules",
                "floors",
                "exposures",
                "steering",
                "reach",
                "audience_answers",
                "trials",
                "offers",
                "residents",
                "publisher",
                "settings",
                "ledger",
                "addresses",
                "stop_links",
                "subscriptions",
                "push_key",
                "measured_links",
                "message_vault",
                "webhook_secrets",
                "family",
                "invitations",
                "receipts",
                "view",
                "remover",
                "eraser",
                "seal",
                "counts",
                "feed",
                "lag",
                "suggester",
                "partners",
                "accesses",
                "logouts",
            ]
        ),
        stores=SimpleNamespace(online=nothing, ledger=nothing),
    )
    house.ledger = SimpleNamespace(register=None)
    house.publisher = nothing
    side = (
        "campaigns",
        "departments",
        "programmes",
        "audiences",
        "runs",
        "inbox",
        "returns",
        "deliveries",
        "follows",
        "messages",
        "webhooks",
        "webhook_records",
        "happenings",
        "lists",
    )
    house.campaigning = SimpleNamespace(**dict.fromkeys(side), desk=SimpleNamespace(rights=None))
    return operations(house)


@pytest.mark.parametrize("operation", every_operation(), ids=lambda operation: operation.name)
def test_every_example_is_of_the_type_it_is_an_example_of(operation):
    if operation.body is not None:
        msgspec.convert(operation.example, operation.body)
    for answer in operation.answers.values():
        if answer.shape is not None:
            msgspec.convert(answer.example, answer.shape)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.loads, self.ids, self.links, self.headings = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.loads += [given[name] for name in ("src", "action") if name in given]
        self.loads += [given["href"]] if tag == "link" else []
        self.links += [given["href"]] if tag == "a" else []
        self.ids += [given["id"]] if "id" in given else []
        self.headings += [int(tag[1])] if re.fullmatch(r"h\d", tag) else []


async def test_the_page_loads_nothing_from_elsewhere_and_its_links_lead_somewhere(door):
    got = await door.client.get("/docs")
    assert got.headers["content-type"].startswith("text/html")
    page = Page(got.text)
    assert page.loads == ["/docs/style.css"]
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link.removeprefix("#") in page.ids or (await door.client.get(link)).status_code == 200
    assert page.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    style = await door.client.get("/docs/style.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in style.text


async def test_the_type_of_every_problem_is_an_anchor_of_the_page(door):
    page = Page((await door.client.get("/docs")).text)
    for code, _, _ in errors.catalogue():
        assert f"problem-{code}" in page.ids
    assert errors.problem("not_found", 404, "x").type == "/docs#problem-not_found"


async def test_the_document_says_how_to_get_a_token(document, door):
    schemes = document["components"]["securitySchemes"]
    assert schemes["oidc"]["openIdConnectUrl"] == f"{door.issuer.issuer}/.well-known/openid-configuration"
    assert (await door.client.get(schemes["oidc"]["openIdConnectUrl"])).status_code == 200
    assert document["info"]["version"] == openapi.VERSION
