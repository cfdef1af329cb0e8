"""The examples in the documentation give what it says they give."""

import doctest
from pathlib import Path

import pytest

from minikeras import backend as K
from minikeras import layers, models

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/backends.md"])
def test_examples_give_what_the_page_says(page):
    active = K.backend()
    K.set_backend("numpy")
    K.clear_session()
    try:
        text = (ROOT / page).read_text()
        examples = "\n\n".join(block.split("\n```")[0] for block in text.split("```python\n")[1:] if ">>>" in block)
        scope = {"K": K, "Dense": layers.Dense, "Sequential": models.Sequential}  # what README imports further up
        test = doctest.DocTestParser().get_doctest(examples, scope, page, page, 0)
        report = []
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=report.append)
        assert not result.failed, "".join(report)
    finally:
        K.set_backend(active)
