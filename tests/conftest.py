"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Two cores, shared with whatever else runs there: how long an example takes says nothing about the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
