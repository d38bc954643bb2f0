"""The isolation campaign, short: it finds nothing as things are, and everything without the filter."""

import json

from repartee.integrations import qdrant_edge_fact_store
from scripts.claims import isolation


def test_no_search_gives_a_foreign_fact(capsys):
    assert isolation.main(["--searches", "400", "--users", "45", "--seed", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["foreign_in_engine"] == 0


def test_without_the_filter_the_campaign_fails(capsys, monkeypatch):
    monkeypatch.setattr(qdrant_edge_fact_store, "_visible", qdrant_edge_fact_store._visible)  # put back after
    assert isolation.main(["--searches", "60", "--users", "30", "--control"]) == 1
    assert json.loads(capsys.readouterr().out)["foreign_in_engine"] > 0


def test_ids_are_told_apart_by_nothing_but_all_of_them():
    ids = isolation.user_ids(100)
    assert len(set(ids)) == 100
    assert any(one != other and other.startswith(one) for one in ids for other in ids)
    assert any(one != other and one.lower() == other.lower() for one in ids for other in ids)
