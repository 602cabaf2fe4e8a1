"""The audit as a self-contained HTML page: its figures, then its galleries."""

from collections.abc import Mapping

from ferflow.audit.galleries import image_galleries, twin_galleries
from ferflow.audit.measures import BLACK_WHITE, Audit, Counts
from ferflow.data.twins import TWIN_CORRELATION
from ferflow.html import bar, document, heading, paragraph, table, tiles


def audit_page(audit: Audit, counts: Counts) -> str:
    """The page for an audit and its `count`, whole."""
    parts = [
        paragraph(f"Split: {audit.meta['split']}."),
        _tiles(counts),
        heading("Images") + _images(audit, counts),
        _findings(audit, counts),
        _distances(audit, counts),
        _light(counts),
        *twin_galleries(audit),
        *image_galleries(audit),
    ]
    return document(f"Audit of {audit.meta['data_set']}", parts)


def findings(audit: Audit, counts: Counts) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the main table: a row per finding, a column per split, the sum last."""
    names = audit.splits
    exact, near = counts["exact"], counts["near"]
    rows = [
        ["images", *_summed(counts["images"], names)],
        ["flat: one grey level, give or take noise", *_summed(counts["constant"], names)],
        [f"over {BLACK_WHITE:.0%} black or white", *_summed(counts["black_and_white"], names)],
        ["no frontal face found (Haar cascade)", *_summed(counts["no_face"], names)],
        ["exact duplicates", *_counted(exact["within"], names, exact["duplicates"])],
        ["exact or near duplicates", *_counted(near["within"], names, near["duplicates"])],
        ["with an exact copy in train", *_counted(exact["in_train"], names)],
        ["with an exact or near twin in train", *_counted(near["in_train"], names)],
    ]
    return ["", *names, "all"], rows


def _tiles(counts: Counts) -> str:
    """The figures that matter most."""
    exact, near = counts["exact"], counts["near"]
    return tiles(
        [
            (_total(counts["images"]), "images"),
            (exact["duplicates"], "exact duplicates of an earlier image"),
            (near["duplicates"], "exact or near duplicates"),
            (sum(exact["in_train"].values()), "images outside train with an exact copy in train"),
            (sum(near["in_train"].values()), "images outside train with a twin in train"),
            (exact["contradictory_groups"], "groups of identical images with different labels"),
            (_total(counts["constant"]), "flat images"),
        ]
    )


def _images(audit: Audit, counts: Counts) -> str:
    rows = [
        [name, *(f"{n:,}" for n in classes.values()), f"{sum(classes.values()):,}"]
        for name, classes in counts["images"].items()
    ]
    return table(["split", *audit.labels, "all"], rows, numbers=True)


def _findings(audit: Audit, counts: Counts) -> str:
    note = (
        "A split's duplicates are those inside it; all splits together have more. The cascade was "
        "made to find faces within larger pictures and misses most that fill the frame: its row "
        "says more about the cascade than about the images."
    )
    return heading("Findings", note) + table(*findings(audit, counts), numbers=True)


def _distances(audit: Audit, counts: Counts) -> str:
    """Twins as a function of how far hashes may differ."""
    others = [name for name in audit.splits if name != "train"]
    rows = [["identical", *_twin_cells(counts["exact"], others)]]
    rows += [
        [f"{row['distance']} bits", *_twin_cells(row, others)]
        for row in counts["twins_by_distance"]
    ]
    used = f"{audit.pool.twin_distance} bits"
    note = (
        "Near twins differ in at most so many of the 64 bits of a perceptual hash and correlate by "
        f"{TWIN_CORRELATION} or more. Elsewhere on this page: {used}."
    )
    head = ["twins", "duplicates", "groups across splits"]
    head += [*(f"{name} in train" for name in others), "groups with different labels"]
    return heading("Twins by distance", note) + table(head, rows, numbers=True, marked=used)


def _twin_cells(row: Counts, others: list[str]) -> list[str]:
    numbers = [row["duplicates"], row["groups_across_splits"]]
    numbers += [row["in_train"][name] for name in others]
    return [f"{n:,}" for n in [*numbers, row["contradictory_groups"]]]


def _light(counts: Counts) -> str:
    """Contrast and brightness per class, as numbers and bars."""
    note = "Grey levels. Nine of ten images lie within the bar, half on either side of the mark."
    parts = [heading("Light per class", note)]
    for name, meaning, top in (
        ("contrast", "standard deviation", 128),
        ("brightness", "mean", 255),
    ):
        rows = [
            [label, *(f"{v:.0f}" for v in r.values()), bar(r["p5"], r["median"], r["p95"], top)]
            for label, r in counts[name].items()
        ]
        head = [f"{name} ({meaning})", "5 %", "median", "95 %", f"0 to {top}"]
        parts.append(table(head, rows, numbers=True))
    return "".join(parts)


def _summed(classes: Mapping[str, Mapping[str, int]], names: list[str]) -> list[str]:
    """Cells from split -> class -> n."""
    return _counted({name: sum(classes[name].values()) for name in names}, names)


def _counted(numbers: Mapping[str, int], names: list[str], total: int | None = None) -> list[str]:
    """Cells from split -> n, with a dash for a split that has none; `total` where not the sum."""
    total = sum(numbers.values()) if total is None else total
    return [*(f"{numbers[n]:,}" if n in numbers else "\N{EN DASH}" for n in names), f"{total:,}"]


def _total(classes: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(of_split.values()) for of_split in classes.values())
