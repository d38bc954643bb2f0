import json
import subprocess
import sys

from tests.processes import CHECKOUT


def test_readers_see_whole_versions_under_flips_and_kills() -> None:
    script = CHECKOUT / "scripts/registry_campaign.py"
    done = subprocess.run(
        [sys.executable, str(script), "--flips", "100", "--kills", "25", "--seed", "3"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=CHECKOUT,
    )
    found = json.loads(done.stdout)
    bad = ("torn", "crashed", "broken", "leftovers", "lost_events")
    assert {name: found[name] for name in bad} == dict.fromkeys(bad, 0)
    assert found["versions"] == found["whole_versions"]
    assert found["flips"] >= 100
    assert found["kills"] == 25
    assert found["reads"] > 0
    assert done.returncode == 0, done.stderr
