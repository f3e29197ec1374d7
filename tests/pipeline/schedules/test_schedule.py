"""What runs a pipeline by itself."""

import ast
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

pytest.importorskip("cronsim", reason="reads the times of schedules")

from support.pipelines import HEAD
from trackbook.cli import main
from trackbook.errors import PipelineError, UsageError
from trackbook.pipeline.schedules import crontab, systemd
from trackbook.pipeline.schedules.cron import read_cron
from trackbook.pipeline.schedules.job import Job
from trackbook.project import Project

HOSTILE = 'it\'s 100% $HOME `id` $(id) ${{ secrets.KEY }} "q" ; rm -rf / & # é'


def job(root: Path, *params: str, target: str = "p.py") -> Job:
    return Job(read_cron("0 6 * * *"), "trackbook-p", root, target, params)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "trackbook.toml").touch()
    (tmp_path / "p.py").write_text(f"{HEAD}\n# %% [step:one]\ndef one(label):\n    pass\n\n"
                                   "def main(params: Params) -> None:\n    one(params.label)\n")  # fmt: skip
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in arguments], standalone_mode=True)
    return int(ended.value.code or 0)


def test_a_crontab_hands_every_word_on_as_it_is(tmp_path: Path) -> None:
    """What the shell gets, when cron has taken its backslashes away, is the command word for word."""
    made = job(tmp_path / "a %d 'b", f"label={HOSTILE}", target="-odd %name.py")
    text = crontab.line(made, "/env/bin/trackbook")
    comment, line = text.splitlines()
    assert comment.startswith("# ")
    assert not re.search(r"(?<!\\)%", line)
    words = shlex.split(line.removeprefix("0 6 * * * ").replace("\\%", "%"))
    assert words == ["cd", str(tmp_path / "a %d 'b"), "&&", *made.words("/env/bin/trackbook")]
    assert words[-2:] == ["-p", f"label={HOSTILE}"]
    assert words[6] == "./-odd %name.py"


@pytest.mark.parametrize("value", ["two\nlines", "back\\slash", "long" * 300])
def test_a_crontab_refuses_what_it_cannot_hold(tmp_path: Path, value: str) -> None:
    """Line ends, backslashes and endless lines are errors that say what to do instead."""
    with pytest.raises(UsageError, match="--params FILE"):
        crontab.line(job(tmp_path, f"label={value}"), "trackbook")


def test_systemd_hands_every_word_on_as_it_is(tmp_path: Path) -> None:
    """Specifiers, variables, quotes and line ends are the text that they were; systemd finds no fault in the units."""
    program = shutil.which("true") or "/bin/true"
    made = job(tmp_path, f"label={HOSTILE}\nand \\ more\t", target="p %n.py")
    files = systemd.files(made, program)
    command = re.search(r"^ExecStart=(.*)$", files["trackbook-p.service"], re.M)[1]
    assert "%" not in command.replace("%%", "")
    words = [ast.literal_eval(word) for word in re.findall(r'"(?:[^"\\]|\\.)*"', command.replace("%%", "%"))]
    assert words == [f":{program}", *made.words(program)[1:]]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed here: its own check of the units was left out")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--user", *(str(tmp_path / name) for name in files)],
        capture_output=True, text=True, env={"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "trackbook-p" in line], done.stderr


def test_systemd_files_are_written_and_nothing_is_installed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A timer and its service, the next three times, and what a person has to do; edits are not written over."""
    units = project / "units"
    command = ["pipeline", "schedule", "30 6 1 * MON", str(project / "p.py"), "--to", "systemd", "-o", str(units)]
    assert run(*command, "-p", "size=4") == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(units / "trackbook-p.service"), str(units / "trackbook-p.timer")]
    assert "systemctl --user" in said.err
    assert len(re.findall(r"\d{4}-\d\d-\d\d 06:30", said.err)) == 3
    timer = units / "trackbook-p.timer"
    assert timer.read_text().count("OnCalendar=") == 2
    assert run(*command) == 0
    timer.write_text(timer.read_text().replace("06", "07"))
    assert run(*command) == 2
    assert "edited" in capsys.readouterr().err


def test_a_line_for_crontab_can_be_piped_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the line goes to standard output."""
    assert run("pipeline", "schedule", "@daily", str(project / "p.py"), "--to", "crontab") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith(f"0 0 * * * cd {project} && ")
    assert "crontab -" in said.err


def test_githubs_workflow_is_in_utc(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub gets the fields in UTC and no expression of its own; times below its floor are a warning."""
    script = project / "p.py"
    assert run("pipeline", "schedule", "*/2 4 * * 7", str(script), "--to", "github", "-p", f"label={HOSTILE}") == 0
    said = capsys.readouterr()
    assert "UTC" in said.err
    assert "every 5 minutes" in said.err
    document = yaml.safe_load((project / ".github/workflows/trackbook-p.yml").read_text())
    assert document["on"]["schedule"] == [{"cron": "*/2 4 * * 0"}]
    command = next(step["run"] for step in document["jobs"]["run"]["steps"] if step.get("name") == "Run")
    assert shlex.split(command.replace("${{ '${{' }}", "${{")) == [
        "trackbook", "pipeline", "run", "p.py", "-p", f"label={HOSTILE}",
    ]  # fmt: skip
    made = Project.open(script).pipelines
    from trackbook.pipeline.schedules.write import Ask

    schedule = made.schedule(Ask("0 4 * * *", script, "github", force=True))
    assert {time.astimezone(UTC).hour for time in schedule.times} == {4}
    assert schedule.times[0] > datetime.now(UTC)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["@daily", "p.py", "--to", "systemt"], 2, "did you mean 'systemd'"),
        (["@daily", "q.py", "--to", "crontab"], 1, "q.py"),
        (["@daily", "p.py", "--to", "crontab", "-p", "sise=3"], 1, "did you mean 'size'"),
        (["@daily", "p.py", "--to", "crontab", "-p", "size=x"], 1, "of type int"),
        (["61 * * * *", "p.py", "--to", "crontab"], 2, "the minute"),
    ],
)
def test_what_cannot_run_is_not_scheduled(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], status: int, said: str,
) -> None:  # fmt: skip
    """A wrong time, target, script or param is told when the schedule is made, not at night."""
    monkeypatch.chdir(project)
    assert run("pipeline", "schedule", *arguments) == status
    assert said in capsys.readouterr().err


def test_a_folder_that_no_unit_can_name_is_refused(tmp_path: Path) -> None:
    """systemd has no way to write a line end in a folder's name."""
    with pytest.raises((UsageError, PipelineError), match="plain name"):
        systemd.files(job(tmp_path / "a\nb"), "trackbook")
