"""Which part of Jinja a template may use, and what is put into it so that a meter sees whatever could grow."""

from collections.abc import Iterator, Sequence

from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.visitor import NodeTransformer

ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Const),
    *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.If, nodes.CondExpr, nodes.For),
    *(nodes.Assign, nodes.With, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or),
    *(nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    *(nodes.Concat, nodes.Call, nodes.Include, nodes.Extends, nodes.Block),
)
"""Left out: what makes text where no meter sees it (macros, blocks that are set or filtered), namespaces, powers."""


def faults(tree: nodes.Template, environment: Environment, files: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield what a template may not have, each with its line; `files` are those it may include or extend."""
    for node in tree.find_all(nodes.Node):
        match node:
            case nodes.For(recursive=True):
                yield node.lineno, "a loop cannot be recursive"
            case nodes.Include(template=wanted) | nodes.Extends(template=wanted):
                if not (isinstance(wanted, nodes.Const) and wanted.value in files):
                    yield node.lineno, "only templates that factor12 brings can be included or extended, each by name"
            case nodes.Filter(name=name) if name not in environment.filters:
                yield node.lineno, f"there is no filter {name!r}"
            case nodes.Test(name=name) if name not in environment.tests:
                yield node.lineno, f"there is no test {name!r}"
            case _ if not isinstance(node, ALLOWED):
                yield node.lineno or 0, f"{type(node).__name__.lower()!r} is not part of what templates may use"
            case _:
                pass


def undeclared(tree: nodes.Template, declared: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the names that neither the template sets nor its front matter declares, each with its line."""
    unknown = find_undeclared_variables(tree) - {*declared}
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            yield node.lineno, f"{node.name!r} is not one of its variables ({', '.join(declared) or 'none'})"


class Metered(NodeTransformer):
    """Put the meter's filters where something could grow: into loops, comparisons, slices, filters and `~`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        text = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        node.iter = _through("_turns", node.iter, nodes.Const(text))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _through("_weighed", node.expr)
        for operand in node.ops:
            operand.expr = _through("_weighed", operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _through("_weighed", node.node)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        self.generic_visit(node)
        if node.node is not None and node.name != "default":  # which takes what is not there
            node.node = _through("_weighed", node.node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _through("_joined", nodes.List(node.nodes, lineno=node.lineno))


def _through(name: str, node: nodes.Node, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, [*arguments], [], None, None, lineno=node.lineno)
