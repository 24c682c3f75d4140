import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import Misconfigured, ModelRefused, NotFound, UnderWay
from engine.trial import LASTS
from models.archive import KEPT, Archive
from models.artefact import ARRAYS
from tests.unit.models.trained import MOMENT, card, learned

ROOT = Path(__file__).parents[3]


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def publish(archive, hour=0):
    with archive.training():
        return archive.publish(learned()[3], card(made_at=MOMENT + timedelta(hours=hour)))


def models(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def test_where_nothing_was_published_nothing_is_current(archive, tmp_path):
    assert archive.current() is None
    assert Archive(tmp_path / "nowhere").current() is None


def test_what_is_published_is_current(archive, tmp_path):
    first = publish(archive)
    assert archive.current().name == first
    second = publish(archive, 1)
    assert archive.current().name == second
    assert models(tmp_path) == [first, second]


def test_only_the_last_few_are_kept(archive, tmp_path):
    names = [publish(archive, hour) for hour in range(KEPT + 2)]
    assert models(tmp_path) == names[-KEPT:]
    assert archive.names() == names[: -KEPT - 1 : -1]


def roll_back(archive):
    with archive.training():
        return archive.roll_back()


def test_rolling_back_goes_to_what_was_current_before(archive, tmp_path):
    first, second = publish(archive), publish(archive, 1)
    assert roll_back(archive) == first
    assert archive.current().name == first
    third = publish(archive, 2)
    assert models(tmp_path) == [first, third]
    assert second not in archive.names()
    assert roll_back(archive) == first


def test_with_nothing_to_go_back_to_all_stays_as_it_was(archive):
    for published in (0, 1):
        with pytest.raises(NotFound, match="nothing was changed"):
            roll_back(archive)
        assert len(archive.names()) == published
        if not published:
            publish(archive)


def test_a_damaged_model_is_passed_over_when_rolling_back(archive, tmp_path):
    first, second, _ = publish(archive), publish(archive, 1), publish(archive, 2)
    (tmp_path / second / ARRAYS).write_bytes(b"")
    assert roll_back(archive) == first


def test_where_no_model_before_can_be_read_all_stays_as_it_was(archive, tmp_path):
    first, second = publish(archive), publish(archive, 1)
    (tmp_path / first / ARRAYS).unlink()
    with pytest.raises(ModelRefused, match="nothing was changed"):
        roll_back(archive)
    assert archive.current().name == second


def test_a_damaged_current_model_can_be_left(archive, tmp_path):
    first, second = publish(archive), publish(archive, 1)
    (tmp_path / second / ARRAYS).write_bytes(b"")
    with pytest.raises(ModelRefused):
        archive.current()
    assert roll_back(archive) == first


@pytest.mark.parametrize("content", ["", "nothing", "../../etc", "20261122T100000Z-0123456789ag"])
def test_a_list_that_was_changed_is_refused_and_nothing_is_removed(archive, tmp_path, content):
    first = publish(archive)
    (tmp_path / "current").write_text(content)
    with pytest.raises(ModelRefused, match="current"):
        archive.current()
    with pytest.raises(ModelRefused), archive.training():
        pass
    assert models(tmp_path) == [first]


def test_a_list_that_names_a_model_that_is_not_there_removes_none(archive, tmp_path):
    first = publish(archive)
    (tmp_path / "current").write_text("20261122T100000Z-0123456789ab\n")
    with archive.training():
        assert models(tmp_path) == [first]


def test_two_trainings_at_once_are_refused_with_a_sentence(archive, tmp_path):
    with archive.training(), pytest.raises(UnderWay, match="Another training"), Archive(tmp_path).training():
        pass
    with archive.training():
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "models"
    with pytest.raises(Misconfigured, match="cannot be written") as refused, Archive(folder).training():
        pass
    assert str(folder) in refused.value.detail


def test_a_disk_that_is_full_is_said_to_be_and_the_old_model_stays(archive, tmp_path):
    class Full:
        items = ()

        def arrays(self):
            raise OSError(28, "No space left on device")

    first = publish(archive)
    with pytest.raises(Misconfigured, match="No space left"), archive.training():
        archive.publish(Full(), card())
    assert archive.current().name == first
    with archive.training():
        assert models(tmp_path) == [first]


HOLDS = """
import sys, time
from pathlib import Path
from models.archive import Archive
with Archive(Path(sys.argv[1])).training():
    print("held", flush=True)
    time.sleep(60)
"""


def begun(code, *arguments):
    """A process of ours that has said its first word."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip()
    return process


def killed(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait(20)
    process.stdout.close()


def test_a_lock_whose_process_died_is_no_obstacle(archive, tmp_path):
    process = begun(HOLDS, tmp_path)
    with pytest.raises(UnderWay), archive.training():
        pass
    killed(process)
    with archive.training():
        pass


DIES = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from models import archive as module
from models.archive import Archive
from tests.unit.models.trained import MOMENT, card, learned
where, model = sys.argv[2], learned()[3]
print("begun", flush=True)
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
class Dying(Archive):
    def _tell(self, names):
        if where == "before the list":
            die()
        super()._tell(names)
class Slow:
    '''A model whose writing never ends.'''
    items = model.items
    def arrays(self):
        if where == "in the midst":
            return {name: Cut(array) for name, array in model.arrays().items()}
        return model.arrays()
class Cut:
    '''An array that kills whoever writes the second half of it.'''
    def __init__(self, array): self.array = array
    dtype = property(lambda self: self.array.dtype)
    def __array__(self, *a, **k):
        if self.array.size > 1000: die()
        return self.array
with Dying(Path(sys.argv[1])).training():
    Dying(Path(sys.argv[1])).publish(Slow(), card(made_at=MOMENT + timedelta(hours=1)))
"""


@pytest.mark.parametrize("where", ["in the midst", "before the list"])
def test_a_training_that_is_killed_leaves_the_old_model_current_and_is_cleared_away(archive, tmp_path, where):
    first = publish(archive)
    process = begun(DIES, tmp_path, where)
    assert process.wait(60) == -signal.SIGKILL
    process.stdout.close()
    assert archive.current().name == first
    assert len(list(tmp_path.iterdir())) > 3
    with archive.training():
        pass
    assert models(tmp_path) == [first]
    assert archive.current().name == first
    second = publish(archive, 2)
    assert archive.current().name == second


def put_on_trial(archive, hour=1, share=0.1):
    with archive.training():
        return archive.put_on_trial(learned()[3], card(made_at=MOMENT + timedelta(hours=hour)), share, MOMENT)


def test_a_model_on_trial_stands_beside_the_current_one(archive, tmp_path):
    first = publish(archive)
    tried = put_on_trial(archive)
    assert archive.current().name == first
    running = archive.running(MOMENT)
    assert (running.name, running.against, running.share) == (tried, first, 0.1)
    assert archive.on_trial(running).name == tried
    with archive.training():
        assert models(tmp_path) == [first, tried]


def test_without_a_current_model_there_is_nothing_to_try_against(archive, tmp_path):
    with pytest.raises(NotFound, match="--trial"):
        put_on_trial(archive)
    assert models(tmp_path) == []
    assert archive.trial() is archive.running(MOMENT) is None


def test_what_is_promoted_is_current_and_the_one_before_can_be_gone_back_to(archive):
    first = publish(archive)
    tried = put_on_trial(archive)
    with archive.training():
        assert archive.promote(MOMENT + timedelta(days=9)) == tried
    assert list(archive.names()) == [tried, first]
    assert archive.running(MOMENT + timedelta(days=9)) is None
    assert archive.trial().ended == MOMENT + timedelta(days=9)
    assert roll_back(archive) == first


def test_what_is_dropped_is_cleared_away_and_what_came_of_it_can_still_be_asked(archive, tmp_path):
    first = publish(archive)
    tried = put_on_trial(archive)
    with archive.training():
        assert archive.end_trial(MOMENT) == tried
    assert archive.running(MOMENT) is None
    assert archive.trial().name == tried
    with archive.training():
        assert models(tmp_path) == [first]
    second = put_on_trial(archive, 2)
    assert archive.running(MOMENT).name == second


@pytest.mark.parametrize("end", [Archive.promote, Archive.end_trial])
def test_where_no_trial_runs_none_is_ended(archive, end):
    publish(archive)
    with archive.training(), pytest.raises(NotFound, match="nothing was changed"):
        end(archive, MOMENT)


def test_a_trial_is_over_when_another_model_becomes_current_or_it_has_lasted_long_enough(archive):
    publish(archive)
    put_on_trial(archive)
    assert archive.running(MOMENT + LASTS) is None
    publish(archive, 2)
    assert archive.running(MOMENT) is None


@pytest.mark.parametrize("content", [b"", b"nothing", b'{"name": "../etc"}', b"\xff", None])
def test_a_trial_that_was_changed_is_none_and_nothing_is_removed(archive, tmp_path, content):
    first = publish(archive)
    tried = put_on_trial(archive)
    told = (tmp_path / "trial").read_bytes()
    (tmp_path / "trial").write_bytes(told.replace(tried.encode(), b"../../etc") if content is None else content)
    with pytest.raises(ModelRefused, match="trial"):
        archive.running(MOMENT)
    with archive.training():
        assert models(tmp_path) == [first, tried]
    assert archive.current().name == first


def test_a_damaged_model_is_not_promoted(archive, tmp_path):
    first = publish(archive)
    (tmp_path / put_on_trial(archive) / ARRAYS).write_bytes(b"")
    with pytest.raises(ModelRefused), archive.training():
        archive.promote(MOMENT)
    assert archive.current().name == first
    assert archive.running(MOMENT) is not None


@pytest.mark.parametrize("interrupted", ["put_on_trial", "promote"])
def test_an_interruption_before_the_trial_is_told_leaves_none(archive, tmp_path, interrupted):
    class Dying(Archive):
        def _tell_trial(self, _):
            raise OSError(5, "Input/output error")

    publish(archive)
    if interrupted == "promote":
        tried = put_on_trial(archive)
        with pytest.raises(OSError, match="Input"), archive.training():
            Dying(tmp_path).promote(MOMENT)
        assert archive.current().name == tried
    else:
        with pytest.raises(Misconfigured):
            put_on_trial(Dying(tmp_path))
    assert archive.running(MOMENT) is None
