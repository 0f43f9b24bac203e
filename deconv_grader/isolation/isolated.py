"""A learner's answers from behind a process boundary.

`IsolatedAnswers` is what `deconv_grader.checks.in_process.InProcess` is in one process: the same methods, `unwritten` and
`call`, answered by a worker process that holds no tests and no solutions. A worker lives for one exercise at most, so that
nothing learned in one exercise (a reference's answers, above all) is there in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from deconv_grader.answers.reader import read
from deconv_grader.answers.submission import Submission
from deconv_grader.isolation import libraries, sandbox, wire
from deconv_grader.isolation.connection import MOST_OUTPUT, Connection
from deconv_grader.isolation.forkserver import Zygote, zygote_for
from deconv_grader.isolation.lent import Lent, holds
from deconv_grader.isolation.remote_errors import LearnerError, located, reported
from deconv_grader.values import preloaded
from deconv_grader.values.calls import PassedFunction, Reply
from deconv_grader.values.deadlines import LIFE, LOADING, PATIENCE, Allowance
from deconv_grader.values.failures import CannotIsolate, Malformed, NotAllowed, TimedOut, WorkerFailure, import_problem
from deconv_grader.values.handles import Handle
from deconvlib.course.catalogue import Exercise, exercises, prerequisites

START = wire.Limits(header=32 << 20)
MOST_CALLBACKS = 20_000  # in one call
DEEPEST = 8  # calls within callbacks within calls
MOST_RECEIVED = 64 << 20  # bytes of all results within one check: a test may keep them


class IsolatedAnswers:
    """The answers in a submission, each called in a worker.

    Parameters
    ----------
    submission
        What was handed in.
    level
        One of `sandbox.LEVELS`, or ``"best"``.
    memory_mb
        What a worker may take up beyond what it starts with.
    require
        The weakest level that will do; a worker that reaches less is not given the submission.
    deadline
        Seconds of the processor for each check, in the place of what the exercises declare.
    patience
        How many times as long a check may take on the clock.
    seconds
        Seconds of the processor for the learner's code in all checks together, and `deadlines.PATIENCE` times as many on
        the clock. Every check that begins after them is "timed out", and says so. None: no such limit.
    interrupted
        Asked some twenty times a second while a worker is waited for; once it says True, `failures.Stopped` is raised.
    """

    def __init__(
        self,
        submission: Submission,
        level: str = "best",
        memory_mb: int = 1024,
        require: str | None = None,
        deadline: float | None = None,
        patience: float = PATIENCE,
        seconds: float | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self.submission = submission
        self.wanted = sandbox.best_level() if level == "best" else level
        self.required = require or "process"
        self.deadline, self.patience = deadline, patience
        self.memory = memory_mb << 20
        self.exercises = {exercise.id: exercise for exercise in exercises().values()}
        self.reached: dict[str, Any] | None = None
        self.trouble: CannotIsolate | None = None  # what kept a worker from starting: not the learner's doing
        self._problems = dict(submission.problems)
        self._interrupted = interrupted
        self._whole = None if seconds is None else Allowance(seconds, of="the whole submission")
        self._worker: Connection | None = None
        self._lent: Lent | None = None  # to this worker
        self._serves: Exercise | None = None
        self._loading = False
        self._alone: set[str] = set()  # chapters that load only without the learner's other chapters
        self._failure: WorkerFailure | None = None
        self._hopeless: dict[str, WorkerFailure] = {}
        self._begun: set[str] = set()
        self._first_check = True
        self._left = Allowance(deadline or 1.0, within=self._whole)
        self._depth = 0
        self._received = 0  # bytes of results in this check
        self._written: dict[str, set[str] | None] = {}
        self._printed: dict[str, str] = {}  # by exercise

    # ------------------------------------------------------------------------------------------ the Answers protocol

    def begin(self, exercise: Exercise) -> None:
        """A check begins, and with it its time."""
        # Without an answer to its first check an exercise earns nothing, so the others need not wait for their deadlines.
        self._failure = self._hopeless.get(exercise.id)
        self._left = Allowance(self.deadline or exercise.deadline, self.patience, self._whole)
        self._first_check = exercise.id not in self._begun
        self._begun.add(exercise.id)
        self._received = 0

    def more_time(self, exercise: Exercise) -> None:
        """The check has its verdict and looks for a smaller case: as much time again, and none of the others' business."""
        self._left = Allowance(self.deadline or exercise.deadline, self.patience, self._whole)
        self._first_check = False

    def unwritten(self, exercise: Exercise) -> bool:
        """Whether there is nothing to call yet."""
        if exercise.chapter not in self.submission.sources:
            return exercise.chapter not in self.submission.problems and exercise.name not in self.submission.broken
        if exercise.chapter not in self._written:
            names = {other.name for other in self.exercises.values() if other.chapter == exercise.chapter}
            module = read(self.submission.sources[exercise.chapter], f"{exercise.chapter}.py")
            # What is not Python is imported all the same, and the import says why not.
            self._written[exercise.chapter] = None if module.problem else module.written(names)
        written = self._written[exercise.chapter]
        return written is not None and exercise.name not in written and exercise.name not in self.submission.broken

    def call(self, exercise: Exercise, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        """Call the learner's function.

        Raises
        ------
        Exception
            What the call raised, as a built-in exception; `learner_lines` on it names the learner's lines.
        WorkerFailure
            If the worker was stopped, or died. The rest of the check gets the same at once; the next a new worker.
        """
        self._usable(exercise)
        worker = self._worker_for(exercise)
        facts = {"kind": "call", "exercise": exercise.id, "references": self._references(exercise)}
        before = worker.processor
        fields, value = self._exchange(worker, facts, [list(args), keywords])
        keys = {*range(len(args)), *keywords}
        changed, shared = _keys(fields.get("changed"), keys), _keys(fields.get("shared"), keys)
        return Reply(value, changed, shared, worker.processor - before)

    def place(self, exercise: Exercise, thing: Any) -> Handle:
        """Put a torch module into the worker."""
        self._usable(exercise)
        handle = self._exchange(self._worker_for(exercise), {"kind": "place"}, thing)[1]
        if not isinstance(handle, Handle):
            raise Malformed("what was placed did not stay")
        return handle

    def _usable(self, exercise: Exercise) -> None:
        if self._failure is None and min(self._left.left) <= 0:
            self._failure = self._left.out()
        if self._failure is not None:
            raise self._failure
        if problem := self.problem(exercise):
            raise LearnerError(problem)

    # ---------------------------------------------------------------------------------------------------- the worker

    def _references(self, exercise: Exercise) -> list[str]:
        """The exercises that the reference answers while this one is graded: what it declares, never itself."""
        known = exercises()
        return [known[name].id for name in prerequisites(exercise.name) if name != exercise.name]

    def _may_ask(self) -> Collection[str]:
        """The exercises whose references the worker may have at this moment."""
        assert self._serves is not None
        return self.exercises.keys() - {self._serves.id} if self._loading else self._references(self._serves)

    def _worker_for(self, exercise: Exercise) -> Connection:
        if self._worker is not None and self._serves != exercise:
            self.close()
        if self._worker is None:
            try:
                self._start(exercise)
            except CannotIsolate as error:
                self.trouble = error
                raise
        assert self._worker is not None
        return self._worker

    def probe(self) -> None:
        """Start and end a worker without the submission, to know the level.

        Raises
        ------
        CannotIsolate
            If it is weaker than what is required.
        """
        self._new_worker(zygote_for(self.wanted))
        self.close()

    def problem(self, exercise: Exercise) -> str:
        """Why no check of an exercise could run; an empty string if they could."""
        return self.submission.broken.get(exercise.name) or self._problems.get(exercise.chapter, "")

    def printed(self, exercise: Exercise) -> str:
        """What the exercise's answer printed, and its module while it loaded: the beginning."""
        if self._serves == exercise:
            self.close()
        return self._printed.get(exercise.id, "")

    def _new_worker(self, zygote: Zygote, seconds: int = 10) -> Connection:
        worker = self._worker = Connection(zygote, zygote.spawn(self.memory, seconds), self._interrupted)
        self._lent = Lent(worker, self._ask)
        try:
            reached = worker.greeting()
        except WorkerFailure as failure:
            self.close()
            raise CannotIsolate(f"a worker could not be locked down: {failure}\n{worker.output[-500:]}") from None
        if not sandbox.at_least(reached["level"], self.required):
            self.close()
            raise CannotIsolate(f"isolation level {self.required} is required; {reached['level']} is reached here")
        if self.reached is None or sandbox.at_least(self.reached["level"], reached["level"]):
            self.reached = reached  # the weakest of all
        return worker

    def _start(self, exercise: Exercise) -> None:
        """A worker with the submission's modules, the exercise's own imported.

        One mistake is charged once: where another chapter's module ends the process, or never ends, it is left out, and
        the reference answers its exercises.
        """
        others = {other.chapter for other in self.exercises.values()} - {exercise.chapter}
        alone = {name: text for name, text in self.submission.sources.items() if name not in others}
        if exercise.chapter not in self._alone:
            try:
                return self._load(exercise, self.submission.sources)
            except WorkerFailure as failure:
                if isinstance(failure, NotAllowed) or len(alone) == len(self.submission.sources):
                    self._note(exercise, failure)
                    raise
        try:
            self._load(exercise, alone)
        except WorkerFailure as failure:
            self._note(exercise, failure)
            raise
        self._alone.add(exercise.chapter)
        self._failure = None

    def _load(self, exercise: Exercise, sources: dict[str, str]) -> None:
        allowed, hidden = libraries.libraries_for(exercise)
        zygote = zygote_for(self.wanted, allowed, hidden)
        for library in (*allowed, *hidden):
            preloaded.load(library)  # its values are to be read here as well
        worker = self._new_worker(zygote, int(LOADING + LIFE * exercise.deadline) + 1)
        self._serves = exercise
        modules: dict[str, list[str]] = {}
        for other in self.exercises.values():
            modules.setdefault(other.chapter, []).append(other.name)
        start = {
            "kind": "start",
            "sources": sources,
            "exercises": modules,
            "graded": exercise.chapter,
            "forbidden": list(exercise.forbids),
            "allowed": list(zygote.names),
        }
        # While a module loads the reference answers whatever is not written, as it does for a reader of the course.
        unwritten = [other.id for other in self.exercises.values() if other != exercise]
        left, self._left, self._loading = self._left, Allowance(LOADING, within=self._whole, of="importing"), True
        try:
            worker.send(wire.encode(start, None, START), self._left)
            self._exchange(worker, {"kind": "load", "module": exercise.chapter, "references": unwritten}, None)
        except Exception as error:
            self._problems[exercise.chapter] = import_problem(exercise.chapter, error)
            self.close()
            raise LearnerError(self._problems[exercise.chapter]) from None
        finally:
            self._left, self._loading = left, False
        assert self._lent is not None
        self._lent.loaded()

    def _note(self, exercise: Exercise, failure: WorkerFailure) -> None:
        over = self._whole is not None and min(self._whole.left) <= 0  # which is no fault of this module's
        if not over and not isinstance(failure, NotAllowed):
            self._problems[exercise.chapter] = import_problem(exercise.chapter, failure)

    @property
    def level(self) -> str | None:
        """The weakest level of isolation that a worker reached; None before there was one."""
        return None if self.reached is None else str(self.reached["level"])

    def close(self) -> None:
        """End the worker, if there is one."""
        worker, serves = self._worker, self._serves
        self._worker = self._lent = self._serves = None
        if worker is not None:
            worker.end()
            if serves is not None:
                self._printed[serves.id] = (self._printed.get(serves.id, "") + worker.output)[:MOST_OUTPUT]

    # -------------------------------------------------------------------------------------------------- one exchange

    def _exchange(self, worker: Connection, fields: dict[str, Any], body: Any) -> tuple[dict[str, Any], Any]:
        """Send one frame and wait for what comes of it, answering what the worker asks in between."""
        lent = self._lent
        assert lent is not None
        with self._nested(), self._failures(worker):
            number = worker.number()
            worker.send(lent.request({**fields, "number": number}, body), self._left)
            for _ in range(MOST_CALLBACKS):
                header, payload = worker.receive(self._left)
                with self._left.computing():  # reading what it asks takes time as well
                    reply, value = wire.decode(header, payload, wire.REPLY, lent.restore)
                    asks = reply["kind"] in ("callback", "reference")
                    answer = lent.answer(reply, value, self._may_ask, self._left) if asks else None
                if answer is None:
                    return self._settled(reply, value, number, len(header) + len(payload))
                worker.send(answer, self._left)
            raise Malformed("it asked for too much")

    def _ask(self, worker: Connection, thing: str, fields: dict[str, Any], body: Any) -> Any:
        """What a thing that stayed in a worker answers."""
        if worker is not self._worker:
            raise LearnerError(f"the worker that held this {thing} is gone")
        return self._exchange(worker, fields, body)[1]

    @contextmanager
    def _nested(self) -> Iterator[None]:
        """A function that a test passes may call the learner again, within limits."""
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise Malformed("calls within calls are nested too deeply")
            yield
        finally:
            self._depth -= 1

    @contextmanager
    def _failures(self, worker: Connection) -> Iterator[None]:
        """What the learner's code raised goes on its way; after any other failure the worker is of no more use."""
        try:
            yield
        except wire.WireError as error:
            malformed = Malformed(f"what the worker sent cannot be read: {error}")
            self._give_up(malformed, worker)
            raise malformed from None
        except NotAllowed as failure:
            self._failure = failure
            raise
        except Exception:
            raise  # the learner's own
        except BaseException as failure:  # a deadline, an interrupt: the worker is in the middle of something
            self._give_up(failure, worker)
            raise

    def _give_up(self, failure: BaseException, worker: Connection) -> None:
        if not isinstance(failure, WorkerFailure):  # somebody stops the grader
            self._failure = TimedOut("stopped")
            self.close()
            return
        if not failure.learner_lines:
            failure.learner_lines = located(worker.whereabouts(), self.submission.sources)
        self._failure = failure
        if self._first_check and self._serves is not None and not self._loading:
            self._hopeless[self._serves.id] = self._failure
        self.close()

    def _settled(self, reply: dict[str, Any], value: Any, number: int, size: int) -> tuple[dict[str, Any], Any]:
        """The end of an exchange: what the call gave, or what it raised."""
        if type(reply.get("number")) is not int or reply["number"] != number:
            raise Malformed("the reply belongs to another call")
        if reply["kind"] == "error":
            raise reported(reply, self.submission.sources)
        if reply["kind"] != "result":
            raise Malformed("it asked for too much")
        self._received += size
        if self._received > MOST_RECEIVED:
            raise Malformed("it gave more than any check asks for")
        if holds(value, PassedFunction):  # which a test would ask in the place of the learner's own
            raise Malformed("its result is a function that it was passed")
        return reply, value


def _keys(found: Any, allowed: set[int | str]) -> tuple[int | str, ...]:
    if type(found) is not list or len(found) > 100:
        return ()
    return tuple(key for key in found if type(key) in (int, str) and key in allowed)
