"""Tracks that wait for workers, in the order in which they get one: users take turns, and so do the jobs of one user
that have one priority.

A lane holds the tracks that the same groups of workers can serve. So as long as workers come and go within their
groups, a hand-out looks at the head of one lane, however many jobs wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from itertools import count
from typing import Final

from .fleet import Group, WorkerRecord, first_in_line
from .job import Job
from .track import Track
from .users import User

NOBODY: Final[frozenset[str]] = frozenset()

MAX_LEFT: Final = 64
"""A lane removes the entries of tracks that have left it once there are more than this, and more than entries of tracks
that wait. So a job that is paused, or given another priority, again and again leaves no more behind."""

Key = tuple[int, int, int, int, int]
"""The order of tracks: their user's last turn, priority (negative), the job's last turn, then the older job, then the
track that came first."""

_numbers = count(1)


class Place:
    """A track's place among those that wait; it has a new one whenever it comes back.

    `queued` tasks of it are counted in `Lanes.queued_count`; `is_sending` says that more of them may come.
    """

    __slots__ = ("is_sending", "job", "lane", "number", "priority", "queued", "track")

    def __init__(self, job: Job, track: Track, lane: Lane | None) -> None:
        self.job, self.track, self.lane = job, track, lane
        self.priority = job.request.priority  # which the entry in the lane has as well
        self.number = next(_numbers)
        self.queued = 0
        self.is_sending = False

    @property
    def key(self) -> Key:
        """Return what the order goes by; the smallest comes first."""
        job = self.job
        return job.user.last_served, -self.priority, job.last_served, job.number, self.number


class Lane:
    """Tracks that the same groups of workers can serve.

    Both heaps are corrected when they are read. That is enough, because nobody moves forward: whoever was served since
    comes later than its entry says, and a track whose job's priority changes leaves and takes a new place. The entry of
    a place that has left stays in its heap until it comes to the top, or until most entries are of such places.
    """

    def __init__(self, groups: tuple[Group, ...]) -> None:
        self.groups = groups
        self._idle, self._busy = [group.idle for group in groups], [group.busy for group in groups]
        self._users: list[tuple[int, int, int, User]] = []
        self._waiting: dict[User, list[tuple[int, int, int, int, Place]]] = {}
        self._entries = self._left = 0  # in `_waiting`, and those of them whose place has left

    @property
    def has_credit(self) -> bool:
        """Return whether some worker may get a task now."""
        return any(self._idle) or any(self._busy)

    def first_worker(self, *, idle_only: bool) -> WorkerRecord | None:
        """Return the worker whose turn it is."""
        return first_in_line(self._idle if idle_only or any(self._idle) else self._busy, NOBODY)

    def add(self, place: Place) -> None:
        """A track waits here, until it leaves."""
        job = place.job
        waiting = self._waiting.get(job.user)
        if waiting is None:
            waiting = self._waiting[job.user] = []
            heapq.heappush(self._users, (job.user.last_served, job.number, next(_numbers), job.user))
        heapq.heappush(waiting, (-place.priority, job.last_served, job.number, place.number, place))
        self._entries += 1

    def leave(self, place: Place) -> None:
        """A track does not wait here any more."""
        place.lane = None
        self._left += 1
        if self._left > MAX_LEFT and 2 * self._left > self._entries:
            for waiting in self._waiting.values():
                waiting[:] = [entry for entry in waiting if entry[-1].lane is self]
                heapq.heapify(waiting)
            self._entries -= self._left
            self._left = 0

    def head(self) -> Place | None:
        """Return the track whose turn it is."""
        users = self._users
        while users:
            turn, number, _, user = users[0]
            if user.last_served != turn:
                heapq.heapreplace(users, (user.last_served, number, next(_numbers), user))
                continue
            place = self._first_of(self._waiting[user])
            if place is not None:
                return place
            heapq.heappop(users)
            del self._waiting[user]
        return None

    def _first_of(self, waiting: list[tuple[int, int, int, int, Place]]) -> Place | None:
        while waiting:
            priority, turn, number, _, place = waiting[0]
            if place.lane is not self:
                heapq.heappop(waiting)
                self._entries -= 1
                self._left -= 1
            elif place.job.last_served != turn:
                place.number = next(_numbers)
                heapq.heapreplace(waiting, (priority, place.job.last_served, number, place.number, place))
            else:
                return place
        return None

    def validate(self) -> None:
        """Raise AssertionError where what is counted is not what the heaps have."""
        entries = [entry for waiting in self._waiting.values() for entry in waiting]
        assert self._entries == len(entries)
        assert self._left == sum(entry[-1].lane is not self for entry in entries)
        assert all(entry[0] == -entry[-1].priority for entry in entries)


class Lanes:
    """All tracks that wait. `put` and `take_out` are the only writers of what is counted.

    `queued_count` is how many of their tasks are queued that somebody could do, `sending_count` how many of the tracks
    are of jobs whose chunks are not all here. `special` are tracks whose tasks are not all alike to all workers of a
    group: what was begun, what failed, what is shared; each of their tasks is matched by itself.
    """

    def __init__(self) -> None:
        self._lanes: dict[tuple[Group, ...], Lane] = {}
        self._places: dict[Track, Place] = {}
        self.special: dict[Track, Place] = {}  # the one that was tried last comes last
        self.queued_count = self.sending_count = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def put(self, job: Job, track: Track, groups: tuple[Group, ...] | None, *, is_sending: bool) -> None:
        """Have a track wait for a worker of these groups; with None, as a special one."""
        place = self._places.get(track)
        if place is None or (place.lane and place.lane.groups) != groups or place.priority != job.request.priority:
            self.take_out(track)
            place = self._places[track] = Place(job, track, None)
            if groups is None:
                self.special[track] = place
            else:
                lane = self._lanes.get(groups)
                if lane is None:
                    lane = self._lanes[groups] = Lane(groups)
                place.lane = lane
                lane.add(place)
        self._recount(place, is_sending=is_sending)

    def served(self, place: Place) -> None:
        """A task of a track was handed out."""
        if place.track.queue.count:
            if place.queued:
                place.queued -= 1
                self.queued_count -= 1
        else:
            self.take_out(place.track)

    def _recount(self, place: Place, *, is_sending: bool) -> None:
        is_served = place.lane is None or bool(place.lane.groups)
        queued = place.track.queue.count if is_served else 0
        if queued != place.queued:
            self.queued_count += queued - place.queued
            place.queued = queued
        is_sending = is_sending and is_served
        if is_sending != place.is_sending:
            self.sending_count += is_sending - place.is_sending
            place.is_sending = is_sending

    def take_out(self, track: Track) -> None:
        """A track does not wait any more."""
        place = self._places.pop(track, None)
        if place is None:
            return
        self.queued_count -= place.queued
        self.sending_count -= place.is_sending
        if place.lane is not None:
            place.lane.leave(place)
        self.special.pop(track, None)

    def clear(self) -> list[Job]:
        """Take all tracks out, because the groups changed; return their jobs."""
        jobs = list(dict.fromkeys(place.job for place in self._places.values()))
        for place in self._places.values():
            place.lane = None
        self._lanes, self._places, self.special = {}, {}, {}
        self.queued_count = self.sending_count = 0
        return jobs

    def tried(self, place: Place) -> None:
        """Put a special track, for which no worker was found, behind all others that are to be tried."""
        if self.special.pop(place.track, None) is not None:
            self.special[place.track] = place

    def validate(self, touched: Collection[Job]) -> None:
        """Raise AssertionError where what is counted is not what waits, or a place is not where its job belongs.

        Args:
            touched: jobs that changed and were not looked at since.
        """
        assert self.queued_count == sum(place.queued for place in self._places.values())
        assert self.sending_count == sum(place.is_sending for place in self._places.values())
        assert all(self._places[track] is place for track, place in self.special.items())
        for place in self._places.values():
            assert place.job in touched or place.priority == place.job.request.priority, f"{place.job.id} has moved"
        for lane in self._lanes.values():
            lane.validate()
