"""Cases kept by their digest: each as it was known when something was said from it.

A case is the text that its digest is the digest of, packed; what it learned from history is a
file of its own, for many cases share it. Both are written once and never changed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from forecast import fits
from forecast.appending import write_whole
from forecast.case import Case
from forecast.fits import Fit
from forecast.wording import clean


def keep(case: Case, folder: Path) -> None:
    """Keep a case, and its fit, in a folder; it is made if its parent is there."""
    folder.mkdir(exist_ok=True)
    if case.fit:
        _keep(folder / f"fit-{case.fit.digest}.json", _fit_text(case.fit))
    text = case.canonical.encode()
    _keep(_case_file(folder, hashlib.sha256(text).hexdigest()), gzip.compress(text, mtime=0))


def kept_case(folder: Path, digest: str) -> Case:
    """A case by its digest, as it was known when it was kept.

    Raises
    ------
    ValueError
        If it, or its fit, is not kept there or was changed.
    """
    try:
        text = gzip.decompress(_case_file(folder, digest).read_bytes())
    except FileNotFoundError:
        raise ValueError(f"the case {short(digest)} is not kept in {clean(folder.name)}") from None
    except (OSError, EOFError, ValueError) as e:
        raise ValueError(f"the kept case {short(digest)} cannot be read: {clean(e)}") from e
    if hashlib.sha256(text).hexdigest() != digest:
        raise ValueError(f"the kept case {short(digest)} has been changed")
    raw = json.loads(text)
    wanted = raw.pop("fit", None)
    try:
        case = Case.model_validate(raw)
    except ValidationError as e:
        raise ValueError(f"the kept case {short(digest)} is of another version of forecast, which "
                         "reads its file in another way") from e  # fmt: skip
    if wanted is None:
        return case
    path = folder / f"fit-{wanted}.json"
    try:
        fit = fits.read(path)
    except FileNotFoundError:
        raise ValueError(f"the fit {short(wanted)} is not kept in {clean(folder.name)}") from None
    if fit.digest != wanted:
        raise ValueError(f"the kept fit {short(wanted)} has been changed")
    return case.model_copy(update={"fit": fit})


def short(digest: str) -> str:
    """The start of a digest, enough to tell it from others."""
    return clean(digest, 12)


def _case_file(folder: Path, digest: str) -> Path:
    return folder / f"{Path(digest).name}.json.gz"  # a digest from a file is only a name


def _fit_text(fit: Fit) -> bytes:
    """A fit as `fits.read` reads it, every number whole."""
    head = replace(fit, draws={}).__dict__ | {"as_of": str(fit.as_of)}
    head |= {"draws": {k: np.asarray(v).tolist() for k, v in fit.draws.items()}}
    return json.dumps(head, default=dict).encode()


def _keep(path: Path, data: bytes) -> None:
    """Write a file once: whole, or not at all."""
    if path.is_file() and path.read_bytes() == data:
        return
    write_whole(path, data)
