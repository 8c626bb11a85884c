"""The tree of candidates that Medusa drafts where a checkpoint names none."""

# Ranks that may stand behind each path, measured by Medusa's authors on a 7B model as the 63 paths
# most often accepted (there `mc_sim_7b_63`): behind the start ranks 0 to 9, behind rank 0 again 0
# to 9, and so on.
_WIDTHS = {
    (): 10,
    (0,): 10, (1,): 7, (2,): 3, (3,): 2, (4,): 1, (5,): 1, (6,): 1, (7,): 1, (8,): 1, (9,): 1,
    (0, 0): 10, (0, 1): 3, (0, 2): 2, (0, 3): 1, (0, 4): 1, (0, 5): 1, (0, 6): 1, (0, 7): 1,
    (1, 0): 2, (2, 0): 1,
    (0, 0, 0): 2,
}  # fmt: skip

DEFAULT_CHOICES = tuple(
    (*path, rank)
    for path, width in sorted(_WIDTHS.items(), key=lambda entry: (len(entry[0]), entry[0]))
    for rank in range(width)
)
