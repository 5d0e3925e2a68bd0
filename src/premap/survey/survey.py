# SPDX-License-Identifier: GPL-2.0-only
"""The survey of a tree: index, facts of the files with sites, conversions, and what follows."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import premap
from premap import releases
from premap.conversion import target_release
from premap.csource.tree import KernelTree
from premap.survey.classes import UNKNOWN, UNSET
from premap.survey.clusters import cluster_of, clusters
from premap.survey.filefacts import Asked
from premap.survey.index import USER_SPACE, Index, build_index, remember
from premap.survey.store import LIMIT, Store, digest_of
from premap.survey.subsystems import Subsystems
from premap.survey.textfacts import WORD
from premap.survey.waits import Waits, unlocks
from premap.survey.work import Job, answer, combined, do, variants
from premap.workers import Failure, Workers

TIME_LIMIT = 300
"""Seconds that one file may take."""

Site = dict[str, Any]
Result = dict[str, Any]


class Engine(Protocol):
    """Runs jobs, here or on other machines."""

    def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
        """Yield what came of each job, in their order."""


class Progress(Protocol):
    """Is told how far a survey is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a stage of so many steps; 0 where that is not known."""

    def step(self) -> None:
        """Note that one more is done."""

    def sites(self, found: list[Site]) -> None:
        """Take records that are complete."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to survey, and how."""

    root: Path
    target: str | None = None
    deep: bool = True
    """Whether handlers are converted, compared and checked, too."""
    jobs: int = 1
    store: Store = field(default_factory=lambda: Store(None))
    limit: int = LIMIT
    """Bytes that the store may have."""
    time_limit: int = TIME_LIMIT
    retries: int = 0
    """How often a file is tried again whose process died or took too long."""
    engine: Engine | None = None


@dataclass(slots=True)
class Survey:
    """What came of it."""

    document: dict[str, Any]
    patches: dict[str, str]
    """By "FILE:LINE", the patch of each site that converts."""
    runs: dict[str, dict[str, Any]]
    """By "FILE:LINE", one call of the site's hook: what `premap run` says of it, and "member"."""


class LocalEngine:
    """Processes of this machine."""

    def __init__(self, jobs: int, time_limit: float) -> None:
        self._jobs = jobs
        self._limit = time_limit

    def run(self, jobs: Sequence[Job]) -> Iterator[Result | Failure]:
        """Yield what came of each job, in their order."""
        workers: Workers[Job, Result] = Workers(do, self._jobs, self._limit)
        yield from workers.run(jobs)


@cache
def version() -> str:
    """Return a digest of premap's own code, and of the libraries that results depend on."""
    whole = hashlib.blake2b(digest_size=16)
    folder = Path(premap.__file__).parent
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.toml"))):
        whole.update(path.read_bytes())
    for library in ("tree-sitter", "tree-sitter-c", "z3-solver"):
        whole.update(importlib.metadata.version(library).encode())
    return whole.hexdigest()


def survey(plan: Plan, progress: Progress) -> Survey:
    """Survey a tree. Raises UnknownRelease where there is none to write for."""
    return _Run(plan, progress).run()


class _Run:
    def __init__(self, plan: Plan, progress: Progress) -> None:
        self.plan = plan
        self.progress = progress
        self.tree = KernelTree(plan.root)
        self.target = _target(self.tree, plan.target)
        self.errors: dict[str, str] = {}
        self._lasts: dict[str, dict[str, Any]] = {}
        self.subsystems = Subsystems(self.tree.root)
        self.engine = plan.engine or LocalEngine(plan.jobs, plan.time_limit)

    def run(self) -> Survey:
        began = perf_counter()
        store = self.plan.store
        self.progress.begin("reading", 0)
        self.index = build_index(self.tree.root, store, version(), self.plan.jobs)
        self.errors.update(self.index.problems)
        asked = tuple((m.ops, m.name, m.hook) for m in self.index.members)
        facts = self._facts(asked)
        self.waits = Waits(self.index.members, self._defines(), facts)
        sites = self._all_sites(facts)
        remember(self.index, store, version())
        store.trim(self.plan.limit)
        return self._result(sites, facts, perf_counter() - began)

    def _kernel(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, facts in sorted(self.index.facts.items()):
            if name.split("/")[0] not in USER_SPACE:
                yield name, facts

    def _defines(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, facts in self._kernel():
            for function in facts["defines"]:
                found[function].append(name)
        return found

    def _facts(self, asked: tuple[tuple[str, str, str], ...]) -> dict[str, dict[str, Any]]:
        """Return the facts of every file with something that looks like a site, or a use of one."""
        members = {member for _, member, _ in asked}
        named: set[str] = set()
        with_sites: set[str] = set()
        for name, facts in self._kernel():
            set_here = [value for member, value in facts["sets"] if member in members]
            if set_here:
                with_sites.add(name)
                named.update(set_here)
        jobs = []
        for name, facts in self._kernel():
            wanted = [each for each in facts["defines"] if each in named or WORD.decode() in each]
            reads = members.intersection(facts["reads"])
            if name in with_sites or wanted or reads:
                jobs.append(self._job("facts", name, Asked(asked, tuple(wanted))))
        return dict(self._done("looking for hooks", jobs))

    def _all_sites(self, facts: dict[str, dict[str, Any]]) -> list[Site]:
        with_sites = [name for name in sorted(facts) if facts[name]["sites"]]
        if not self.plan.deep:
            sites = [site for name in with_sites for site in self._sites(name, facts, None)]
            self.progress.sites(sites)
            return sites
        jobs = [self._job("deep", name, Asked(())) for name in with_sites]
        found: list[Site] = []
        self.deep: dict[str, dict[str, Any]] = {}
        for name, deep in self._done("converting and comparing", jobs):
            self.deep[name] = deep
            sites = self._sites(name, facts, deep)
            self.progress.sites(sites)
            found += sites
        for name in with_sites:
            if name not in self.deep:
                sites = self._sites(name, facts, None)
                self.progress.sites(sites)
                found += sites
        return sorted(found, key=lambda site: (site["file"], site["line"]))

    def _job(self, kind: Any, name: str, asked: Asked) -> Job:
        store = self.plan.store.root
        text = self.index.digest(name)
        made_of = (version(), kind, self.target, name, text, repr(asked))
        key = digest_of(*(part.encode("utf-8", "surrogateescape") for part in made_of))
        return Job(
            kind, str(self.tree.root), name, self.target, asked, key,
            None if store is None else str(store), self._state, self.index.names,
        )  # fmt: skip

    @property
    def _state(self) -> str:
        if not hasattr(self, "_stamps"):
            self._stamps = self.index.state
        return self._stamps

    def _done(self, what: str, jobs: Sequence[Job]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the result of each job that has one: what is kept first, then the others."""
        self.progress.begin(what, len(jobs))
        results: dict[str, Any] = {}
        missing = []
        for job in jobs:
            kept = self._kept(job)
            if kept is None:
                missing.append(job)
                continue
            self.progress.step()
            results[job.key] = kept
            yield job.name, kept
        for job, made in self._new(missing):
            results[job.key] = made
            yield job.name, made
        if jobs:
            self._keep_last(jobs[0].kind, results)

    def _new(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """Yield the result of each job that came to one; those that died are tried again."""
        for left in range(self.plan.retries, -1, -1):
            failed = []
            for job, result in zip(jobs, self.engine.run(jobs), strict=True):
                if isinstance(result, Failure) and left:
                    failed.append(job)
                    continue
                self.progress.step()
                if (made := self._made(job, result)) is not None:
                    yield job, made
            jobs = failed

    def _made(self, job: Job, result: Result | Failure) -> dict[str, Any] | None:
        if isinstance(result, Failure):
            self.errors[job.name] = result.message
            return None
        if "problem" in result:
            self.errors[job.name] = result["problem"]
            return None
        self.index.digests.update(
            {n: d for n, d in result["digests"].items() if n not in self.index.facts}
        )
        made: dict[str, Any] = result["result"]
        return made

    def _kept(self, job: Job) -> dict[str, Any] | None:
        """Return a result of an earlier survey, if all that it rests on is as it was."""
        answer_: dict[str, Any] | None = self._last(job.kind).get(job.key)
        if answer_ is not None:
            return answer_
        for variant in variants(self.plan.store, job.key):
            if variant["names"] == self.index.names and self._holds(variant):
                found: dict[str, Any] = variant["result"]
                return found
        return None

    def _last(self, kind: str) -> dict[str, Any]:
        """Return the results of the last survey of this very tree, had nothing changed since."""
        if kind not in self._lasts:
            entry = self.plan.store.get(self._last_key(kind))
            kept = {} if entry is None else json.loads(entry)
            self._lasts[kind] = kept["results"] if kept.get("state") == self._state else {}
        return self._lasts[kind]

    def _last_key(self, kind: str) -> str:
        root = os.fsencode(self.tree.root)
        return digest_of(b"last", kind.encode(), self.target.encode(), version().encode(), root)

    def _keep_last(self, kind: str, results: dict[str, Any]) -> None:
        if results.keys() - self._last(kind).keys():
            kept = {"state": self._state, "results": results}
            self.plan.store.put(self._last_key(kind), json.dumps(kept).encode())

    def _holds(self, variant: dict[str, Any]) -> bool:
        if combined(map(self.index.digest, variant["rests"])) != variant["digest"]:
            return False
        if variant["state"] == self._state:
            return True
        search = self.tree.search
        return all(
            answer(search.mentioning(name, top)) == digest
            for name, top, digest in variant["queries"]
        )

    def _sites(
        self, name: str, facts: dict[str, dict[str, Any]], deep: dict[str, Any] | None
    ) -> list[Site]:
        subsystem, maintainers = self.subsystems.of(name)
        sites = []
        for raw in facts[name]["sites"]:
            defined, told = self._definition(name, raw["handler"], facts)
            site = {
                "file": name,
                **{key: raw[key] for key in ("line", "handler", "ops", "member", "hook", "table")},
                "in_macro": raw["in_macro"],
                "arms": raw["arms"],
                "defined_in": defined,
                "class": UNSET if raw["handler"] == "NULL" else told["class"] if told else UNKNOWN,
                "subsystem": subsystem,
                "maintainers": maintainers,
                "waits_for": self.waits.of_site(name, raw),
                **_judged(raw, deep, self.errors.get(name)),
            }
            site["cluster"] = cluster_of(site)
            sites.append(site)
        return sites

    def _definition(
        self, name: str, handler: str, facts: dict[str, dict[str, Any]]
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return where a handler is defined, and what is told of it."""
        for file in (name, *self.waits.defines.get(handler, ())):
            told = facts.get(file, {}).get("functions", {}).get(handler)
            if told is not None:
                return {"file": file, "line": told["line"], "end": told["end"]}, told
        return None, None

    def _result(
        self, sites: list[Site], facts: dict[str, dict[str, Any]], seconds: float
    ) -> Survey:
        explained = [
            {"file": name, **each} for name in sorted(facts) for each in facts[name]["explained"]
        ]
        explained += list(self._user_space())
        patches, runs = {}, {}
        for site in sites:
            key = f"{site['file']}:{site['line']}"
            if patch := site.pop("patch"):
                patches[key] = patch
            if run := site.pop("run"):
                runs[key] = run
        document = {
            "tree": str(self.tree.root),
            "release": None if self.tree.release == "?" else self.tree.release,
            "target": self.target,
            "seconds": round(seconds, 2),
            "handlers": sites,
            "totals": _totals(sites, explained, self.errors, self.index),
            "unlocks": unlocks(sites, self.waits),
            "clusters": clusters(sites),
            "members": [
                {"ops": m.ops, "member": m.name, "hook": m.hook, "file": m.file, "line": m.line}
                for m in self.index.members
                if m.file.split("/")[0] not in USER_SPACE
            ],
            "consumers": [
                {"file": name, **use} for name in sorted(facts) for use in facts[name]["consumers"]
            ],
            "explained": explained,
            "errors": [{"file": n, "message": why} for n, why in sorted(self.errors.items())],
            "problem": self.plan.store.problem,
        }
        return Survey(document, patches, runs)

    def _user_space(self) -> Iterator[dict[str, Any]]:
        members = {member.name for member in self.index.members}
        for name, facts in sorted(self.index.facts.items()):
            if name.split("/")[0] in USER_SPACE and any(m in members for m, _ in facts["sets"]):
                yield {"file": name, "line": None, "rule": "user-space", "why": "is no kernel code"}


def _target(tree: KernelTree, given: str | None) -> str:
    of_tree = tree.release
    target = given or (releases.NEWEST if of_tree == "?" else of_tree)
    try:
        target_release(target, tree)
    except releases.UnknownRelease:
        if given:
            raise
        target = releases.NEWEST
    return target


def _judged(raw: Site, deep: dict[str, Any] | None, problem: str | None) -> dict[str, Any]:
    """Return what converting, comparing and checking came to."""
    found: dict[str, Any] = {
        "status": None, "reason": None, "blockers": [], "new_name": None, "idioms": [], "notes": [],
        "safety": None, "verdict": None, "findings": [], "patch": None, "run": None,
    }  # fmt: skip
    if raw["hook"] == "mmap_prepare":
        found["status"] = "prepared"
    elif raw["handler"] == "NULL":
        found["status"] = UNSET
    elif deep is None and problem is not None:
        found["status"] = "error"
        found["reason"] = {"id": "error", "message": problem, "line": None}
    if deep is None:
        return found
    found["findings"] = [
        each for each in deep["findings"] if raw["handler"] in (each["handler"], each["function"])
    ]
    found["run"] = deep["runs"].get(raw["handler"])
    told = deep["outcomes"].get(str(raw["start"]))
    if found["status"] is None and told is not None:
        found.update({key: told[key] for key in told if key != "status"})
        found["status"] = told["safety"] if told["status"] == "converted" else told["status"]
    elif found["status"] is None:
        message = f"{raw['ops']} has no mmap_prepare member"
        found["status"] = "declined"
        found["reason"] = {"id": "not-file-operations", "message": message, "line": raw["line"]}
    found["blockers"] = [found["reason"]] if found["reason"] else []
    return found


def _totals(
    sites: list[Site], explained: list[dict[str, Any]], errors: dict[str, str], index: Index
) -> dict[str, Any]:
    def counted(of: Iterable[Any]) -> dict[str, int]:
        return dict(Counter(each for each in of if each is not None).most_common())

    verdicts = (site["verdict"]["status"] if site["verdict"] else None for site in sites)
    reasons = (site["reason"]["id"] if site["reason"] else None for site in sites)
    return {
        "sites": len(sites),
        "files": len({site["file"] for site in sites}),
        "handlers": len({(s["ops"], s["handler"]) for s in sites if s["status"] != UNSET}),
        "hooks": counted(site["hook"] for site in sites),
        "status": counted(site["status"] for site in sites),
        "reasons": counted(reasons),
        "verdicts": counted(verdicts),
        "classes": counted(site["class"] for site in sites),
        "tables": counted(f"{site['ops']}.{site['member']}" for site in sites),
        "findings": counted(f["rule"] for site in sites for f in site["findings"]),
        "explained": counted(each["rule"] for each in explained),
        "errors": len(errors),
        "files_read": index.read,
        "files_in_tree": len(index.stamps),
    }
