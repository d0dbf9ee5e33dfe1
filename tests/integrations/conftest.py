"""What tests of ``generate`` are given; imports are inside, as torch may be missing."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def model():
    from tests.integrations import tiny

    return tiny.model_of(4)


@pytest.fixture(scope="module")
def assistant():
    """The model with some noise: it proposes what the model would write often, but not always."""
    from tests.integrations import tiny

    return tiny.noisy(tiny.model_of(4))


@pytest.fixture(scope="module")
def vocabulary():
    from tests.integrations import tiny

    return tiny.vocabulary()


@pytest.fixture(scope="module")
def compiled(vocabulary):
    from tests.integrations import tiny

    return tiny.compiled(vocabulary)
