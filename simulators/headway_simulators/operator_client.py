"""The operator's requests to a fleet server, with every refusal as a cause and a next step."""

from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from headway_server.packs.problems import PackRefused, Problem
from headway_simulators.errors import SimulatorError

_TIMEOUT_S = 60.0
_LETTERS_AT_ONCE = 100


class OperatorClient:
    """One server's API. server: its address. token: the operator's, None for requests that only read.

    Every method raises SimulatorError for a server that does not answer or refuses.
    """

    def __init__(self, server: str, token: str | None = None) -> None:
        self._server = server.rstrip("/")
        # Bytes, for a token may be anything.
        self._headers = {} if token is None else {b"Authorization": b"Bearer " + token.encode()}

    def packs(self) -> list[dict[str, Any]]:
        """Return the packs that the server knows: id, name, version, kind, devices and more, the newest version first."""
        found: list[dict[str, Any]] = self._request("GET", "/api/v1/packs")
        return found

    def find_pack(self, wanted: str) -> dict[str, Any]:
        """Return the pack with this id, or the newest version of this name."""
        packs = self.packs()
        if any(pack["id"] == wanted for pack in packs):
            return next(pack for pack in packs if pack["id"] == wanted)
        named = [pack for pack in packs if pack["name"] == wanted]
        newest = [pack for pack in named if pack["version"] == named[0]["version"]]
        if not newest:
            names = ", ".join(sorted({pack["name"] for pack in packs}))
            raise SimulatorError(
                f"the server knows no pack {wanted!r}. It knows {names}; `headway pack publish` adds one."
            )
        if len(newest) > 1:
            ids = ", ".join(pack["id"] for pack in newest)
            raise SimulatorError(
                f"the server knows {len(newest)} packs {wanted} of version {newest[0]['version']}: name one by its id, {ids}."
            )
        return newest[0]

    def publish(self, source: str, name: Path) -> dict[str, Any]:
        """Have a pack's source compiled and kept; return its id, name, version, and whether it is new.

        name: what problems are told with. Raises PackRefused with all of them.
        """
        answer = self._send("POST", "/api/v1/packs", {"source": source})
        if answer.status_code == 422 and isinstance(problems := _detail(answer), list):
            raise PackRefused([Problem(str(name), item["line"], item["field"], item["message"]) for item in problems])
        found: dict[str, Any] = self._read(answer)
        return found

    def offer(self, device: str, pack_id: str) -> dict[str, Any]:
        """Offer a device ("group/name") another pack; return the answer. The device need not be online."""
        found: dict[str, Any] = self._request("PUT", f"/api/v1/devices/{device}/pack", {"pack_id": pack_id})
        return found

    def device(self, device: str) -> dict[str, Any]:
        """Return what the server knows of a device."""
        found: dict[str, Any] = self._request("GET", f"/api/v1/devices/{device}")
        return found

    def dead_letters(self, limit: int | None = None) -> tuple[list[dict[str, Any]], int]:
        """Return the newest `limit` dead letters, or every one, and how many there are."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            more = "" if not cursor else f"&cursor={cursor}"
            page = self._request("GET", f"/api/v1/dead-letters?limit={min(500, limit or 500)}{more}")
            found += page["letters"]
            cursor = page["next"]
            if cursor is None or (limit is not None and len(found) >= limit):
                return found[:limit], page["total"]

    def dead_letter(self, prefix: str) -> dict[str, Any]:
        """Return the letter whose hash begins so, with its bytes."""
        found: dict[str, Any] = self._request("GET", f"/api/v1/dead-letters/{quote(prefix, safe='')}")
        return found

    def replay(self, hashes: list[str]) -> list[dict[str, str]]:
        """Have letters read again; return what came of each."""
        found: list[dict[str, str]] = []
        for at in range(0, len(hashes), _LETTERS_AT_ONCE):
            found += self._request(
                "POST", "/api/v1/dead-letters/replay", {"hashes": hashes[at : at + _LETTERS_AT_ONCE]}
            )["letters"]
        return found

    def drop(self, hashes: list[str]) -> int:
        """Have letters deleted; return how many there were."""
        dropped = 0
        for at in range(0, len(hashes), _LETTERS_AT_ONCE):
            some = hashes[at : at + _LETTERS_AT_ONCE]
            dropped += int(self._request("POST", "/api/v1/dead-letters/drop", {"hashes": some})["dropped"])
        return dropped

    def export(self, person: str, target: BinaryIO, *, as_csv: bool = False) -> int:
        """Write everything that the server holds on a person into `target`, or the trips as CSV; return how many bytes."""
        path = f"/api/v1/persons/{quote(person, safe='/')}/export?format={'csv' if as_csv else 'json'}"
        size = 0
        try:
            with httpx.stream("GET", self._server + path, headers=self._headers, timeout=_TIMEOUT_S) as answer:
                if not answer.is_success:
                    answer.read()
                    self._read(answer)
                for chunk in answer.iter_bytes():
                    size += target.write(chunk)
        except httpx.TransportError as error:
            raise SimulatorError(f"no server answers at {self._server}, or it stopped: {error}. Try again.") from None
        return size

    def erase(self, person: str) -> dict[str, Any]:
        """Erase a person; return the erasure's number, the rows by table, and how many devices have to be wiped."""
        found: dict[str, Any] = self._request("POST", f"/api/v1/persons/{quote(person, safe='/')}/erase")
        return found

    def erasures(self) -> list[dict[str, Any]]:
        """Return every erasure, the newest first."""
        found: list[dict[str, Any]] = self._request("GET", "/api/v1/erasures")
        return found

    def wiped(self, number: int, device: str) -> None:
        """Say of a device of an erasure that it was reflashed or destroyed."""
        self._request("POST", f"/api/v1/erasures/{number}/wiped", {"device": device})

    def certificate(self, number: int) -> dict[str, Any]:
        """Return the signed certificate of an erasure."""
        found: dict[str, Any] = self._request("GET", f"/api/v1/erasures/{number}/certificate")
        return found

    def audit(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest `limit` rows of the audit log."""
        found: list[dict[str, Any]] = []
        before = ""
        while len(found) < limit:
            page = self._request("GET", f"/api/v1/audit?limit={min(500, limit - len(found))}{before}")
            found += page["rows"]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        return found

    def verify_audit(self, expected: str | None = None) -> dict[str, Any]:
        """Have the audit log verified; return how many rows it has, the newest hash, and the problems."""
        query = "" if expected is None else f"?expected={expected}"
        found: dict[str, Any] = self._request("GET", f"/api/v1/audit/verify{query}")
        return found

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        return self._read(self._send(method, path, body))

    def _send(self, method: str, path: str, body: Any) -> httpx.Response:
        try:
            return httpx.request(method, self._server + path, headers=self._headers, json=body, timeout=_TIMEOUT_S)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise SimulatorError(f"{self._server} is no web address. Name it like http://127.0.0.1:8000.") from None
        except httpx.TransportError as error:
            raise SimulatorError(
                f"no server answers at {self._server}: {error}. Start it with `headway serve`, or name it with --server."
            ) from None

    def _read(self, answer: httpx.Response) -> Any:
        if answer.status_code == 204:
            return None
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise SimulatorError(
                    f"what answers at {self._server} is no Headway server. Name the right one with --server."
                ) from None
        detail = _detail(answer)
        if answer.status_code == 401:
            raise SimulatorError(
                "the server does not accept the operator token, or none was given. Give the operator_token of its "
                "settings with --token, or in HEADWAY_OPERATOR_TOKEN."
            )
        if answer.status_code in {403, 404, 409, 413} and detail:
            raise SimulatorError(f"{detail}.")
        raise SimulatorError(
            f"the server at {self._server} answered {answer.status_code}: {detail or answer.text[:300]}. Its log says more."
        )


def _detail(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        return None
    return body.get("detail") if isinstance(body, dict) else None
