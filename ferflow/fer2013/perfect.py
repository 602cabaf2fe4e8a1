"""What a perfect score by FER-2013's labels would mean, by the people whom FER+ asked."""

from ferflow.fer2013.table import UNKNOWN, USAGES, clear_majority, load_table


def perfect_score() -> dict[str, str]:
    """What FER+ says of PrivateTest's labels, as texts: the most that a perfect reader could score.

    n, images with votes; in_lead, whose label is among the most frequent votes; n_clear, those with
    a clear majority; equal and against, of these whose label it is and is not.
    """
    table = load_table()
    test = (
        (table.usage == USAGES.index("PrivateTest"))
        & (table.label != UNKNOWN)
        & (table.votes.sum(axis=1) > 0)
    )
    votes, label = table.votes[test], table.label[test]
    majority = clear_majority(votes)
    clear = majority != UNKNOWN
    equal = float((majority == label)[clear].mean())
    in_lead = votes[range(len(label)), label] == votes.max(axis=1)
    return {
        "n": f"{len(label):,}",
        "in_lead": f"{100 * in_lead.mean():.0f} %",
        "n_clear": f"{clear.sum():,}",
        "equal": f"{100 * equal:.0f} %",
        "against": f"{100 * (1 - equal):.0f} %",
    }
