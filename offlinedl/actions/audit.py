"""audit: the offline readiness checklist of one title, for the people who publish it.

Only what is needed to judge is fetched: manifests and playlists, of each track its init segment and a segment or two,
and a license where that is wanted, which is given back at once. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from offlinedl import plan, sources
from offlinedl.actions import sampling, trial
from offlinedl.actions.get import Order
from offlinedl.actions.prepare import Prepared, prepare
from offlinedl.actions.sampling import Samples
from offlinedl.actions.trial import Looked, Sealing, Tried
from offlinedl.aside import aside
from offlinedl.errors import DamagedError, NetworkError, NotFoundError, OfflinedlError, UsageError, shown
from offlinedl.frozen import frozen
from offlinedl.http import origin
from offlinedl.library import Library
from offlinedl.license import Licensing
from offlinedl.manifest import detect, progressive
from offlinedl.model import Kind, MediaSource, Title
from offlinedl.readiness import GROUPS, Finding, Group, called, is_ready, judged, media, protection, terms, transport
from offlinedl.readiness import manifest as manifests
from offlinedl.readiness.manifest import Sampled
from offlinedl.readiness.protection import Stated
from offlinedl.streams import Plan

_RETRIES = 1


@frozen
class Audit:
    """What was found of the title with this `id`, at this `url`, as it may be shown; by groups."""

    id: str
    name: str
    url: str
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Does nothing keep it from working offline?"""
        return is_ready(self.findings)


async def audit(order: Order, library: Library, licensing: Licensing, *, ask: bool = False) -> Audit:
    """Look at all of the title that `order` names. A license is asked for where `ask` says so. Raises what keeps its
    manifest from being had at all."""
    licensing = replace(licensing, engine=replace(licensing.engine, retries=min(_RETRIES, licensing.engine.retries)))
    title = await sources.resolve(order.ref, library.catalog.offers, licensing.engine)
    work = _Work(title=title, order=order, library=library, licensing=licensing)
    prepared, findings = await work.read()
    if prepared is not None:
        findings += await work.judged(prepared, ask=ask)
    duration = float(prepared.duration) if prepared else title.details.duration
    findings += terms.of_title(title, duration, library.time(), by_url=sources.is_of_url(title.id))
    source = prepared.source if prepared else title.sources[0]
    ordered = sorted(findings, key=lambda finding: GROUPS.index(finding.group))
    return Audit(id=title.id, name=title.name, url=shown(source.url), findings=tuple(ordered))


@frozen
class _Work:
    """On one title."""

    title: Title
    order: Order
    library: Library
    licensing: Licensing

    @property
    def _now(self) -> datetime:
        return self.library.time()

    async def read(self) -> tuple[Prepared | None, list[Finding]]:
        """The source that `get` would take, None where none can be read; and what is wrong with the others."""
        found: list[Prepared] = []
        failures: list[tuple[MediaSource, OfflinedlError]] = []
        for source in self.title.sources:
            try:
                found.append(await self._prepared(source))
            except OfflinedlError as error:
                failures.append((source, error))
        if not found:
            await self._check_is_there(*failures[0])
            return None, [_unread(failures[0][1])]
        wrong = [f"{shown(source.url)}: {failed.message}" for source, failed in failures]
        if len(self.title.sources) == 1:
            return found[0], []
        hint = "mend it, or offer it no more"
        each = judged("manifest", "sources-readable", wrong, f"all {len(self.title.sources)}", hint)
        return max(found, key=Prepared.rank), [each]

    async def _prepared(self, source: MediaSource) -> Prepared:
        order = self.order
        self.licensing.engine.http.trust(source.url, [*source.headers, *order.headers])
        one = replace(self.title, sources=(source,))
        wanted = order.wanted(None)
        return await prepare(one, wanted, self.licensing, order.preferences, order.license, now=self._now)

    async def _check_is_there(self, source: MediaSource, error: OfflinedlError) -> None:
        """Raises where there is nothing to be judged: no manifest, or a wish that it cannot serve."""
        if error.code == "no-such-language" or isinstance(error, UsageError):
            raise error
        answer = await self.licensing.engine.get(source.url, enough=progressive.is_enough)
        with suppress(DamagedError):
            detect(answer.body, answer.url)

    async def judged(self, prepared: Prepared, *, ask: bool) -> list[Finding]:
        """All but what the feed says."""
        engine, chosen = self.licensing.engine, [c.rendition for c in prepared.choices]
        whole = plan.build(prepared.source.url, prepared.wanted, prepared.choices, prepared.kids, prepared.server)
        samples = await sampling.take(whole, engine)
        sealed = await aside(partial(trial.sealing, samples))
        looked = await trial.look(samples, {t.id for t in samples.plan.tracks} - set(sealed.tracks), {})
        stated = [Stated(track=called(r), manifest=r.protections, init=samples.protections(r.id)) for r in chosen]
        protected = whole.protected or bool(prepared.source.drm or sealed.tracks or any(s.init for s in stated))
        tried = Tried()
        if ask and prepared.refusal is None:
            tried = await trial.attempt(prepared, whole, samples, self.library, self.licensing, sealed=sealed)
        served, elsewhere, date = await sampling.probe(whole, engine)
        in_ranges = any(f.range for f in samples.plan.fetches)
        sampled = [Sampled(rendition=r, rate=rate) for r in chosen if (rate := samples.rate(r.id))]
        found = [*manifests.findings(prepared.manifest, chosen)]
        found += [manifests.rates(prepared.manifest, sampled)] if sampled else []
        found += [transport.secure(_addresses(prepared, whole)), self._lasting(whole)]
        found += transport.findings(served, elsewhere, in_ranges=in_ranges)
        if protected:
            own = prepared.server.system if prepared.server else "its keys"
            systems = prepared.systems or ([own] if prepared.is_named else [])
            found += protection.findings(stated, systems, own, prepared.refusal, tried.trial)
        found += [*self._terms(tried, date)]
        begins = await aside(samples.begins)
        return [*found, *_media(samples, sealed, looked, tried), *media.timing(chosen, begins)]

    def _lasting(self, whole: Plan) -> Finding:
        """A feed gives another address of its manifest each time; a URL stays what it is."""
        own = [whole.manifest_url] if sources.is_of_url(self.title.id) else []
        size = sum(fetch.estimate for fetch in whole.fetches)
        return transport.lasting([*own, *_urls(whole)], size, self._now)

    def _terms(self, tried: Tried, date: datetime | None) -> Iterator[Finding]:
        if self.title.service.entitlement_url is not None:
            yield terms.entitlement(tried.denied, tried.untold, asked=tried.asked)
        grant = tried.grant
        if grant is not None:
            issued = grant.date or self._now
            yield from terms.of_license(grant.windows, grant.policy, self.title.rights, issued)
        yield terms.server_clock((grant.date if grant else None) or date, self._now)


def _unread(error: OfflinedlError) -> Finding:
    """Why what came is no title that can be kept."""
    id: str = "playlists-there" if isinstance(error, NetworkError | NotFoundError) else "manifest-readable"
    id = {"live": "manifest-ends", "download-not-allowed": "rights-height"}.get(error.code, id)
    group: Group = "rights" if id.startswith("rights") else "manifest"
    return Finding(id=id, group=group, state="failed", detail=error.message, hint=error.hint)


def _urls(whole: Plan) -> list[str]:
    """Of media and keys."""
    return [*(fetch.url for fetch in whole.fetches), *(key.uri for key in whole.keys)]


def _addresses(prepared: Prepared, whole: Plan) -> list[str]:
    """One of each server that is asked."""
    server = prepared.server.url if prepared.server else None
    every = [*_urls(whole), prepared.source.url, *(drm.license_url for drm in prepared.source.drm)]
    return [*{origin(url): url for url in (*every, *filter(None, [server]))}.values()]


def _media(samples: Samples, sealed: Sealing, clear: Looked, tried: Tried) -> Iterator[Finding]:
    """Of the samples. What opened nothing says nothing of them."""
    yield media.there(samples.asked, samples.absent)
    looked = clear | tried.looked
    opened = {*looked.media, *looked.texts}
    left = [t for t in samples.plan.tracks if t.id in sealed.tracks and t.id not in opened]
    faults = [*sealed.faults, *looked.faults, *([clear.wrong.message] if clear.wrong else [])]
    texts = sum(t.kind is Kind.SUBTITLES for t in samples.plan.tracks)
    yield media.decode(faults, len(looked.media), [called(t) for t in left if t.kind is not Kind.SUBTITLES])
    yield from media.subtitles(looked.text_faults, len(looked.texts), texts)
