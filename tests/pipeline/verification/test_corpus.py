"""What public notebooks are full of, in small: each converts, and its script does what it does."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.notebook import read_notebook
from trackbook.pipeline.verification.verify import in_words, verify

TEACHING = [
    "# Rows and prices",
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\n%matplotlib inline",
    "## Data of the lesson\nDrawn anew each time, as teachers do.",
    "rooms = pd.Series(np.random.randint(1, 4, size=12))\nprices = pd.Series(np.random.randint(1, 3, size=12))\nprint(rooms, prices)",
    "houses = pd.concat([rooms, prices], axis=1)\nhouses.head()",
    "houses.rename(columns={0: 'rooms', 1: 'price'}, inplace=True)\nhouses.columns",
    "best = [float(np.random.rand() < 0.5) for _ in range(30)]\nnp.random.rand(2, 3)",
    "## The picture",
    "ax = houses.plot()\nax.set_title('rooms')\nplt.show()",
    "plt.plot(best);",
    "",
    "# only a remark",
    "houses.iloc[0] = 0\nfor column in houses:\n    print(column, houses[column].min())",
]
EXPLORING = [
    "# Cars",
    "import pandas as pd\nimport seaborn_that_nobody_has as sns\nimport seaborn_that_nobody_has.deep\nfrom collections import *",
    "cars = pd.DataFrame({'kind': ['a', 'b', 'a'], 'speed': [1, 2, 3]})",
    "## Figures",
    "sns.pairplot(cars), seaborn_that_nobody_has.deep",
]
FAILING = [
    "# Step 1. Read",
    "import pandas as pd\nimport numpy as np",
    "print('before')\nframe = pd.DataFrame({'a': [1, 2]})",
    "# Step 2. Look",
    "frame['b'] = frame['a'] * 2\nframe.head()",
    "frame.groupby('c').size()",
    "print('never')",
]
EMPTY = ["# Exercises", "import pandas as pd\nimport numpy as np", "### Step 1. Do it", "", "### Step 2. Do more", ""]


@pytest.mark.parametrize(
    ("sources", "raises"),
    [
        pytest.param(TEACHING, "", id="teaching"),
        pytest.param(EXPLORING, "ModuleNotFoundError", id="a module that is not there"),
        pytest.param(FAILING, "KeyError", id="raises in the middle"),
        pytest.param(EMPTY, "", id="exercises to be done"),
    ],
)
def test_a_notebook_like_public_ones_converts_and_verifies(tmp_path: Path, sources: list[str], raises: str) -> None:
    cells = [
        new_markdown_cell(text) if text.startswith("#") and "\n" not in text[:2] else new_code_cell(text)
        for text in sources
    ]
    notebook, script = tmp_path / "Exercises with solutions.ipynb", tmp_path / "exercises_pipeline.py"
    nbformat.write(new_notebook(cells=cells), notebook)
    script.write_text(convert(read_notebook(notebook)).text)
    found = verify(notebook, script, timeout=60)
    assert found.verdict == "same", "\n".join(in_words(found))
    assert found.raises.partition(":")[0] == raises
