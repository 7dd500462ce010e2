"""The layout of nir 0.0.1 to 0.0.4 as that of later versions.

    /nodes/0, /nodes/1, ...   numbered nodes; /edges holds pairs of numbers
    Linear                    has a bias: today's Affine
    weights, theta            today's weight and v_threshold

0.0.6 has the group `node`, numbered nodes and today's names.
"""

from __future__ import annotations

from neurodeploy.ir.hdf5 import Group

RENAMED = {"weights": "weight", "theta": "v_threshold"}


def is_early(tree: Group) -> bool:
    return "node" not in tree and "nodes" in tree and "edges" in tree


def early_layout(tree: Group) -> Group:
    """The tree's content as the group `node` of a later version has it."""
    root = Group()
    root["type"], root["edges"], root["nodes"] = "NIRGraph", tree["edges"], tree["nodes"]
    if isinstance(tree["nodes"], Group):
        root["nodes"] = Group()
        for name, node in tree["nodes"].items():
            root["nodes"][name] = _renamed(node) if isinstance(node, Group) else node
    return root


def _renamed(node: Group) -> Group:
    later = Group()
    later.update({RENAMED.get(key, key): value for key, value in node.items()})
    if later.get("type") == "Linear" and "bias" in later:
        later["type"] = "Affine"
    return later
