"""What customers are worth: RFM scores and segments."""

from __future__ import annotations

from userportrait.value._rfm import RFM
from userportrait.value._segments import QUINTILE11, VALUE8, SegmentMap

__all__ = ["QUINTILE11", "RFM", "VALUE8", "SegmentMap"]
