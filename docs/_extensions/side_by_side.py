"""Sphinx extension: code after "Wrong:" and code after "Right:" stand side by side.

The Markdown stays plain, so that a code host shows it too.
"""

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

WORDS = {"Wrong:": "wrong", "Right:": "right"}


class SideBySide(SphinxPostTransform):
    """Wrap each pair of "Wrong:" and "Right:", each with what follows up to its code, in boxes."""

    default_priority = 700

    def run(self):
        """Wrap the pairs of one document."""
        for section in list(self.document.findall(nodes.section)):
            starts = [i for i, node in enumerate(section) if node.astext() in WORDS]
            for wrong, right in reversed(list(zip(starts[::2], starts[1::2], strict=True))):
                end = 1 + next(i for i in range(right, len(section)) if self.is_code(section[i]))
                pair = nodes.container(classes=["side-by-side"], is_div=True)
                for start, stop in ((wrong, right), (right, end)):
                    kind = WORDS[section[start].astext()]
                    pair += nodes.container("", *section[start:stop], classes=[kind], is_div=True)
                section[wrong:end] = [pair]

    @staticmethod
    def is_code(node):
        """Tell whether a node is a code block."""
        return isinstance(node, nodes.literal_block) or bool(
            list(node.findall(nodes.literal_block))
        )


def setup(app):
    """Add the transform."""
    app.add_post_transform(SideBySide)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
