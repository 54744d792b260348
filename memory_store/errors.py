"""Every error that the project raises on purpose, in one tree.

::

    ErrataError
    ├── MemoryStoreError         anything about a memory of edits
    │   ├── InvalidEditError     text or a field that can't be an edit
    │   ├── ImportFormatError    a line of an import file; names the line
    │   ├── UnknownEditError     no such edit holds now
    │   ├── EditExistsError      the id is taken by another edit
    │   ├── MemoryBusyError      another process is writing
    │   ├── NotAMemoryError      the file is something else
    │   ├── NewerMemoryError     the file was written by a newer version
    │   ├── DamagedMemoryError   the file or an edit in it is damaged
    │   └── EncoderMismatchError the vectors come from another encoder
    ├── InvalidQueryError        a query, or a line of a file of queries
    └── ModelError               anything about a model or a trained artifact
        ├── MissingModelError    not installed; the message is the install line
        ├── MissingExtraError    an optional package; the message is the install line
        └── ArtifactError        a trained file that is damaged, unsafe or unfit

Each message is one line that says what is wrong and what to do. The command
line prints it on stderr and exits with code 2.
"""


class ErrataError(Exception):
    """Base of all errors of this project."""


class MemoryStoreError(ErrataError):
    """Base of the errors about a memory of edits."""


class InvalidEditError(MemoryStoreError):
    """The text or a field can't be an edit."""


class ImportFormatError(MemoryStoreError):
    """A line of an import file can't be read; the message names the line."""


class UnknownEditError(MemoryStoreError):
    """No edit with this id holds now."""


class EditExistsError(MemoryStoreError):
    """The id already belongs to an edit that says something else."""


class MemoryBusyError(MemoryStoreError):
    """Another process is writing to the memory."""


class NotAMemoryError(MemoryStoreError):
    """The file is not a memory of edits."""


class NewerMemoryError(MemoryStoreError):
    """The file was written by a newer version of the project."""


class DamagedMemoryError(MemoryStoreError):
    """The file, or an edit in it, is damaged."""


class EncoderMismatchError(MemoryStoreError):
    """The stored vectors come from another encoder than the one given."""


class InvalidQueryError(ErrataError):
    """A query, or a line of a file of queries, can't be used."""


class ModelError(ErrataError):
    """Base of the errors about models and trained artifacts."""


class MissingModelError(ModelError):
    """A model is not installed; the message holds the install line."""


class MissingExtraError(ModelError):
    """An optional package is not installed; the message holds the install line."""


class ArtifactError(ModelError):
    """A trained artifact is damaged, unsafe to load, or made for another body."""
