"""Which of a customer's own items stand behind what the nearest customers have, compiled."""

from __future__ import annotations

import numpy as np

from userportrait.recommend._compile import Array, Number, compiled

__all__ = ["main_of_rows"]


@compiled
def main_of_rows(
    own_ptr: Array,
    own: Array,
    own_values: Array,
    near_ptr: Array,
    near: Array,
    similarity: Array,
    ptr: Array,
    items: Array,
    values: Array,
    taken: Array,
    pair_ptr: Array,
    pair_items: Array,
    n_items: Number,
    found: Array,
    start: Number,
    stop: Number,
) -> None:
    """Fill `found`: the past item that adds most to each wanted item of a row, -1 for none."""
    past_slots = np.full(n_items, -1, dtype=np.int32)
    wanted_slots = np.full(n_items, -1, dtype=np.int32)
    past_hits, wanted_hits = np.empty(n_items, np.int32), np.empty(n_items, np.int32)
    products, amounts = np.empty(n_items), np.empty(n_items)
    for row in range(start, stop):
        first_past, n_past = own_ptr[row], own_ptr[row + 1] - own_ptr[row]
        first_pair, n_wanted = pair_ptr[row], pair_ptr[row + 1] - pair_ptr[row]
        if n_past == 0 or n_wanted == 0:
            continue
        for slot in range(n_past):
            past_slots[own[first_past + slot]] = slot
        for slot in range(n_wanted):
            wanted_slots[pair_items[first_pair + slot]] = slot
        adds = np.zeros((n_wanted, n_past))
        for place in range(near_ptr[row], near_ptr[row + 1]):
            customer = near[place]
            n_shared, n_taken, total = 0, 0, 0.0
            for entry in range(ptr[customer], ptr[customer + 1]):
                slot = past_slots[items[entry]]
                if slot >= 0:
                    product = own_values[first_past + slot] * values[entry]
                    past_hits[n_shared], products[n_shared] = slot, product
                    total += product
                    n_shared += 1
                slot = wanted_slots[items[entry]]
                if slot >= 0 and taken[entry] != 0.0:
                    wanted_hits[n_taken], amounts[n_taken] = slot, taken[entry]
                    n_taken += 1
            if n_taken == 0 or total <= 0.0:
                continue
            rate = np.float64(similarity[place]) / total
            for shared in range(n_shared):
                share = products[shared] * rate
                for want in range(n_taken):
                    adds[wanted_hits[want], past_hits[shared]] += amounts[want] * share
        for slot in range(n_wanted):
            best, place = 0.0, -1
            for other in range(n_past):
                if adds[slot, other] > best:
                    best, place = adds[slot, other], other
            found[first_pair + slot] = own[first_past + place] if place >= 0 else -1
        for slot in range(n_past):
            past_slots[own[first_past + slot]] = -1
        for slot in range(n_wanted):
            wanted_slots[pair_items[first_pair + slot]] = -1
