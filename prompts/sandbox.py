"""Compile and run one template where it reaches its variables, our templates, and nothing else."""

from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from traceback import walk_tb
from types import CodeType
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, filters, pass_context, tests
from jinja2 import Template as Page
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range

from prompts.dialect import Metered, faults, undeclared
from prompts.framing import framed
from prompts.meter import MOST_OUTPUT, Meter, TooMuch
from prompts.problem import BadTemplate
from prompts.template import Template

SUFFIX = ".md.j2"
HINT = "docs/prompts.md says what templates may use."
FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "last"),
    *("length", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr"),
    *("sort", "string", "title", "trim", "truncate", "unique", "upper", "wordcount"),
)
TESTS = (
    *(
        "boolean",
        "defined",
        "divisibleby",
        "even",
        "false",
        "float",
        "integer",
        "iterable",
        "mapping",
        "none",
        "number",
    ),
    *("odd", "sequence", "string", "true", "undefined"),
)
METHODS: Mapping[type, tuple[str, ...]] = {
    dict: ("get", "items", "keys", "values"),
    str: ("endswith", "lower", "lstrip", "rstrip", "splitlines", "startswith", "strip", "title", "upper"),
    LoopContext: (
        *("changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem"),
        *("previtem", "revindex", "revindex0"),
    ),
    tuple: ("grouper", "list"),  # of `groupby`
}
WRONG = (TemplateError, TooMuch, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, AttributeError)
"""All that the words of a template can cause."""


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for one rendering, with its own meter."""

    intercepted_binops = frozenset("+*%")

    def __init__(self, ours: Callable[[str], Template], files: tuple[str, ...]) -> None:
        """`files` are those that may be included or extended, and `ours` reads them."""
        self.meter = meter = Meter()
        self.pages = set[str]()
        self._ours = ours
        self._files = files

        @pass_context
        def finalize(_: Context, value: Any) -> str:
            return meter.text(value)

        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            optimized=False,
            finalize=finalize,
            cache_size=0,
        )
        self.globals = {"range": safe_range}
        kept: dict[str, Callable[..., Any]] = {name: filters.FILTERS[name] for name in FILTERS}
        made = {"join": meter.joined, "list": meter.listed, "tojson": meter.json, "replace": meter.replaced}
        hidden = {"_joined": meter.joined, "_turns": meter.turns, "_weighed": meter.weighed}
        self.filters = {**kept, **made, **hidden, "indent": meter.indented, "framed": framed}
        equal = dict.fromkeys(("eq", "equalto", "=="), meter.equal)
        unequal = dict.fromkeys(("ne", "!="), meter.unequal)
        self.tests = {**{name: tests.TESTS[name] for name in TESTS}, **equal, **unequal}

    def page(self, template: Template) -> Page:
        """Compile a template, or take what was compiled before.

        Raises:
            BadTemplate: It cannot be compiled, or uses what templates may not.
        """
        self.meter.charge(len(template.source))
        self.pages.add(template.where)
        declared = tuple(template.header.variables)
        code = _compiled(template.body, template.before, template.name, template.where, declared, self._files)
        return Page.from_code(self, code, self.make_globals(None))

    def get_template(
        self, name: str | Page, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Page:
        """Return one of ours, for an include or an extends; which one was checked when it was compiled."""
        return self.page(self._ours(str(name).removesuffix(SUFFIX)))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return any(isinstance(obj, kind) and attr in known for kind, known in METHODS.items())

    def is_safe_callable(self, obj: Any) -> bool:
        owner = None if isinstance(obj, Undefined) else getattr(obj, "__self__", None)
        return obj is safe_range or isinstance(obj, BlockReference | Undefined) or isinstance(owner, tuple(METHODS))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Prefer what a JSON object holds to a method of the same name."""
        if isinstance(obj, dict) and attribute in obj:
            return cast(dict[str, Any], obj)[attribute]
        return super().getattr(obj, attribute)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not self.is_safe_callable(obj):
            raise SecurityError(f"{getattr(obj, '__name__', 'this')!r} cannot be called here")
        self.meter.weighed(getattr(obj, "__self__", ""))
        self.meter.charge(MOST_OUTPUT // 64 if isinstance(obj, BlockReference) else 1)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            return self.meter.multiplied(left, right)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% formats no text here")
        self.meter.weighed([left, right])
        return super().call_binop(context, operator, left, right)


def filled(template: Template, context: Mapping[str, Any], sandbox: Sandbox) -> str:
    """Return the words of a template with its variables filled in.

    Raises:
        BadTemplate: It cannot be compiled, or fails or grows too large while it runs; it names file and line.
    """
    parts, size = list[str](), 0
    try:
        for part in sandbox.page(template).generate(context):
            parts.append(part)
            if (size := size + len(part)) > MOST_OUTPUT:
                raise TooMuch(f"its text has more than {MOST_OUTPUT} characters")
    except WRONG as error:
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
        at = [place for place in frames if place[0] in sandbox.pages]
        where, line = at[-1] if at else (template.where, 0)
        raise BadTemplate(where, line, f"{_said(error)}.", HINT) from error
    return "".join(parts)


@lru_cache(maxsize=256)
def _compiled(
    body: str, before: int, name: str, where: str, declared: tuple[str, ...], files: tuple[str, ...]
) -> CodeType:
    """Compile a body under as many lines as stand above it in its file, so that errors name the file's lines."""
    sandbox = Sandbox(_nothing, files)
    above = "\n" * (before - 1)
    try:
        tree = sandbox.parse(f"{{#{above}#}}\n{body}", name, where)
        for line, what in sorted(faults(tree, sandbox, files)) or sorted(undeclared(tree, declared)):
            raise BadTemplate(where, line, f"{what}.", HINT)
        Metered().visit(tree)
        tree.set_environment(sandbox)
        return sandbox.compile(tree, name, where)
    except TemplateSyntaxError as error:
        raise BadTemplate(where, error.lineno, f"{_said(error)}.", HINT) from error
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise BadTemplate(where, 0, f"it cannot be compiled: {_said(error)}.", HINT) from error


def _nothing(name: str) -> Template:
    raise LookupError(name)


def _said(error: BaseException) -> str:
    said = str(error.msg if isinstance(error, SyntaxError) else error)
    return " ".join(said.split())[:200].rstrip(".") or type(error).__name__
