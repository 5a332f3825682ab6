from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from userportrait.data import Items
from userportrait.errors import ColumnTypeError, InvalidParameterError, MissingColumnError
from userportrait.recommend import ContentBased, load_recommender
from userportrait.testing import check_recommends

if TYPE_CHECKING:
    from pathlib import Path

BOUGHT = pd.DataFrame(
    {"customer_id": [1, 1, 2, 3], "item_id": ["sencha", "gyokuro", "mug", "sencha"]}
)
ITEMS = pd.DataFrame(
    {
        "item_id": ["sencha", "gyokuro", "matcha", "mug", "bowl"],
        "category": ["tea", "tea", "tea", "ware", "ware"],
        "origin": ["japan", "japan", "japan", None, "korea"],
        "price": [5.0, 20.0, 25.0, 8.0, 9.0],
    }
)


def dense_scores(model: ContentBased) -> np.ndarray[Any, Any]:
    facts = model.item_facts_.toarray()
    across = facts.astype(np.float32).astype(np.float64)
    return np.log1p(model.interactions_.matrix.toarray()) @ facts @ across.T


def test_scores_are_cosines_with_past_items_summed() -> None:
    model = ContentBased().fit(BOUGHT, items=ITEMS)
    rows = model.interactions_.matrix
    found = model.score_rows(rows, np.arange(3))
    np.testing.assert_allclose(found, dense_scores(model), rtol=1e-6)
    lengths = np.linalg.norm(model.item_facts_.toarray(), axis=1)
    np.testing.assert_allclose(lengths, 1.0)


def test_rarity_is_that_of_scikit_learn() -> None:
    """Each fact once an item: TF-IDF as TfidfVectorizer weighs it, times log 2 for log1p(1)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    labels = pd.DataFrame({"item_id": list("abcd"), "word": ["x", "x", "y", "z"]})
    frame = pd.DataFrame({"customer_id": [1], "item_id": ["a"]})
    model = ContentBased().fit(frame, items=labels)
    theirs = TfidfVectorizer(token_pattern=r"\w").fit_transform(labels["word"]).toarray()
    np.testing.assert_allclose(model.item_facts_.toarray(), theirs)


def test_new_items_are_recommended_and_explained() -> None:
    model = ContentBased().fit(BOUGHT, items=ITEMS)
    lists = model.recommend([1], k=1)
    assert lists["item_id"].tolist() == ["matcha"]
    told = model.explain(1, "matcha")
    assert told["contribution"].sum() == pytest.approx(lists["score"][0], rel=1e-6)
    assert lists["reason"][0] == f"because of {told['item_id'][0]}"


def test_tags_say_what_a_customer_without_purchases_may_like() -> None:
    many = pd.concat([BOUGHT.assign(customer_id=BOUGHT["customer_id"] + 10 * i) for i in range(9)])
    tags = pd.DataFrame({"customer_id": sorted(set(many["customer_id"]))})
    tags["town"] = ["kyoto" if c % 10 in (1, 3) else "seoul" for c in tags["customer_id"]]
    tags = pd.concat([tags, pd.DataFrame({"customer_id": [500, 501], "town": ["kyoto", "seoul"]})])
    model = ContentBased().fit(many, items=ITEMS, customers=tags)
    lists = model.recommend([500, 501, 999], k=1)
    assert lists["item_id"].tolist() == ["sencha", "mug", "sencha"]
    assert lists["reason"].tolist()[2].startswith("popular")
    assert not lists["reason"].tolist()[1].startswith("popular")


def test_words_of_texts_count_in_english_and_chinese() -> None:
    items = pd.DataFrame(
        {
            "item_id": [1, 2, 3, 4],
            "name": ["Green tea, loose", "green TEA bags", "龙井绿茶", "绿茶礼盒"],
        }
    )
    frame = pd.DataFrame({"customer_id": [1, 2], "item_id": [1, 3]})
    lists = ContentBased().fit(frame, items=items).recommend(k=1)
    assert lists["item_id"].tolist() == [2, 4]


def test_an_item_may_have_many_rows_of_tags() -> None:
    tags = pd.DataFrame({"item_id": [1, 1, 2, 2, 3], "tag": ["a", "b", "a", "c", "z"]})
    frame = pd.DataFrame({"customer_id": [1], "item_id": [1]})
    model = ContentBased().fit(frame, items=tags)
    assert model.facts_.tolist() == ["tag=a", "tag=b", "tag=c", "tag=z"]
    assert model.recommend(k=1)["item_id"].tolist() == [2]


def test_attributes_come_as_a_table_too() -> None:
    one = ContentBased().fit(BOUGHT, items=Items(ITEMS)).recommend()
    pd.testing.assert_frame_equal(one, ContentBased().fit(BOUGHT, items=ITEMS).recommend())


def test_row_orders_engines_and_files_give_the_same_lists(tmp_path: Path) -> None:
    model = ContentBased().fit(BOUGHT, items=ITEMS)
    whole = model.recommend()
    shuffled = ContentBased(engine="numpy", n_jobs=1).fit(
        BOUGHT.sample(frac=1, random_state=1), items=ITEMS.sample(frac=1, random_state=2)
    )
    pd.testing.assert_frame_equal(shuffled.recommend(), whole, rtol=1e-12)
    more = ContentBased().fit(BOUGHT[:2], items=ITEMS).update(BOUGHT[2:])
    pd.testing.assert_frame_equal(more.recommend(), whole, rtol=1e-12)
    model.save(tmp_path / "model.zip")
    loaded = load_recommender(tmp_path / "model.zip")
    pd.testing.assert_frame_equal(loaded.recommend(), whole)
    with pytest.raises(InvalidParameterError, match="fit it again"):
        loaded.update(BOUGHT)


def test_bad_attributes_are_named() -> None:
    with pytest.raises(InvalidParameterError, match="items are needed"):
        ContentBased().fit(BOUGHT)
    with pytest.raises(MissingColumnError, match="item_id"):
        ContentBased().fit(BOUGHT, items=ITEMS.rename(columns={"item_id": "item"}))
    with pytest.raises(ColumnTypeError, match="whole numbers in the items"):
        ContentBased().fit(BOUGHT, items=ITEMS.assign(item_id=range(5)))
    with pytest.raises(InvalidParameterError, match="no column beside"):
        ContentBased().fit(BOUGHT, items=ITEMS[["item_id"]])


def test_it_keeps_the_promises_of_a_recommender() -> None:
    check_recommends(lambda: ContentBased().fit(BOUGHT, items=ITEMS))
