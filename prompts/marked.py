"""Read YAML that may come from somebody else: no tags, no aliases, no key twice, and an error names file and line."""

from typing import Any

from yaml import AliasEvent, MappingNode, MarkedYAMLError, Node, SafeLoader, YAMLError
from yaml.constructor import ConstructorError

from prompts.problem import BadTemplate

MOST_BRACKETS = 200
"""Every token is held against every bracket that is open."""


class _Loader(SafeLoader):
    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        events: Any = self
        if events.check_event(AliasEvent):
            raise ConstructorError(None, None, "aliases are not taken", events.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if not isinstance(key.value, str) or key.value in seen:
                raise ConstructorError(None, None, "a key is no text, or stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(text: str, where: str, before: int = 0) -> Any:
    """Return what the YAML says; `before` lines stand above it in its file.

    Raises:
        BadTemplate: It is not YAML, or uses what is not taken from it.
    """
    if text.count("[") + text.count("{") > MOST_BRACKETS:
        raise BadTemplate(where, before + 1, f"this YAML has more than {MOST_BRACKETS} brackets.")
    loader: Any = _Loader(text)
    try:
        return loader.get_single_data()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = f"{error.problem or error.context}."
        raise BadTemplate(where, before + line, what) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadTemplate(where, before + 1, f"this is not YAML: {str(error).splitlines()[0][:200]}.") from error
    finally:
        loader.dispose()
