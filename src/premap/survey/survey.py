# SPDX-License-Identifier: GPL-2.0-only
"""The survey of a tree: index, facts of the files with sites, conversions, and what follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from msgspec import Struct, field

from premap import releases
from premap.cache.store import LIMIT, Store
from premap.csource.scope import Scope
from premap.csource.tree import KernelTree
from premap.survey import work
from premap.survey.document import document_of
from premap.survey.engine import Engine, LocalEngine, Result
from premap.survey.filefacts import Asked, declared, settled
from premap.survey.index import is_user_space, known_index, listen, look, remember, users_of
from premap.survey.kept import Kept, version
from premap.survey.members import members_of_tree
from premap.survey.named import Names, passed_in, taken_in
from premap.survey.records import Deep, Document, FileFacts, Run, Site, TablesWith, TextFacts
from premap.survey.sites import Sites
from premap.survey.subsystems import Subsystems
from premap.survey.tables import with_tables
from premap.survey.textfacts import IN_LIST, WORD, Member, words_of
from premap.survey.waits import Waits
from premap.survey.work import Job
from premap.workers import Failure

TIME_LIMIT = 300
"""Seconds that one file may take."""


class Progress(Protocol):
    """Is told how far a survey is."""

    def begin(self, what: str, total: int) -> None:
        """Begin a stage of so many steps; 0 where that is not known."""

    def step(self) -> None:
        """Note that one more is done."""

    def sites(self, found: Sequence[Site]) -> None:
        """Take records that are complete."""


class Plan(Struct, frozen=True):
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


class Survey(Struct):
    """What came of it."""

    document: Document
    patches: dict[str, str]
    """By "FILE:LINE", the patch of each site that converts."""
    runs: dict[str, Run]
    """By "FILE:LINE", one call of the site's hook."""


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
        self.results = {"kept": 0, "new": 0}
        self.engine = plan.engine or LocalEngine(plan.jobs, plan.time_limit)

    def run(self) -> Survey:
        began = perf_counter()
        self.progress.begin("reading", 0)
        self.index = known_index(self.tree.root, self.plan.store, version())
        try:
            return self._survey(began)
        except KeyboardInterrupt:
            self._remember()
            raise

    def _remember(self) -> None:
        remember(self.index, self.plan.store, version())

    def _survey(self, began: float) -> Survey:
        store = self.plan.store
        look(self.index, self.plan.jobs)
        if self.index.read:
            self._remember()
        self.errors.update(self.index.problems)
        self.kept = Kept(self.tree, self.target, store, self.index)
        members = members_of_tree(self.index)
        found = self._facts(members)
        facts = {
            name: settled(told, members, partial(self._declared, name))
            for name, told in found.items()
        }
        defines = self._defines()
        kernel = [told for _, told in self._kernel()]
        names = Names(defines, taken_in(kernel), passed_in(kernel))
        facts = with_tables(facts, members, self._tables_with, names.taken)
        waits = Waits(members, defines, facts)
        makes = Sites(facts, waits, names, Subsystems(self.tree.root))
        deep: dict[str, Deep] | None = {} if self.plan.deep else None
        sites = sorted(self._sites(makes, deep), key=lambda site: (site["file"], site["line"]))
        self._remember()
        store.trim(self.plan.limit)
        document: Document = {
            "tree": str(self.tree.root),
            "release": None if self.tree.release == "?" else self.tree.release,
            "target": self.target,
            "seconds": round(perf_counter() - began, 2),
            **document_of(sites, facts, members, waits, self.index, self.errors),
            "results": self.results,
            "problem": store.problem,
        }
        return Survey(document, *_patches_and_runs(facts, deep or {}))

    def _kernel(self) -> Iterator[tuple[str, TextFacts]]:
        for name, facts in sorted(self.index.facts.items()):
            if not is_user_space(name):
                yield name, facts

    def _defines(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name, facts in self._kernel():
            for function, _ in facts["defines"]:
                found[function].append(name)
        return found

    def _declared(self, name: str, ops: str) -> bool:
        return declared(Scope(self.tree.open(name), self.tree), ops)

    def _facts(self, of_tree: Sequence[Member]) -> dict[str, FileFacts]:
        """Return the facts of every file with something that looks like a site, or a use of one."""
        members = {member.name for member in of_tree}
        known = tuple(sorted({member.ops for member in of_tree}))
        set_in = {
            name: {value for member, value, _ in facts["sets"] if member in members}
            for name, facts in self._kernel()
        }
        named = set().union(*set_in.values())
        defines = {function for _, facts in self._kernel() for function, _ in facts["defines"]}
        jobs = []
        for name, facts in self._kernel():
            defined = [function for function, _ in facts["defines"]]
            wanted = [each for each in defined if each in named or WORD.decode() in each]
            listed = {word for called, word in facts["passes"] if called == IN_LIST} & defines
            given = {called for called, word in facts["passes"] if word in members} - {IN_LIST}
            if set_in[name] or wanted or listed or given or members.intersection(facts["reads"]):
                said = members if listed else members & words_of(facts)
                what = Asked(
                    tuple(sorted(said)),
                    tuple(sorted(wanted)),
                    tuple(sorted(listed)),
                    tuple(sorted(given)),
                    known,
                )
                jobs.append(self.kept.job("facts", name, what))
        return dict(self._done("looking for hooks", jobs))

    def _tables_with(self, macros: Sequence[str]) -> Iterator[tuple[str, TablesWith]]:
        """Yield, file by file, the tables and macros that macros of entries are put into."""
        found = users_of(self.index, macros, self.plan.jobs)
        files = sorted({file for users in found.values() for file in users})
        wanted = {file: tuple(m for m in macros if file in found[m]) for file in files}
        jobs = [self.kept.job("tables", file, Asked((), wanted[file])) for file in files]
        yield from self._done("looking where macros are used", jobs)

    def _sites(self, makes: Sites, deep: dict[str, Deep] | None) -> Iterator[Site]:
        """Yield the records of all sites; put what their handlers came to into `deep`."""
        with_sites = [name for name in sorted(makes.facts) if makes.facts[name]["sites"]]
        if deep is not None:
            jobs = [self.kept.job("deep", name, Asked(())) for name in with_sites]
            for name, found in self._done("converting and comparing", jobs):
                deep[name] = found
                yield from self._told(makes.of(name, found, None))
        for name in with_sites:
            if deep is None or name not in deep:
                yield from self._told(makes.of(name, None, self.errors.get(name)))

    def _told(self, sites: list[Site]) -> list[Site]:
        self.progress.sites(sites)
        return sites

    def _done(self, what: str, jobs: Sequence[Job]) -> Iterator[tuple[str, Any]]:
        """Yield the result of each job that has one: what is kept first, then the others."""
        self.progress.begin(what, len(jobs))
        results: dict[str, Any] = {}
        missing = []
        for job in jobs:
            kept = self.kept.result(job)
            if kept is None:
                missing.append(job)
                continue
            self.progress.step()
            self.results["kept"] += 1
            results[job.key] = kept
            yield job.name, kept
        for job, made in self._new(missing):
            self.results["new"] += 1
            results[job.key] = made
            yield job.name, made
        if jobs:
            self.kept.keep_all(jobs[0].kind, results)

    def _new(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """Yield the result of each job that came to one; those that died are tried again."""
        if jobs and jobs[0].kind == "deep":
            listen(self.index, self.plan.jobs)
            work.know(self.tree.root, self.index.speaking)
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


def _target(tree: KernelTree, given: str | None) -> str:
    of_tree = tree.release
    target = given or (releases.NEWEST if of_tree == "?" else of_tree)
    try:
        if target == of_tree:
            releases.from_headers(target, lambda name: tree.bytes_of(name).decode("latin-1"))
        else:
            releases.named(target)
    except releases.UnknownRelease:
        if given:
            raise
        target = releases.NEWEST
    return target


def _patches_and_runs(
    facts: dict[str, FileFacts], deep: dict[str, Deep]
) -> tuple[dict[str, str], dict[str, Run]]:
    """Return the patches and the calls of sites, by "FILE:LINE"."""
    patches, runs = {}, {}
    for name, found in deep.items():
        for raw in facts[name]["sites"]:
            key = f"{name}:{raw['line']}"
            told = found["outcomes"].get(str(raw["start"]))
            if told is not None and told["patch"]:
                patches[key] = told["patch"]
            if raw["handler"] in found["runs"]:
                runs[key] = found["runs"][raw["handler"]]
    return patches, runs
