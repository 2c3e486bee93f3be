"""What the page says of each kind of work, and the sentence that two people sign."""

from __future__ import annotations

from posapp.ui.engineering.presenter import EngineeringState, Job
from posapp.ui.i18n import ltr, translate


def job_words(job: Job) -> tuple[str, str]:
    """Its name and what it does."""
    return {
        Job.CLEAR_TAMPER: (
            translate("Engineering", "Clear tamper"),
            translate("Engineering", "The meter opened its relay after a cover or magnet event."),
        ),
        Job.CLEAR_CREDIT: (
            translate("Engineering", "Clear credit"),
            translate("Engineering", "Whatever is left in the meter goes to zero."),
        ),
        Job.POWER_LIMIT: (
            translate("Engineering", "Power limit"),
            translate("Engineering", "The largest load, in watts."),
        ),
        Job.PHASE_UNBALANCE: (
            translate("Engineering", "Phase unbalance"),
            translate("Engineering", "The largest difference between phases, in watts."),
        ),
        Job.FREE_ISSUE: (
            translate("Engineering", "Free issue"),
            translate("Engineering", "Units nobody pays for, within today's quota."),
        ),
        Job.METER_TEST: (
            translate("Engineering", "Test and display"),
            translate("Engineering", "The meter runs all its tests. Free to use."),
        ),
    }[job]


def value_words(job: Job) -> str:
    """What stands over the number."""
    if job is Job.FREE_ISSUE:
        return translate("Engineering", "Units, kWh")
    return translate("Engineering", "Watts")


def sentence(state: EngineeringState) -> str:
    """What is done, on which meter, why: the sentence that is signed."""
    words = translate("Engineering", "{work} on meter {meter}.")
    if state.job.takes_work_order:
        words = translate("Engineering", "{work} on meter {meter} for work order {order}.")
    name = job_words(state.job)[0]
    if state.job.takes_value and state.value:
        name = f"{name} {ltr(state.value)}"
    return words.format(
        work=name,
        meter=ltr(state.meter.strip() or "…"),
        order=ltr(state.work_order.strip() or "…"),
    )


def missing_words(name: str) -> str:
    """What is to be typed next."""
    return {
        "meter": translate("Engineering", "Type the meter number"),
        "work_order": translate("Engineering", "Type the work order"),
        "value": translate("Engineering", "Type the number"),
        "reason": translate("Engineering", "Type the reason"),
        "second": translate("Engineering", "Choose the second person"),
        "pin": translate("Engineering", "The second person types the PIN"),
    }[name]
