"""Why a meter refused a token: from its record, its history and keys, as codes with evidence.

`explain(Case(...))` is all there is to call; start reading at `doctor`. No text for people here.

case      what is known: the meter, its tokens, keys on file, other meters
slips     what a customer's fingers do to twenty digits
placing   which of the meter's keys a token belongs to
search    what else it can be, with keys, stage by stage
trials    decoding under many keys, counted, so that a coincidence is called one
judge     what the meter itself says of a token that is under its key
findings  what comes out
form      the record as a JSON object, and the explanation as one
"""

from __future__ import annotations

from posapp.sts.explain.case import Case, Earlier, Issued, MeterRecord, OtherMeter
from posapp.sts.explain.doctor import explain
from posapp.sts.explain.findings import Action, Explanation, Finding, Reason, Sure
from posapp.sts.explain.form import from_json, to_json
from posapp.sts.explain.slips import Slip

__all__ = [
    "Action",
    "Case",
    "Earlier",
    "Explanation",
    "Finding",
    "Issued",
    "MeterRecord",
    "OtherMeter",
    "Reason",
    "Slip",
    "Sure",
    "explain",
    "from_json",
    "to_json",
]
