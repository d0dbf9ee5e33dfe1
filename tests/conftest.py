"""Settings shared by all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.strategies import EFFORT

# Time limits per example fail on noisy machines; the suite's own budget is in the numbers of examples.
# Examples are derandomised so that a run that failed can be repeated, and so that CI never fails by luck;
# with STOLCKE_EFFORT=20, twenty times as many are tried, others in each run.
settings.register_profile(
    "stolcke",
    deadline=None,
    derandomize=EFFORT <= 1,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
settings.load_profile("stolcke")
