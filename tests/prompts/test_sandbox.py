"""A template that somebody else wrote reaches its variables and our templates, and cannot eat the machine."""

from time import process_time

import pytest

from prompts import names, ours
from prompts.problem import BadTemplate
from prompts.render import checked
from tests.prompts.written import BODY_AT, WHERE, template, text


def refused(body: str) -> str:
    with pytest.raises(BadTemplate) as caught:
        text(body)
    assert caught.value.problem.kind == "bad_input" and caught.value.problem.hint
    return caught.value.problem.message


@pytest.mark.parametrize("name", names())
def test_each_of_our_templates_keeps_to_what_templates_may_use(name: str) -> None:
    checked(ours(name))


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("Hello {{ who }}.", "Hello you."),
        (
            "{% for i in items %}\n- {{ i.a }} of {{ loop.length }}\n{% else %}\nnone\n{% endfor %}\n",
            "- 1 of 2\n- 2 of 2\n",
        ),
        ("{% if who == 'you' and items | length > 1 %}two{% endif %}", "two"),
        ("{{ items }} {{ data.k ~ '-' ~ 3 }}", '[{"a": 1, "items": "x"}, {"a": 2}] v-3'),
        ("{{ items[0].items }}", "x"),
        ("{{ who | upper | replace('Y', 'zz') }}", "zzOU"),
        ("{{ items | map(attribute='a') | join(', ') }}", "1, 2"),
        ("{{ items | selectattr('a', 'equalto', 2) | list | tojson }}", '[{"a": 2}]'),
        ("{{ items[1:] | tojson(indent=2) }}", '[\n  {\n    "a": 2\n  }\n]'),
        ("{% for name, value in data.items() %}{{ name }}={{ value }}{% endfor %}", "k=v"),
        ("{% for n in range(3) %}{{ n * 2 }}{% endfor %}{{ [who] * 2 }}{{ 2 * 'a' }}", '024["you", "you"]aa'),
        ("{% set x = who ~ '!' %}{% with y = x %}{{ y }}{% endwith %}", "you!"),
        ("{{ 'a\nb\n\nc' | indent(2, first=true) }}", "  a\n  b\n\n  c"),
        ("{{ who is ne 'me' }} {{ 7 % 4 }} {{ 1 + 2 }} {{ items[0].b | default('none') }}", "True 3 3 none"),
        ("{% block a %}A{% endblock %}{{ self.a() }}", "AA"),
        ("{{ who | framed('issue ' ~ 12) }}", '<data origin="issue 12" id="bb0347a4">\nyou\n</data id="bb0347a4">'),
    ],
)
def test_what_prompts_are_written_with_works(body: str, made: str) -> None:
    assert text(body) == made


def test_ours_can_be_included_and_extended() -> None:
    assert text("{% include 'system.md.j2' %}").startswith("You make one decision")
    assert text("{% extends 'system.md.j2' %}").startswith("You make one decision")


@pytest.mark.requirement("F2")
@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("\n\n{{ nobody }}", 2, "'nobody' is not one of its variables (who, items, data)."),
        ("\n{% if x is defined %}{% endif %}", 1, "'x' is not one of its variables"),
        ("{{ who", 0, "unexpected end of template"),
        ("\n{% endfor %}", 1, "unknown tag 'endfor'"),
        ("\n{{ data.missing }}", 1, "has no attribute 'missing'"),
        ("{{ 1 / 0 }}", 0, "division by zero"),
        ("{% for i in 5 %}{% endfor %}", 0, "not iterable"),
        ("{% include '/etc/passwd' %}", 0, "only templates that factor12 brings can be included or extended"),
        ("{% include '../../../etc/passwd' %}", 0, "only templates that factor12 brings can be included or extended"),
        ("{% include who %}", 0, "only templates that factor12 brings can be included or extended"),
        ("{% include ['none.md.j2', 'system.md.j2'] %}", 0, "only templates that factor12 brings"),
        ("{% import 'system.md.j2' as s %}", 0, "'import' is not part of what templates may use"),
        ("{% macro f() %}x{% endmacro %}", 0, "'macro' is not part of what templates may use"),
        ("{% set x %}{{ who }}{% endset %}", 0, "'assignblock' is not part of what templates may use"),
        ("{% filter upper %}x{% endfilter %}", 0, "'filterblock' is not part of what templates may use"),
        ("{% for i in items recursive %}{% endfor %}", 0, "a loop cannot be recursive"),
        ("{{ who | center(9) }}", 0, "there is no filter 'center'"),
        ("{% if who %}{{ who | center(9) }}{% endif %}", 0, "there is no filter 'center'"),
        ("{% if who is callable %}{% endif %}", 0, "there is no test 'callable'"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(body: str, line: int, said: str) -> None:
    message = refused(body)
    assert message.startswith(f"{WHERE}:{BODY_AT + line}: ") and said in message


@pytest.mark.requirement("R18")
@pytest.mark.parametrize(
    "body",
    [
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ who.__class__ }}",
        "{{ who['__class__'] }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ range.__globals__ }}",
        "{% for i in items %}{{ loop._iterator }}{% endfor %}",
        "{{ items | map(attribute='__class__') | list }}",
        "{{ items | map('attr', '__class__') | list }}",
        "{{ '{0.__class__}'.format(who) }}",
        "{{ data.update({'k': 1}) }}",
        "{{ items.append(1) }}",
        "{{ data.items.__self__ }}",
        "{{ who() }}",
        "{{ namespace }}",
        "{% autoescape true %}{{ who }}{% endautoescape %}",
    ],
)
def test_nothing_but_the_variables_is_in_reach(body: str) -> None:
    assert refused(body)


GROWING = {
    "repeated text": "{{ 'a' * 200000000 }}",
    "a repeated list": "{{ [1] * 200000000 }}",
    "the other way round": "{{ 200000000 * 'a' }}",
    "doubled by ~": "{% set a = who %}" + "{% set a = a ~ a %}" * 60,
    "doubled by +": "{% set a = who %}" + "{% set a = a + a %}" * 60,
    "doubled by join": "{% set a = who %}" + "{% set a = [a, a] | join %}" * 60,
    "doubled by replace": "{% set a = 'xx' %}" + "{% set a = a | replace('x', a) %}" * 60,
    "lists of lists, printed": "{% set a = [who] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "lists of lists, as JSON": "{% set a = [who] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | tojson }}",
    "lists of lists, compared": "{% set a = [who] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == [[a]] }}",
    "lists of lists, as text": "{% set a = [who] %}" + "{% set a = [a, a] %}" * 60 + "{{ a | string | length }}",
    "squared": "{% set a = 3 %}" + "{% set a = a * a %}" * 60,
    "powers": "{{ 9 ** 9 ** 9 }}",
    "a wide number": "{{ '%1000000000d' % 1 }}",
    "a wide indent": "{{ who | indent(10000000) }}",
    "wide JSON": "{{ data | tojson(indent=10000000) }}",
    "a long range": "{% for i in range(10000000) %}{% endfor %}",
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "nested loops that say nothing": "{% for i in range(9999) if not range(99999) | list %}{% endfor %}",
    "much plain text": "{% for i in range(99999) %}" + "x" * 50000 + "{% endfor %}",
    "slow filters": "{% for i in range(99999) %}"
    + "{{ range(300) | sort | unique | list | max }}" * 9
    + "{% endfor %}",
    "a long join": "{{ range(99999) | join('" + "x" * 999 + "') }}",
    "a block in itself": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "deep brackets": "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}",
    "deep loops": "{% for a in items %}" * 40 + "{% endfor %}" * 40,
    "a long number": "{{ " + "9" * 6000 + " }}",
    "a long file": "x" * 70000,
}


@pytest.mark.requirement("F2")
@pytest.mark.parametrize("body", GROWING.values(), ids=GROWING)
def test_a_template_that_would_eat_time_or_memory_is_stopped(body: str) -> None:
    start = process_time()
    assert refused(body)
    assert process_time() - start < 10


def test_a_long_text_of_somebody_else_passes_as_it_is() -> None:
    whole = "a line of a diff\n" * 20000
    assert text("{{ who }}", who=whole) == whole
    with pytest.raises(BadTemplate, match="has more than 1048576 characters"):
        text("{{ who }}{{ who }}{{ who }}{{ who }}", who=whole)


def test_values_are_never_compiled_whatever_they_hold() -> None:
    attack = "{{ 'a' * 200000000 }}{% include '/etc/passwd' %}"
    assert text("{{ who }}{{ data.k }}", who=attack, data={"k": attack}) == attack * 2


def test_a_template_that_is_rendered_again_is_not_compiled_again() -> None:
    made = template("Hello {{ who }}, " * 500)
    assert made.digest == template("Hello {{ who }}, " * 500).digest
    assert text("Hello {{ who }}", who="a") + text("Hello {{ who }}", who="b") == "Hello aHello b"
