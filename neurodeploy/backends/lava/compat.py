"""Imports lava-nc 0.10.0 and lava-dl 0.6.0 on today's Python; the one place that works around them.

Lava was archived with Python 3.10, numpy 1 and torch 2.3 as its declared limits. Five things
stand in the way elsewhere, and each is cured only while our code imports Lava:

1. `lava.magma.compiler.var_model` has dataclass fields such as `x: ByteEncoder = ByteEncoder()`.
   From Python 3.11 on, a default has to be hashable, and instances of a plain dataclass are not:
   Lava fails to import. The module is compiled from its own source with such defaults written as
   `field(default_factory=ByteEncoder)`.
2. `lava.magma.core.process.ports.ports` calls `np.reshape(..., newshape=...)`. numpy renamed the
   argument in 2.1 and dropped the old name in 2.4: a network with a reshaped connection (every
   convolution) waits forever. The module is compiled with the name `shape`.
3. `lava.lib.dl.slayer` imports its `object_detection` subpackage, which wants torchvision and
   OpenCV and which nothing else in lava-dl uses. Where one of the two is missing, an empty module
   takes its place; where both are there, the real one is loaded.
4. `lava.magma.runtime.message_infrastructure.multiprocessing` calls
   `multiprocessing.set_start_method("fork")`, which fails if the program has chosen a method and
   otherwise changes it for the whole process. The choice is set aside during the import and put
   back.
5. `lava.lib.dl.netx.hdf5` takes `int()` of an input layer's weight and bias, which slayer writes as
   arrays of one element. numpy allows that no more from 2.4 on. The module is compiled with
   `int(....item())`.

On Python 3.10 with numpy 1 no module is compiled differently. No file is changed, no byte code of a
cured source is cached, `dataclasses` and numpy stay as they are, and the import hook is gone again
when the functions return.
"""

from __future__ import annotations

import ast
import importlib
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType

import numpy as np

NETX = "lava.lib.dl.netx.hdf5"
VAR_MODEL = "lava.magma.compiler.var_model"
PORTS = "lava.magma.core.process.ports.ports"
OBJECT_DETECTION = "lava.lib.dl.slayer.object_detection"
OBJECT_DETECTION_NEEDS = ("torchvision", "cv2")


class _FactoryDefaults(ast.NodeTransformer):
    """Turns the class-level `name: T = T()` into `name: T = field(default_factory=T)`."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args:
            factory = ast.keyword(arg="default_factory", value=call.func)
            fresh = ast.Call(ast.Name("field", ast.Load()), args=[], keywords=[factory])
            node.value = ast.copy_location(fresh, call)
        return node


class _ReshapeArgument(ast.NodeTransformer):
    """Renames the keyword argument `newshape` to `shape`."""

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        if node.arg == "newshape":
            node.arg = "shape"
        return node


class _ScalarArgument(ast.NodeTransformer):
    """Turns `int(layer_config[key])` into `int(layer_config[key].item())`."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "int" and len(node.args) == 1:
            given = node.args[0]
            if isinstance(given, ast.Subscript):
                item = ast.Attribute(given, "item", ast.Load())
                node.args = [ast.copy_location(ast.Call(item, args=[], keywords=[]), given)]
        return node


def _cure(fullname: str) -> ast.NodeTransformer | None:
    if fullname == VAR_MODEL and sys.version_info >= (3, 11):
        return _FactoryDefaults()
    if fullname == PORTS and np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        return _ReshapeArgument()
    if fullname == NETX and np.lib.NumpyVersion(np.__version__) >= "2.4.0":
        return _ScalarArgument()
    return None


class _CuredLoader(SourceFileLoader):
    """Loads a module from its source as `cure` rewrites it, and caches nothing."""

    def __init__(self, fullname: str, path: str, cure: ast.NodeTransformer) -> None:
        super().__init__(fullname, path)
        self._cure = cure

    def get_code(self, fullname: str) -> CodeType:
        tree = self._cure.visit(ast.parse(self.get_data(self.path)))
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["field"] = field
        super().exec_module(module)


class _EmptyModule(Loader):
    """Stands in for a subpackage that cannot be imported here and is not needed."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        missing = ", ".join(name for name in OBJECT_DETECTION_NEEDS if find_spec(name) is None)
        module.__doc__ = f"Left empty by neurodeploy: {missing} not installed."


class _LavaFinder(MetaPathFinder):
    """Answers for the modules named above and for nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        cure = _cure(fullname)
        if cure is not None:
            spec = PathFinder.find_spec(fullname, path)
            if spec is not None and spec.origin is not None:
                spec.loader = _CuredLoader(fullname, spec.origin, cure)
            return spec
        if fullname == OBJECT_DETECTION and any(map(_is_missing, OBJECT_DETECTION_NEEDS)):
            return ModuleSpec(fullname, _EmptyModule())
        return None


def _is_missing(name: str) -> bool:
    return find_spec(name) is None


@contextmanager
def _cured_imports() -> Iterator[None]:
    finder = _LavaFinder()
    start_method = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        multiprocessing.set_start_method(start_method, force=True)


def import_lava() -> None:
    """Imports the parts of lava-nc that need a cure; any other part imports by itself afterwards.

    Raises ImportError where lava-nc or one of its dependencies is not installed.
    """
    with _cured_imports():
        importlib.import_module(VAR_MODEL)
        importlib.import_module(PORTS)
        importlib.import_module("lava.magma.runtime.message_infrastructure.factory")
        importlib.import_module("lava.magma.runtime.runtime")


def import_slayer() -> ModuleType:
    """lava-dl's `slayer` (needs torch); imports `lava.lib.dl.netx.hdf5` as well.

    Raises ImportError where lava-dl, torch or one of their dependencies is not installed.
    """
    import_lava()
    with _cured_imports():
        slayer = importlib.import_module("lava.lib.dl.slayer")
        importlib.import_module(NETX)
        return slayer
