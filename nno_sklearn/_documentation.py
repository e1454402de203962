"""Where the documentation is: the HTML representation of an estimator links to its API page."""

from importlib.metadata import PackageNotFoundError, metadata


def site() -> str | None:
    """Address of the documentation.

    Returns
    -------
    str or None
        The URL that the package's metadata call "Documentation"; None where they have none, or
        the package is not installed.
    """
    try:
        urls = metadata("nno_sklearn").get_all("Project-URL", [])
    except PackageNotFoundError:
        return None
    addresses = dict(url.split(", ", 1) for url in urls)
    return addresses.get("Documentation", "").rstrip("/") or None


class LinkedToDocumentation:
    """Mixin of estimators whose HTML representation has a link to their API page.

    The attributes with an underscore are those of scikit-learn's developer API for HTML
    representations.
    """

    _doc_link_module = "nno_sklearn"
    #: The module whose public name the estimator is, as its page is called.
    documented_in = "nno_sklearn"

    @property
    def _doc_link_template(self) -> str:
        """URL with a gap for the estimator's name; empty where no address is known."""
        address = site()
        page = f"{self.documented_in}.{{estimator_name}}.html"
        return f"{address}/api/{page}" if address else ""
