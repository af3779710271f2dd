"""renew: a new license in the place of one that still serves, or of one that is over. Media are not fetched again."""

from __future__ import annotations

from dataclasses import replace

from offlinedl import expiry
from offlinedl.actions import trusted
from offlinedl.actions.acquire import MAY_SERVE_YET, another, loaded, serves
from offlinedl.actions.download import Download
from offlinedl.actions.get import Order, get, planned, work
from offlinedl.actions.prove import TornFilesError, prove
from offlinedl.errors import DamagedError, OfflinedlError, RefusedError
from offlinedl.frozen import frozen
from offlinedl.library import Library
from offlinedl.license import Licensing, heads
from offlinedl.license.need import Need
from offlinedl.model import Entry, Held, State
from offlinedl.progress import Progress
from offlinedl.signatures import may_expire
from offlinedl.streams import Plan


async def renew(order: Order, library: Library, licensing: Licensing, progress: Progress) -> Entry:
    """The title of `order` with its license renewed, as it is then. Where that is over, as `get` does it: rights are
    looked at anew. The old license serves until the new one is verified; an error says what is left of it."""
    entry = await trusted.settled(library.find(order.ref), library, licensing.engine.http)
    if entry.state is State.EXPIRED:
        return await get(replace(order, ref=entry.id), library, licensing, progress)
    with library.lock(entry.id):
        entry = library.must(entry.id)
        if entry.state is not State.READY:
            hint = f"`offlinedl get {entry.id}` completes it"
            raise RefusedError(f"{entry.id}: not ready, but {entry.state}", hint, code="not-ready")
        if entry.license is None:
            return entry  # it is not protected, and has no end
        order = replace(order, ref=entry.id)
        try:
            return await _Renewal(work=work(entry, order, library, licensing, progress), order=order).run()
        except OfflinedlError as error:
            now = library.time()
            if library.licenses.sealed(entry) is not None and not expiry.is_over(entry.license, now):
                error.message += f". The license that is there still serves: {expiry.message(entry.license, now)}"
            raise


@frozen
class _Renewal:
    """Of the license of a title that is ready and locked; `work` is what its download was."""

    work: Download
    order: Order

    async def run(self) -> Entry:
        """The title with the new license. What was granted to a process that was killed then is taken up, and nobody is
        asked again."""
        entry, licenses = self.work.entry, self.work.library.licenses
        plan = self.work.library.plan(entry.id)
        held, offered = licenses.held(entry), licenses.offered(entry)
        now = self.work.library.time()
        if offered is None or not serves(expiry.renewed(entry.license, offered.license), self._need(plan), now):
            self._check()
            offered = await self._asked(plan, held)
        try:
            proven = await self._proven(offered, held, plan)
        except (RefusedError, DamagedError) as error:
            if not (isinstance(error, TornFilesError) or error.code in MAY_SERVE_YET):
                licenses.decline(entry)  # else nothing is wrong with it, and the next run takes it up
            raise
        return licenses.supersede(entry, proven, "license renewed")

    def _need(self, plan: Plan) -> Need:
        return heads.need(plan, self.work.library.reading(self.work.entry), {f.identity for f in plan.fetches})

    async def _asked(self, plan: Plan, held: Held | None) -> Held:
        """The new license. What was refused is asked for once more where the service says today that its keys are at
        other addresses, or that another token is needed: those of then have expired."""
        work = self.work
        try:
            return await another(work.entry, work.library, work.licensing, self._need(plan), held)
        except RefusedError as error:
            if error.code != RefusedError.default_code:
                raise
            signed = any(may_expire(key.uri) for key in plan.keys)
            if not await self._is_served_otherwise(error) and not signed:
                raise
        fresh = await work.readdressed(plan) if signed else plan
        return await another(work.entry, work.library, work.licensing, self._need(fresh), held)

    async def _is_served_otherwise(self, refusal: RefusedError) -> bool:
        """Does the service say today that the title is licensed by another, or with another token? What the service
        refuses itself is worth telling; otherwise it is the `refusal` that is told."""
        library = self.work.library
        try:
            _, today = await planned(self.order, library, self.work.licensing)
        except RefusedError:
            raise
        except OfflinedlError as error:
            raise refusal from error
        return library.licenses.serve_by(self.work.entry, today.license)

    def _check(self) -> None:
        """RefusedError where nobody renews the license while it lasts, DamagedError where it is lost."""
        entry, license = self.work.entry, self.work.entry.license
        if license is None or not license.renewable:
            clear = license is not None and license.system is None
            raise RefusedError(
                f"{entry.id}: " + ("not protected: its window is its service's" if clear else "not to be renewed"),
                f"when it is over, `offlinedl get {entry.id}` asks anew",
                code="not-renewable",
            )
        self.work.library.licenses.check(entry)

    async def _proven(self, new: Held, old: Held | None, plan: Plan) -> Held:
        """The new license, which opens the media: its keys are those that open them already, or do so with the files
        that are there; a handle is loaded anew."""
        work = self.work
        keys = {key.kid: key.key for key in new.keys}
        known = {key.kid: key.key for key in old.keys} if old else {}
        if keys.items() - known.items():
            await prove(plan, work.library, work.entry, new)
        return await loaded(work.entry, new, work.library, work.licensing)
