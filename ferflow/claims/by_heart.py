"""Whether answers show that a model was trained on the labels which score it.

On a third of FER-2013's images the label is not what most of FER+'s ten people see. A picture does
not tell such a label; only training on it does.
"""

# Systems on record that were not trained on the labels reach less than 0.45 there, at up to 0.72 on
# all images. One that is right on 0.77 of all and on 0.93 where both labels agree reaches 0.47.
MOST_UNSEEN = 0.6


def is_by_heart(low: float) -> bool:
    """Whether the labels were learnt by heart.

    low : lower bound of the accuracy's 95 % interval, on images whose clear majority of FER+'s
    votes is not FER-2013's label.
    """
    return low > MOST_UNSEEN
