"""The sample shop's people: invented names, towns, birthdays and consents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from userportrait.data import _shop_model as model
from userportrait.data import _shop_words as words
from userportrait.data._shop_tools import Bools, Floats, Ints, as_times, numbered, pick, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from userportrait.data._shop_clock import Clock
    from userportrait.data._shop_customers import Shoppers

__all__ = ["CHINA", "People", "customers_frame", "draw_people"]

CHINA: int = words.COUNTRIES.index("China")

_CITY_SHARE: Floats = np.array([0.36, 0.22, 0.16, 0.12, 0.08, 0.06])
_GENDERS = ("female", "male")


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """What customers said of themselves; arrays of shape (n_customers,).

    Parameters
    ----------
    country, city : ndarray
        Positions in `COUNTRIES` and in that country's `CITIES`.
    gender : ndarray
        0 female, 1 male, -1 not said.
    surname, given : ndarray of float
        Uniform draws that choose the names.
    born : ndarray of datetime64[D]
        Birthday, NaT where not said.
    gave_phone, agrees_marketing, agrees_profiling : ndarray of bool
    """

    country: Ints
    city: Ints
    gender: Ints
    surname: Floats
    given: Floats
    born: NDArray[np.datetime64]
    gave_phone: Bools
    agrees_marketing: Bools
    agrees_profiling: Bools


def draw_people(shoppers: Shoppers, clock: Clock, rng: np.random.Generator) -> People:
    """Draw who the customers are."""
    n = len(shoppers)
    one_row = np.zeros(n, dtype=np.int64)
    gender = rng.choice(3, size=n, p=(0.53, 0.41, 0.06)).astype(np.int64)
    return People(
        country=pick(model.COUNTRY_SHARE[None, :], one_row, rng.random(n)),
        city=pick(_CITY_SHARE[None, :], one_row, rng.random(n)),
        gender=np.where(gender == 2, -1, gender),
        surname=rng.random(n),
        given=rng.random(n),
        born=_birthdays(shoppers.segment, clock, rng),
        gave_phone=rng.random(n) < 0.7,
        agrees_marketing=rng.random(n) < 0.78,
        agrees_profiling=rng.random(n) < 0.9,
    )


def _birthdays(segment: Ints, clock: Clock, rng: np.random.Generator) -> NDArray[np.datetime64]:
    age = np.clip(rng.normal(model.AGE[segment], 11.0), 18.0, 88.0)
    end = np.int64(clock.end).astype("datetime64[s]").astype("datetime64[D]")
    born: NDArray[np.datetime64] = end - np.ceil(age * 365.25).astype("timedelta64[D]")
    born[rng.random(len(segment)) < 0.12] = np.datetime64("NaT")
    return born


def customers_frame(shoppers: Shoppers, people: People) -> pd.DataFrame:
    """Return the customers as a shop knows them."""
    n = len(shoppers)
    ids = numbered("C", n, 6)
    cities = [city for country in words.CITIES for city in country]
    names, name_codes = _names(people)
    emails = _framed("", numbered("c", n, 6), "@example.com")
    phones = _framed("+00 555 ", numbered("0", n, 6), "")
    positions = np.arange(n, dtype=np.int64)
    return pd.DataFrame(
        {
            "customer_id": spread(ids, positions),
            "name": spread(names, name_codes),
            "gender": spread(_GENDERS, people.gender),
            "birth_date": people.born.astype("datetime64[us]"),
            "registered_at": as_times(shoppers.registered),
            "city": spread(cities, people.country * len(_CITY_SHARE) + people.city),
            "country": spread(words.COUNTRIES, people.country),
            "email": spread(emails, positions),
            "phone": spread(phones, np.where(people.gave_phone, positions, -1)),
            "arrived_by": spread(model.ADVERTISING, shoppers.arrival),
            "agrees_marketing": people.agrees_marketing,
            "agrees_profiling": people.agrees_profiling,
        }
    )


def _framed(before: str, texts: NDArray[np.object_], after: str) -> NDArray[np.object_]:
    found: Any = before + texts + after
    return np.asarray(found, dtype=object)


def _names(people: People) -> tuple[list[str], Ints]:
    western, chinese = words.SURNAMES, words.CHINESE_SURNAMES
    given = (*words.GIVEN_FEMALE, *words.GIVEN_MALE)
    labels = [f"{g} {s}" for g in given for s in western]
    n_western = len(labels)
    labels += [s + g for s in chinese for g in words.CHINESE_GIVEN]
    # A customer who did not say a gender gets a given name from either list.
    half = len(words.GIVEN_FEMALE)
    low = np.where(people.gender == 1, half, 0)
    width = np.where(people.gender == -1, len(given), half)
    western_codes = (low + (people.given * width).astype(np.int64)) * len(western)
    western_codes += (people.surname * len(western)).astype(np.int64)
    chinese_codes = n_western + (people.surname * len(chinese)).astype(np.int64) * len(
        words.CHINESE_GIVEN
    )
    chinese_codes += (people.given * len(words.CHINESE_GIVEN)).astype(np.int64)
    return labels, np.where(people.country == CHINA, chinese_codes, western_codes)
