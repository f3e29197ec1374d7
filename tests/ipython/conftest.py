"""One kernel a module, with the extension loaded."""

import pytest


@pytest.fixture(scope="module")
def kernel(start_kernel):
    kernel = start_kernel()
    assert kernel.run("%load_ext trackbook\nimport trackbook as tb").status == "ok"
    return kernel


@pytest.fixture
def experiment(request):
    """A name of the test's own, so that its runs can be told from those of the others in the kernel."""
    return (
        request.node.name.replace("[", "-")
        .replace("]", "")[:100]
        .encode("ascii", "ignore")
        .decode()
        .replace(" ", "_")
        .replace("%", "")
    )
