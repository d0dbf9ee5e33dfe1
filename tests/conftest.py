"""Settings shared by all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Time limits per example fail on noisy machines; the suite's own budget is in the numbers of examples.
# Examples are derandomised so that a run that failed can be repeated, and so that CI never fails by luck.
settings.register_profile(
    "stolcke",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
# `pytest --hypothesis-profile=search` looks at other examples each time.
settings.register_profile("search", settings.get_profile("stolcke"), derandomize=False, max_examples=2000)
settings.load_profile("stolcke")
