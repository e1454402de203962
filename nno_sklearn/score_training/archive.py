"""Points of a parameter space that were tried, with local models from the nearest ones."""

import numpy as np

from nno_sklearn._distances import nearest_neighbors


class Archive:
    """Tried points with their values, and a nearest-neighbour search among them.

    Parameters
    ----------
    capacity : int
        Number of points kept, the newest ones.
    metric : str or callable, default="euclidean"
        As in :class:`sklearn.neighbors.NearestNeighbors`.
    """

    def __init__(self, capacity, metric="euclidean"):
        self.capacity, self.metric = capacity, metric
        self._points, self._values = [], []

    def __len__(self):
        return len(self._points)

    def add(self, point, value):
        """Keep a point, an array of shape (n_parameters,), and its value."""
        self._points.append(np.array(point, dtype=float))
        self._values.append(float(value))
        del self._points[: -self.capacity], self._values[: -self.capacity]

    @property
    def largest_value(self):
        """Largest absolute value; 0 if there is no point."""
        return max(map(abs, self._values), default=0.0)

    def nearest(self, point, n_neighbors):
        """The nearest points, (n, n_parameters), and their values, (n,); all where there are no
        more."""
        points, values = np.array(self._points), np.array(self._values)
        if len(points) <= n_neighbors:
            return points, values
        search = nearest_neighbors(n_neighbors=n_neighbors, metric=self.metric)
        found = search.fit(points).kneighbors(point[None], return_distance=False)[0]
        return points[found], values[found]

    def slope(self, point, value, n_neighbors):
        """Gradient at ``point`` of a linear model of the nearest points' values.

        The least-squares solution g of ``g . (x_j - point) = f_j - value`` of least norm.
        """
        points, values = self.nearest(point, n_neighbors)
        return np.linalg.lstsq(points - point, values - value, rcond=1e-6)[0]
