"""ferflow: facial expression recognition on FER-2013 as one reproducible pipeline.

`from ferflow import Recognizer` names the expressions of the faces in a picture.
"""

__all__ = ["Recognizer"]


def __getattr__(name: str) -> object:
    """The library's face, loaded when it is asked for: `import ferflow` alone loads nothing."""
    if name == "Recognizer":
        from ferflow.recognition.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module 'ferflow' has no attribute {name!r}")
