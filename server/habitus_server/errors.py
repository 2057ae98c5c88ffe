"""The errors Habitus raises on purpose, split by who must act.

Every message is one sentence that says what is wrong, followed by what to do.
Foreign exceptions are wrapped once, in the room that owns the library.
"""


class HabitusError(Exception):
    """Base of every deliberate error; its text is fit to show to a user."""


class UserError(HabitusError):
    """The user can act: a setting, a path, a model or a flag is wrong."""


class ModelError(UserError):
    """A model or adapter cannot be loaded or used; the message names it."""


class StoreError(HabitusError):
    """The signal store cannot be read or written; the message names the file."""


class EngineError(HabitusError):
    """The engine cannot answer now; completion is silent and the status says why."""


class ProtocolError(HabitusError):
    """A peer on the socket broke the wire contract; the connection is closed."""


class TrainingError(HabitusError):
    """A learning cycle could not finish; the incumbent adapter stays in service."""
