"""A fitted model as a scorer of orders, which tags can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from userportrait._core.units import to_micros
from userportrait.data import Orders
from userportrait.errors import InvalidDataError, InvalidParameterError, MissingColumnError
from userportrait.predict._snapshots import features_at

if TYPE_CHECKING:
    from datetime import datetime

    from userportrait.predict._snapshots import Features
    from userportrait.typing import IntoFrame

__all__ = ["ModelScorer"]

_OWNER = "ModelScorer"


class ModelScorer:
    """Score customers at a moment by a fitted model and the features that it was taught with.

    Parameters
    ----------
    model : fitted estimator
        A classifier, regressor or clusterer of ours or of scikit-learn. It is not changed.
    features : callable
        The one that was given to `snapshots`: of the orders at or before a moment, and the
        moment, a frame of one row a customer with `customer_id`.

    Raises
    ------
    InvalidParameterError
        If the model has no `predict`, or `features` is no function.

    See Also
    --------
    userportrait.predict.snapshots : The frames to learn from.
    userportrait.tags.ScoredTag : The score as a tag.

    Examples
    --------
    >>> import userportrait as up
    >>> from userportrait.predict import ModelScorer, Propensity, snapshots
    >>> def habits(past, as_of):
    ...     found = up.summarise_orders(past, as_of=as_of)
    ...     return found[["customer_id", "n_orders", "recency"]]
    >>> shop = up.make_shop(400, random_state=0)
    >>> known = snapshots(shop.orders, habits, "bought", ["2025-06-01", "2025-09-01"])
    >>> model = Propensity().fit(known[["n_orders", "recency"]], known["target"])
    >>> scorer = ModelScorer(model, habits)
    >>> scorer.score(shop.orders, as_of=shop.orders.newest).columns.tolist()
    ['customer_id', 'probability']
    """

    def __init__(self, model: Any, features: Features) -> None:
        problems: list[str] = []
        given: Any = features
        if isinstance(model, type) or not callable(getattr(model, "predict", None)):
            problems.append(f"model must be a fitted estimator; got {model!r}.")
        if not callable(given):
            kind = type(given).__name__
            problems.append(f"features must be a function of orders and moment; got {kind}.")
        if problems:
            raise InvalidParameterError(_OWNER, problems)
        self.model: Any = model
        self.features = features

    def score(self, orders: Orders | IntoFrame, *, as_of: datetime) -> pd.DataFrame:
        """Return the model's answer for each customer at a moment.

        Parameters
        ----------
        orders : Orders or frame
        as_of : datetime
            Later lines are not used.

        Returns
        -------
        DataFrame
            `customer_id`, and ``probability`` of the second of two classes; of another model
            ``prediction``, what its `predict` says. In the order of the features.

        Raises
        ------
        InvalidDataError
            If `features` returns a customer twice or one without an order by then, or the
            model refuses the features.
        MissingColumnError
            If `features` returns no `customer_id`, or lacks a feature of the model.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.dummy import DummyRegressor
        >>> from userportrait.predict import ModelScorer
        >>> frame = pd.DataFrame(
        ...     {
        ...         "customer_id": ["ann", "bo"],
        ...         "order_id": [1, 2],
        ...         "ordered_at": pd.to_datetime(["2026-01-05", "2026-01-20"]),
        ...         "amount": [10.0, 5.5],
        ...     }
        ... )
        >>> def spent(past, as_of):
        ...     return past.to_pandas().groupby("customer_id", as_index=False)["amount"].sum()
        >>> model = DummyRegressor().fit([[1.0], [2.0]], [3.0, 5.0])
        >>> ModelScorer(model, spent).score(frame, as_of=pd.Timestamp("2026-01-10"))
          customer_id  prediction
        0         ann         4.0
        """
        table = orders if isinstance(orders, Orders) else Orders(orders)
        moment = to_micros(table.moment(as_of, owner=_OWNER))
        found = features_at(table, self.features, moment, owner=_OWNER)
        X = self._of_model(found.drop(columns="customer_id"))
        classes = getattr(self.model, "classes_", ())
        if hasattr(self.model, "predict_proba") and len(classes) == 2:
            return self._told(found, "probability", self.model.predict_proba(X)[:, 1])
        return self._told(found, "prediction", self.model.predict(X))

    def _of_model(self, X: pd.DataFrame) -> Any:
        """Return the features that the model knows, in its order."""
        names: Any = getattr(self.model, "feature_names_in_", None)
        if names is None:
            return X.to_numpy()
        wanted: list[str] = names.tolist()
        known = [str(name) for name in X.columns]
        for name in wanted:
            if name not in known:
                raise MissingColumnError(name, known, f"{_OWNER}: features")
        return X[wanted]

    def _told(self, found: pd.DataFrame, name: str, values: Any) -> pd.DataFrame:
        if len(values) != len(found):
            message = f"{_OWNER}: the model gave {len(values)} values for {len(found)} customers."
            raise InvalidDataError(message)
        return pd.DataFrame({"customer_id": found["customer_id"], name: values})
