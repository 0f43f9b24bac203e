"""A learner's answers from behind a process boundary.

`IsolatedAnswers` is what `deconv_grader.answers.InProcess` is for one's own code: the same two methods, `unwritten` and
`call`, answered by a worker process that holds no tests and no solutions. A worker lives for one exercise at most, so that
nothing learned in one exercise (a reference's answers, above all) is there in the next.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from deconv_grader.answers.reader import read
from deconv_grader.answers.submission import Submission
from deconv_grader.isolation import libraries, sandbox, wire
from deconv_grader.isolation.bounded import OutOfTime, apart, bounded
from deconv_grader.isolation.connection import Connection
from deconv_grader.isolation.forkserver import Zygote, zygote_for
from deconv_grader.isolation.remote_errors import LearnerError, reported
from deconv_grader.values import torch_modules
from deconv_grader.values.calls import PassedFunction, Reply
from deconv_grader.values.failures import CannotIsolate, Malformed, NotAllowed, TimedOut, WorkerFailure
from deconv_grader.values.handles import Handle
from deconv_grader.values.sizes import MOST_NUMBERS, laborious, numbers
from deconv_grader.values.text import one_line
from deconvlib.course.catalogue import Exercise, exercises, prerequisites
from deconvlib.course.exercise import reference

START = wire.Limits(header=32 << 20)
MOST_CALLBACKS = 20_000  # in one call
DEEPEST = 8  # calls within callbacks within calls
MOST_RECEIVED = 256 << 20  # bytes of all results within one check: a test may keep them
MOST_MADE = 1 << 25  # numbers in the modules that prerequisites made for one worker, each with at least MODULE
MODULE = 10_000  # numbers that an empty module's memory would hold
LOAD_SECONDS = 10.0  # to import the learner's module


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
        Seconds for each check, in the place of what the exercises declare.
    """

    def __init__(
        self,
        submission: Submission,
        level: str = "best",
        memory_mb: int = 1024,
        require: str | None = None,
        deadline: float | None = None,
    ):
        self.submission = submission
        self.wanted = sandbox.best_level() if level == "best" else level
        self.required = require or "process"
        self.deadline = deadline
        self.memory = memory_mb << 20
        self.exercises = {exercise.id: exercise for exercise in exercises().values()}
        self.problems = dict(submission.problems)
        self.reached: dict[str, Any] | None = None
        self.output = ""
        self.trouble: CannotIsolate | None = None  # what kept a worker from starting: not the learner's doing
        self._worker: Connection | None = None
        self._serves: Exercise | None = None
        self._failure: WorkerFailure | None = None
        self._hopeless: dict[str, WorkerFailure] = {}
        self._begun: set[str] = set()
        self._first_check = True
        self._left = deadline or 0.0
        self._depth = 0
        self._functions: list[PassedFunction] = []  # that this worker was lent
        self._made = 0  # numbers in those of them that are modules of a prerequisite
        self._received = 0  # bytes of results in this check
        self._written: dict[str, set[str] | None] = {}

    # ------------------------------------------------------------------------------------------ the Answers protocol

    def unwritten(self, exercise: Exercise) -> bool:
        """Whether there is nothing to call yet. Asked at the start of every check, whose time begins here."""
        # Without an answer to its first check an exercise earns nothing, so the others need not wait for their deadlines.
        self._failure = self._hopeless.get(exercise.id)
        self._left = self.deadline or exercise.deadline
        self._first_check = exercise.id not in self._begun
        self._begun.add(exercise.id)
        self._received = 0
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
        fields, value = self._exchange(worker, facts, [list(args), keywords])
        keys = {*range(len(args)), *keywords}
        return Reply(value, _keys(fields.get("changed"), keys), _keys(fields.get("shared"), keys))

    def place(self, exercise: Exercise, thing: Any) -> Handle:
        """Put a torch module into the worker."""
        self._usable(exercise)
        handle = self._exchange(self._worker_for(exercise), {"kind": "place"}, thing)[1]
        if not isinstance(handle, Handle):
            raise Malformed("what was placed did not stay")
        return handle

    def _usable(self, exercise: Exercise) -> None:
        if self._failure is not None:
            raise self._failure
        if problem := self.problem(exercise):
            raise LearnerError(problem)

    # ---------------------------------------------------------------------------------------------------- the worker

    def _references(self, exercise: Exercise) -> list[str]:
        """The exercises that the reference answers while this one is graded: what it declares, never itself."""
        known = exercises()
        return [known[name].id for name in prerequisites(exercise.name) if name != exercise.name]

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
        return self.submission.broken.get(exercise.name) or self.problems.get(exercise.chapter, "")

    def _new_worker(self, zygote: Zygote, seconds: int = 10) -> Connection:
        worker = self._worker = Connection(zygote, zygote.spawn(self.memory, seconds))
        try:
            reached = worker.greeting(LOAD_SECONDS)
        except WorkerFailure as failure:
            self.close()
            raise CannotIsolate(f"a worker could not be locked down: {failure}\n{self.output[-500:]}") from None
        if not sandbox.at_least(reached["level"], self.required):
            self.close()
            raise CannotIsolate(f"isolation level {self.required} is required; {reached['level']} is reached here")
        if self.reached is None or sandbox.at_least(self.reached["level"], reached["level"]):
            self.reached = reached  # the weakest of all
        return worker

    def _start(self, exercise: Exercise) -> None:
        needs = [exercises()[name] for name in prerequisites(exercise.name)]
        allowed, hidden = libraries.libraries_for(exercise, needs)
        for library in (*allowed, *hidden):
            importlib.import_module(libraries.OPTIONAL[library][0])  # its values are to be read here as well
        zygote = zygote_for(self.wanted, allowed, hidden)
        seconds = int(LOAD_SECONDS + 20 * exercise.deadline) + 1
        worker = self._new_worker(zygote, seconds)
        self._serves = exercise
        modules: dict[str, list[str]] = {}
        for other in self.exercises.values():
            modules.setdefault(other.chapter, []).append(other.name)
        start = {
            "kind": "start",
            "sources": self.submission.sources,
            "exercises": modules,
            "graded": exercise.chapter,
            "forbidden": list(exercise.forbids),
            "allowed": list(zygote.names),
        }
        worker.send(wire.encode(start, None, START), LOAD_SECONDS)
        left, self._left = self._left, LOAD_SECONDS
        try:
            self._exchange(worker, {"kind": "load", "module": exercise.chapter}, None)
        except NotAllowed:
            raise
        except Exception as error:
            self.problems[exercise.chapter] = _import_problem(exercise.chapter, error)
            self.close()
            raise LearnerError(self.problems[exercise.chapter]) from None
        except WorkerFailure as failure:
            self.problems[exercise.chapter] = f"importing {exercise.chapter}.py failed: {failure}"
            raise
        finally:
            self._left = left

    @property
    def level(self) -> str | None:
        """The weakest level of isolation that a worker reached; None before there was one."""
        return None if self.reached is None else str(self.reached["level"])

    def close(self) -> None:
        """End the worker, if there is one."""
        worker, self._worker, self._serves = self._worker, None, None
        if worker is not None:
            self.output = worker.output
            worker.end()
            self._functions.clear()
            self._made = 0

    # -------------------------------------------------------------------------------------------------- one exchange

    def _handle(self, worker: Connection, number: int, type_name: str) -> Handle:
        def ask(kind: str, body: Any) -> Any:
            if worker is not self._worker:
                raise LearnerError(f"the worker that held this {type_name} is gone")
            return self._exchange(worker, {"kind": kind, "handle": number}, body)[1]

        return Handle(type_name, ask, (worker, number))

    def _exchange(self, worker: Connection, fields: dict[str, Any], body: Any) -> tuple[dict[str, Any], Any]:
        """Send one frame and wait for what comes of it, answering what the worker asks in between."""
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise Malformed("calls within calls are nested too deeply")
            number = worker.number()
            try:
                body = self._crossing(body)
                frame = wire.encode({**fields, "number": number}, body, wire.REQUEST, self._special)
            except (wire.WireError, TypeError) as error:
                raise TypeError(f"the check passes what cannot be sent: {error}") from None
            self._left -= worker.send(frame, self._left)
            for _ in range(MOST_CALLBACKS):
                header, payload, spent = worker.receive(self._left)
                self._left -= spent
                begun, nested = time.monotonic(), self._left  # reading what it asks takes time as well
                reply, value = wire.decode(header, payload, wire.REPLY, self._restore(worker))
                if reply["kind"] in ("callback", "reference"):
                    answer = self._answer(reply, value)
                    self._left = min(self._left, nested - (time.monotonic() - begun))
                    self._left -= worker.send(answer, self._left)
                    continue
                if type(reply.get("number")) is not int or reply["number"] != number:
                    raise Malformed("the reply belongs to another call")
                if reply["kind"] == "result":
                    self._received += len(header) + len(payload)
                    if self._received > MOST_RECEIVED:
                        raise Malformed("it gave more than any check asks for")
                    if _holds(value, PassedFunction):  # which a test would ask in the place of the learner's own
                        raise Malformed("its result is a function that it was passed")
                    return reply, value
                if reply["kind"] == "error":
                    raise reported(reply, self.submission.sources)
                break
            raise Malformed("it asked for too much")
        except wire.WireError as error:
            malformed = Malformed(f"what the worker sent cannot be read: {error}")
            self._give_up(malformed)
            raise malformed from None
        except NotAllowed as failure:
            self._failure = failure
            raise
        except Exception:
            raise  # the learner's own
        except BaseException as failure:  # a deadline, here or the plugin's: the worker is in the middle of something
            self._give_up(failure)
            raise
        finally:
            self._depth -= 1

    def _give_up(self, failure: BaseException) -> None:
        self._failure = failure if isinstance(failure, WorkerFailure) else TimedOut("stopped at its deadline")
        if self._first_check and self._serves is not None:
            self._hopeless[self._serves.id] = self._failure
        self.close()

    def _special(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, PassedFunction):
            methods = {name: self._pass(PassedFunction(getattr(value.function, name), name)) for name in value.methods}
            return {"function": self._pass(value), "name": value.name, "methods": methods}
        if isinstance(value, Handle) and value.origin[0] is self._worker:
            return {"handle": value.origin[1]}
        return None

    def _pass(self, function: PassedFunction) -> int:
        self._functions.append(function)
        return len(self._functions) - 1

    def _crossing(self, value: Any) -> Any:
        """A body with each torch module described: a worker builds it anew, its own methods are asked for here."""
        if torch_modules.is_module(value):
            itself = PassedFunction(value, type(value).__name__)
            return wire.Described({"tree": torch_modules.describe(value, PassedFunction), "itself": itself})
        if type(value) in (list, tuple):
            return type(value)(map(self._crossing, value))
        if type(value) is dict:
            return {key: self._crossing(part) for key, part in value.items()}
        return value

    def _restore(self, worker: Connection) -> Callable[[dict[str, Any]], Handle | PassedFunction]:
        def restore(node: dict[str, Any]) -> Handle | PassedFunction:
            if node.keys() == {"passed"}:  # back again
                index = node["passed"]
                if type(index) is not int or not 0 <= index < len(self._functions):
                    raise wire.WireError("a function that was not passed")
                return self._functions[index]
            number, name = node.get("handle"), node.get("type")
            if node.keys() != {"handle", "type"} or type(number) is not int or type(name) is not str:
                raise wire.WireError("an object of unknown kind")
            if not 0 <= number < 1 << 31:
                raise wire.WireError("a handle that is none")
            return self._handle(worker, number, one_line(name, 80))

        return restore

    def _answer(self, reply: dict[str, Any], value: Any) -> bytes:
        """What the worker asked for: a function that the test passed, or a prerequisite's reference."""
        if type(value) is not list or len(value) != 2 or type(value[0]) is not list or type(value[1]) is not dict:
            raise Malformed("a question without arguments")
        try:
            function = self._asked_for(reply)
            if isinstance(function, type):  # what it makes has to stay in this process
                lengthy = False
            elif reply["kind"] == "reference":
                lengthy = laborious(value)
            else:
                lengthy = laborious(value, MOST_NUMBERS, MOST_NUMBERS)
            if lengthy:
                return apart(lambda: self._computed(reply, *value), self._left)
            return self._computed(reply, *value)
        except OutOfTime:
            raise TimedOut("stopped at its deadline, while it had an exercise computed that it rests on") from None

    def _computed(self, reply: dict[str, Any], args: list[Any], keywords: dict[str, Any]) -> bytes:
        answer: dict[str, Any] = {"kind": "answer"}
        try:
            if _holds([args, keywords], Handle):
                raise wire.WireError("an argument that cannot be sent")
            function = self._asked_for(reply)
            with bounded(self._left):
                result = function(*map(_itself, args), **{key: _itself(part) for key, part in keywords.items()})
            if torch_modules.is_module(
                result
            ):  # a prerequisite that is a class: what it makes stays here, and can be called
                self._made += MODULE + sum(map(numbers, result.parameters()))
                if self._made > MOST_MADE:
                    raise wire.WireError("too many modules, or too large ones")
                result = PassedFunction(result, type(result).__name__, torch_modules.methods_of(result))
            return wire.encode(answer, result, wire.REQUEST, self._special)
        except OutOfTime:
            raise
        except wire.WireError as error:
            return wire.encode({**answer, "error": "refused"}, str(error)[:500], wire.REQUEST)
        except Exception as error:
            name = next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")
            return wire.encode({**answer, "error": name}, str(error)[:2000], wire.REQUEST)

    def _asked_for(self, reply: dict[str, Any]) -> Callable[..., Any]:
        if reply["kind"] == "callback":
            number = reply.get("function")
            if type(number) is not int or not 0 <= number < len(self._functions):
                raise Malformed("it asked for a function that was not passed")
            return self._functions[number]
        identity = reply.get("exercise")
        assert self._serves is not None
        if type(identity) is not str or identity not in self._references(self._serves):
            raise Malformed("it asked for a solution that it may not have")
        return reference(identity)


def _itself(value: Any) -> Any:
    """What a worker was lent: the model of the test in the place of its copy there."""
    return value.function if isinstance(value, PassedFunction) and torch_modules.is_module(value.function) else value


def _holds(value: Any, kind: type) -> bool:
    """Whether a value is of a kind, or a part of it is."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(_holds(part, kind) for part in value)
    return isinstance(value, kind)


def _keys(found: Any, allowed: set[int | str]) -> tuple[int | str, ...]:
    if type(found) is not list or len(found) > 100:
        return ()
    return tuple(key for key in found if type(key) in (int, str) and key in allowed)


def _import_problem(module: str, error: Exception) -> str:
    lines = getattr(error, "learner_lines", [])
    where = f"\n{lines[-1]}" if lines else ""
    return f"{module}.py does not import. {type(error).__name__}: {error}{where}"
