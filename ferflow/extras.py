"""What `pip install ferflow` leaves out, and which extra brings it."""

from importlib.util import find_spec

# Extra -> what it is, and the modules that its packages bring, as far as ferflow imports them.
EXTRAS = {
    "workflow": (
        "the workflow",
        {
            "cloudpickle",
            "dvc",
            "filelock",
            "huggingface_hub",
            "imblearn",
            "jinja2",
            "joblib",
            "kagglehub",
            "matplotlib",
            "mlflow",
            "onnx",
            "onnxscript",
            "pandas",
            "psutil",
            "pyarrow",
            "ruamel",
            "scipy",
            "skl2onnx",
            "sklearn",
            "skops",
            "sqlalchemy",
            "torch",
            "transformers",
        },
    ),
    "app": ("the page", {"gradio", "starlette"}),
    "media": ("the extra for media", {"av", "pillow_heif"}),
    "cluster": ("the extra for clusters", {"dask", "distributed", "psycopg"}),
}


def missing(module: str | None) -> str | None:
    """What is needed and how to get it, if a module is of an extra that is not installed.

    module : as ModuleNotFoundError names it. None if it is something else that is not there.
    """
    package = (module or "").partition(".")[0]
    for extra, (what, packages) in EXTRAS.items():
        if package in packages and find_spec(package) is None:
            return (
                f"{what} for this, and {package} is not installed: pip install 'ferflow[{extra}]'."
            )
    return None
