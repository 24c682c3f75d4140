"""The OpenAPI document against what is served: schemathesis makes up requests, good and bad, for all of it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 25
MORE_THAN_FORM = {
    "send_interactions": "the offer must be known, and the time within a week",
    "give_push_subscription": "an endpoint is one of a push service that is known",
    "search_offers": "a cursor comes from the page before, a position lies in the city",
    "suggest": "a position lies in the city",
    "suggest_to_anybody": "a position lies in the city",
    "read_accesses": "a time carries its offset",
    "popular_offers": "a position lies in the city",
    "similar_offers": "a position lies in the city",
    "count_visitors": "only days that are over are told",
    "register_dependant": "a birth date is that of a child",
    "allow_helper": "a leave ends within a year, and nobody helps themself",
    "end_session": "the issuer must have signed it",
    "report_mail": "whoever reports must have signed it",
    "report_sms": "whoever reports must have signed it",
    "tell_interests": "districts and languages must be ones there are, and nobody wants what they avoid",
    "give_address": "an address must be one, this house have a sender for it, and codes are limited",
    "confirm_address": "a code must be the one that was sent",
    "avoid": "a value is of its family",
    "avoid_no_more": "a value is of its family",
}
"""Operations that may refuse what the document allows, and why no schema can say it."""


@pytest.fixture(scope="session")
def contract(city):
    return schemathesis.openapi.from_url(str(city.http.base_url.join("/openapi.json")))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_what_is_served_is_what_the_document_says(city, contract, mode, subtests):
    bearer = {"Authorization": f"Bearer {city.resident().token}"}
    for found in contract.get_all_operations():
        operation = found.ok()
        excluded = [positive_data_acceptance] if operation.definition.raw["operationId"] in MORE_THAN_FORM else []
        with subtests.test(operation.label):
            try:
                ask(operation.as_strategy(mode), bearer, excluded)
            except Unsatisfiable:
                assert mode is GenerationMode.NEGATIVE, "there is always a good request"


def ask(cases, headers, excluded):
    @given(cases)
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    def each(case):
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    each()
