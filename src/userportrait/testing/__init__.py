"""Checks that a class of your own can run: does it keep the promises of a Protocol?"""

from userportrait.testing._profile_store import check_profile_store

__all__ = ["check_profile_store"]
