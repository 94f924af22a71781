"""Which env.py need not run at head: the templates, and harmless variations of them; no other."""

from pathlib import Path

import alembic
import pytest

from orchestrator.migrations.scripts.env_file import EnvFile, read_env_file

TEMPLATES = Path(alembic.__file__).parent / "templates"
STOCK = {name: (TEMPLATES / name / "env.py").read_text() for name in ("generic", "async", "pyproject_async")}
CONFIG = "config = context.config\n"
ENGINE = "    connectable = engine_from_config(\n        config.get_section(config.config_ini_section, {}),\n"
CONFIGURE = "connection=connection, target_metadata=target_metadata"
RUN = "        with context.begin_transaction():\n            context.run_migrations()\n"
SET_URL = "config.set_main_option('sqlalchemy.url', {})\n"
GIVEN = """
from alembic import context
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
"""


def changed(old: str, new: str, template: str = "generic") -> str:
    """A template with one change."""
    assert old in STOCK[template]
    return STOCK[template].replace(old, new)


def judged(tmp_path: Path, text: str) -> EnvFile:
    """Return what a text proves."""
    path = tmp_path / "env.py"
    path.write_text(text)
    return read_env_file(path)


@pytest.mark.parametrize("text", STOCK.values(), ids=STOCK)
def test_the_templates_are_recognised(tmp_path: Path, text: str) -> None:
    """As `alembic init` writes them."""
    assert judged(tmp_path, text) == EnvFile()


@pytest.mark.parametrize(
    "text",
    [
        changed(CONFIG, CONFIG + SET_URL.format("os.environ['DATABASE_URL'].replace('%', '%%')")),
        changed(CONFIG, CONFIG + "url = os.getenv('DATABASE_URL') or 'x'\n" + SET_URL.format("url")),
        changed(CONFIG, CONFIG + "def get_url():\n    'Doc.'\n    return str(os.environ.get('DATABASE_URL', ''))\n")
        .replace(ENGINE, "    connectable = create_engine(\n        get_url(),\n"),
        changed(CONFIG, CONFIG + SET_URL.format("os.environ['DATABASE_URL'].replace('+asyncpg', '+psycopg2')")),
        changed(ENGINE, "    settings = config.get_section(config.config_ini_section) or {}\n"
                "    settings['sqlalchemy.url'] = os.environ['DATABASE_URL']\n"
                "    connectable = engine_from_config(\n        settings,\n"),
        changed(ENGINE, "    connectable = create_engine(\n        config.get_main_option('sqlalchemy.url'),\n"),
        changed("target_metadata = None", "from app.models import Base\ntarget_metadata = Base.metadata\n"
                "load_dotenv()\nsys.path.append('.')\nfor each in [1]: print(each)\nclass A: pass\n"),
        changed(CONFIGURE, CONFIGURE + ", compare_type=True, include_object=keep, version_table='alembic_version'"),
        changed("poolclass=pool.NullPool,", "poolclass=pool.NullPool, connect_args={'ssl': tls()} if tls() else {},"),
        changed("await connectable.dispose()", "await connectable.dispose()\n    logger.info('done')", "async"),
        changed("asyncio.run(run_async_migrations())",
                "asyncio.get_event_loop().run_until_complete(run_async_migrations())", "async"),
        changed("    connectable = async_engine", "    connectable = AsyncEngine(engine", "async")
        .replace("NullPool,\n    )", "NullPool,\n    ))"),
        GIVEN,
    ],
)  # fmt: skip
def test_harmless_changes_are_recognised(tmp_path: Path, text: str) -> None:
    """None of them leads to another database, schema or version table."""
    assert judged(tmp_path, text) == EnvFile()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (changed(CONFIGURE, CONFIGURE + ", version_table='mine'"), "version_table"),
        (changed(CONFIGURE, CONFIGURE + ", version_table_schema=SCHEMA"), "version_table_schema"),
        (changed(CONFIGURE, CONFIGURE + ", **options"), "**"),
        (changed("        context.configure(\n            connection", "        connection.execute(text('SET x'))\n"
                 "        context.configure(\n            connection"), "connection.execute()"),
        (changed("        context.configure(\n            connection", "        connection.dialect.default_schema_name"
                 " = 't'\n        context.configure(\n            connection"), "default_schema_name"),
        (changed(RUN, RUN + "            context.execute('GRANT x')\n"), "continues after run_migrations()"),
        (changed(RUN, RUN + "    seed()\n"), "continues after run_migrations() with seed()"),
        (STOCK["generic"] + "\nimport app\napp.seed()\n", "continues after run_migrations()"),
        (changed(RUN, "        for tenant in tenants():\n" + "".join(f"    {line}\n" for line in RUN.splitlines())),
         "loop"),
        (changed("else:\n    run_migrations_online()", "else:\n    for each in tenants():\n"
                 "        run_migrations_online()"), "loop"),
        (changed("with connectable.connect()", "from app import engine\n    with engine.begin()")
         .replace(ENGINE, "    print(\n"), "made elsewhere"),
        (changed(ENGINE, "    other = create_engine('sqlite://')\n" + ENGINE), "several engines"),
        (changed("poolclass=pool.NullPool,", "poolclass=pool.NullPool, connect_args={'options': '-csearch_path=t'},"),
         "connect_args"),
        (changed("poolclass=pool.NullPool,", "poolclass=pool.NullPool, **more,"), "made with **"),
        (changed("    with connectable", "    @event.listens_for(connectable, 'connect')\n    def go(c, r): pass\n"
                 "    with connectable"), "decorator"),
        (changed("    with connectable", "    event.listen(connectable, 'connect', go)\n    with connectable"),
         "event.listen"),
        (changed("    with connectable", "    if wanted():\n        return\n    with connectable"), "return"),
        (changed("else:\n    run_migrations_online()", "elif wanted():\n    run_migrations_online()"), "condition"),
        (changed("from alembic import context", "import alembic.context as context"), "import"),
        ("from alembic import context\nprint('nothing')\n", "not clear"),
        ("def (", "SyntaxError"),
    ],
)  # fmt: skip
def test_what_may_lead_elsewhere_is_not_recognised(tmp_path: Path, text: str, told: str) -> None:
    """Each of them has led, in a real project, to another answer than one SELECT gives; the reason names it."""
    assert told in judged(tmp_path, text).ask


@pytest.mark.parametrize(
    "text",
    [
        changed(CONFIG, CONFIG + SET_URL.format("settings.database_url")),
        changed(CONFIG, CONFIG + SET_URL.format("os.environ['OTHER_URL']")),
        changed(CONFIG, CONFIG + SET_URL.format("os.environ['DATABASE_URL'].replace('/app', '/other')")),
        changed(CONFIG, CONFIG + "url = os.environ['DATABASE_URL']\nurl = other\n" + SET_URL.format("url")),
        changed(ENGINE, "    connectable = create_engine(\n        settings.url,\n"),
        changed(ENGINE, "    connectable = create_engine(\n        'sqlite:///a.db',\n"),
        changed(ENGINE, "    connectable = engine_from_config(\n        {'sqlalchemy.url': settings.url},\n"),
    ],
)
def test_an_address_of_its_own_is_distinguished(tmp_path: Path, text: str) -> None:
    """It does what the templates do, perhaps in another database."""
    found = judged(tmp_path, text)
    assert (found.ask, bool(found.own_address)) == ("", True)


@pytest.mark.parametrize(
    "line",
    ["context.script.version_locations = ['x']", "config.set_main_option('version_locations', 'x')"],
)
def test_revisions_that_are_chosen_at_run_time_are_noticed(tmp_path: Path, line: str) -> None:
    """Then the tree is unknown before env.py runs."""
    found = judged(tmp_path, changed(CONFIG, f"{CONFIG}{line}\n"))
    assert found.own_scripts
    assert found.ask
