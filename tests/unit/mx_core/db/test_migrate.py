import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from mx_core.db.database import Database
from mx_core.db.migrate import newest_revision

ROOT = Path(__file__).parents[4]
PACKAGES = sorted(
    ".".join(folder.relative_to(ROOT).parts)
    for folder in (ROOT / "mx_core").rglob("migrations")
    if (folder / "versions").is_dir()
)


def test_there_are_packages_to_look_at() -> None:
    assert len(PACKAGES) > 2


@pytest.mark.parametrize("package", PACKAGES)
def test_the_newest_file_is_the_head_of_the_revisions(package: str) -> None:
    above, _, folder = package.rpartition(".")
    config = Config()
    config.set_main_option("script_location", f"{above}:{folder}")

    assert newest_revision(package) == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.parametrize(
    ("plain", "heavy"), [(False, ["alembic"]), (True, ["alembic", "sqlalchemy"])]
)
def test_a_database_of_the_newest_schema_is_opened_without_what_made_it(
    tmp_path: Path, plain: bool, heavy: list[str]
) -> None:
    schema, path = "tests.support.fixture_schema", tmp_path / "x.db"
    Database.open(path, migrations=schema, plain=plain).close()
    source = f"""
import sys
from pathlib import Path
from mx_core.db.database import Database
database = Database.open(Path({str(path)!r}), migrations={schema!r}, plain={plain})
database.glance(lambda job: job.exec_driver_sql("SELECT 1").scalar_one())
database.write_at_start(lambda job: job.exec_driver_sql("DELETE FROM thing"))
database.close()
sys.exit(any(name in sys.modules for name in {heavy!r}))
"""

    assert subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=False).returncode == 0
