"""Checks that a class of your own can run: does it keep the promises of a Protocol?"""

from userportrait.testing._aggregates import check_aggregates
from userportrait.testing._definition_store import check_definition_store
from userportrait.testing._event_store import check_event_store
from userportrait.testing._mergeable import check_mergeable
from userportrait.testing._profile_store import check_profile_store
from userportrait.testing._recommends import check_recommends
from userportrait.testing._state_store import check_state_store

__all__ = [
    "check_aggregates",
    "check_definition_store",
    "check_event_store",
    "check_mergeable",
    "check_profile_store",
    "check_recommends",
    "check_state_store",
]
