"""The audit as a self-contained HTML page: its figures, then its galleries."""

from collections.abc import Mapping

from ferflow.audit.galleries import image_galleries, twin_galleries
from ferflow.audit.measures import BLACK_WHITE, Audit, Counts, recall
from ferflow.documents.render import render
from ferflow.images.twins import TWIN_CORRELATION

RELATIVE_WORDS = {
    "exact": "with an exact copy",
    "near": "else with a near twin",
    "mirrored": "else with a mirrored copy",
    "moved": "else with a shifted, turned, zoomed or equalised copy",
}


def audit_page(audit: Audit, counts: Counts) -> str:
    """The page for an audit and its `count`, whole."""
    return render(
        "audit.html.j2",
        title=f"Audit of {audit.meta['data_set']}",
        split=audit.meta["split"],
        counts=counts,
        tiles=_tiles(counts),
        images=(["split", *audit.labels, "all"], _images(counts)),
        findings=findings(audit, counts),
        distances=_distances(audit, counts),
        used=f"{audit.pool.twin_distance} bits",
        correlation=TWIN_CORRELATION,
        relatives=relatives(audit, counts),
        recall=recall(),
        galleries=[*twin_galleries(audit), *image_galleries(audit)],
    )


def findings(audit: Audit, counts: Counts) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the main table: a row per finding, a column per split, the sum last."""
    names = audit.splits
    exact, near = counts["exact"], counts["near"]
    rows = [
        ["images", *_summed(counts["images"], names)],
        ["flat: one grey level, apart from noise", *_summed(counts["constant"], names)],
        [f"over {BLACK_WHITE:.0%} black or white", *_summed(counts["black_and_white"], names)],
        ["no frontal face found (Haar cascade)", *_summed(counts["no_face"], names)],
        ["exact duplicates", *_counted(exact["within"], names, exact["duplicates"])],
        ["exact or near duplicates", *_counted(near["within"], names, near["duplicates"])],
        ["with an exact copy in train", *_counted(exact["in_train"], names)],
        ["with an exact or near twin in train", *_counted(near["in_train"], names)],
    ]
    return ["", *names, "all"], rows


def relatives(audit: Audit, counts: Counts) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of relatives: twins and, beyond them, changed copies."""
    names, found = audit.splits, counts["relatives"]
    rows = [["copies of an earlier image", *_counted(found["within"], names, found["duplicates"])]]
    rows += [
        [f"{words} in train", *_counted(found["in_train_by_kind"][kind], names)]
        for kind, words in RELATIVE_WORDS.items()
    ]
    rows.append(["with any of these in train", *_counted(found["in_train"], names)])
    return ["", *names, "all"], rows


def _tiles(counts: Counts) -> list[tuple[int, str]]:
    """The figures that matter most."""
    exact, near = counts["exact"], counts["near"]
    return [
        (_total(counts["images"]), "images"),
        (exact["duplicates"], "exact duplicates of an earlier image"),
        (near["duplicates"], "exact or near duplicates"),
        (sum(exact["in_train"].values()), "images outside train with an exact copy in train"),
        (sum(near["in_train"].values()), "images outside train with a twin in train"),
        (exact["contradictory_groups"], "groups of identical images with different labels"),
        (_total(counts["constant"]), "flat images"),
    ]


def _images(counts: Counts) -> list[list[str]]:
    return [
        [name, *(f"{n:,}" for n in classes.values()), f"{sum(classes.values()):,}"]
        for name, classes in counts["images"].items()
    ]


def _distances(audit: Audit, counts: Counts) -> tuple[list[str], list[list[str]]]:
    """Twins as a function of how far hashes may differ: head and rows."""
    others = [name for name in audit.splits if name != "train"]
    rows = [["identical", *_twin_cells(counts["exact"], others)]]
    rows += [
        [f"{row['distance']} bits", *_twin_cells(row, others)]
        for row in counts["twins_by_distance"]
    ]
    head = ["twins", "duplicates", "groups across splits"]
    return [*head, *(f"{name} in train" for name in others), "groups with different labels"], rows


def _twin_cells(row: Counts, others: list[str]) -> list[str]:
    numbers = [row["duplicates"], row["groups_across_splits"]]
    numbers += [row["in_train"][name] for name in others]
    return [f"{n:,}" for n in [*numbers, row["contradictory_groups"]]]


def _summed(classes: Mapping[str, Mapping[str, int]], names: list[str]) -> list[str]:
    """Cells from split -> class -> n."""
    return _counted({name: sum(classes[name].values()) for name in names}, names)


def _counted(numbers: Mapping[str, int], names: list[str], total: int | None = None) -> list[str]:
    """Cells from split -> n, with a dash for a split that has none; `total` where not the sum."""
    total = sum(numbers.values()) if total is None else total
    return [*(f"{numbers[n]:,}" if n in numbers else "\N{EN DASH}" for n in names), f"{total:,}"]


def _total(classes: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(of_split.values()) for of_split in classes.values())
