"""The story of a campaign in small, on both databases; `make story` tells it at full size."""
import pytest
from story import Story
from postgres_server import Postgres  # story.py has said where


@pytest.fixture(params=["sqlite", "postgres"])
def store(request):
    if request.param == "sqlite":
        yield None
        return
    server = Postgres().make()
    yield server.url()
    server.remove()


def test_the_story(store, tmp_path):
    story = Story(tmp_path, tenants=40, accounts=600, calls=12000, store=store)
    story.tell()
